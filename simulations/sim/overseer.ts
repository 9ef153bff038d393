/**
 * Watches all hosts of a mesh from inside the world, entry by entry, and keeps the first thing that
 * must never be. It sees what no host sees: what the others hold.
 */
import type { LedgerWitness } from '../../agent/ledger/witness.ts'
import type { Limits } from '../../protocol/consensus/limits.ts'
import type { Entry } from '../../protocol/consensus/messages.ts'
import type { RaftEvent, Ready } from '../../protocol/consensus/ready.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { DigestsEqual } from '../checkers/digests-equal.ts'
import { ElectionSafety } from '../checkers/election-safety.ts'
import { StateMachineSafety } from '../checkers/state-machine-safety.ts'
import { type Violation, violation } from '../checkers/violation.ts'
import { describeEvent, describeReady } from '../readable/ready.ts'
import type { Host } from '../world/host.ts'
import { hashOfBytes } from '../world/trace.ts'
import type { World } from '../world/world.ts'
import { Backstage } from './backstage.ts'
import type { Moment } from './fault.ts'
import { likeStates } from './likeness.ts'
import type { Failure } from './verdict.ts'

export interface Said {
  readonly atMs: number
  readonly host: string
  readonly text: string
}

/** `everything`: each message, write and entry of consensus; `turns`: who leads and who votes. */
export type Tells = 'turns' | 'everything'

export class Overseer {
  violation: Failure | undefined
  private readonly world: World
  private readonly say: (line: Said) => void
  private readonly tells: Tells
  private readonly elected = new ElectionSafety()
  private readonly machines = new StateMachineSafety()
  private readonly states = new DigestsEqual(likeStates)
  private readonly backstage: Backstage
  /** What stands in each entry, for those who were told that theirs does. */
  private readonly texts = new Map<number, string>()
  elections = 0
  /** Called when something happens in the life of a voter. */
  onMoment: (moment: Moment, host: Host) => void = () => {}

  /** `limits`: of the ledger, where they are not those of every simulation. */
  constructor(world: World, say: (line: Said) => void, tells: Tells, limits?: Limits) {
    this.world = world
    this.say = say
    this.tells = tells
    const listening = {
      judge: (found: Violation | undefined) => this.judge(found),
      notice: (moment: Moment, host: Host) => this.onMoment(moment, host),
    }
    this.backstage = new Backstage(this.machines.log, listening, limits)
  }

  /** The highest entry that anybody has applied. */
  get appliedMost(): number {
    return this.machines.log.lastIndex
  }

  /** For one agent; `term`: in which that host is. */
  witness(machine: Host, term: () => number): LedgerWitness {
    const host = machine.name
    return {
      started: () => {
        this.judge(this.machines.observe({ kind: 'died', host }))
        this.backstage.started(machine)
      },
      follows: (ready, log) => {
        if (this.tells === 'everything') this.tellReady(machine, ready)
        this.backstage.follows(machine, ready, log)
      },
      heard: (event) => this.heard(host, event),
      applied: (firstIndex, entries, state) => {
        const inTerm = term()
        for (const [i, entry] of entries.entries()) {
          this.applied(host, firstIndex + i, entry, inTerm)
        }
        this.compare(host, state)
      },
      restored: (state) => {
        this.judge(this.machines.observe({ kind: 'begins', host, index: state.index }))
        this.compare(host, state)
      },
    }
  }

  /** A client was told that this text stands in the entry of that index. */
  acknowledged(index: number, text: string): void {
    const held = this.texts.get(index)
    if (held?.includes(text)) return
    this.judge(
      violation('no acknowledged write lost', `entry ${index} was acknowledged as ${text}`, [
        held ? 'something else was applied there' : 'nobody applied it',
      ]),
    )
  }

  /** A client was answered by that host from the state after `index`; so much was committed before. */
  read(id: string, committed: number, index: number): void {
    if (index >= committed) return
    this.judge(
      violation(
        'linearizable reads',
        `${this.nameOf(id)} answers from entry ${index} what was asked when ${committed} was applied`,
      ),
    )
  }

  private heard(host: string, event: RaftEvent): void {
    this.tell(host, describeEvent(event, this.nameOf))
    if (event.kind === 'role' && event.role === 'leader') {
      this.elections++
      this.judge(this.elected.observe({ host, term: event.term }))
    } else if (event.kind === 'misbehaviour') {
      const what = `${host} accuses ${this.nameOf(event.peer)} of ${event.what}`
      this.judge(violation('rules of consensus', what))
    }
  }

  private tellReady(host: Host, ready: Ready): void {
    // Events are told as they are heard.
    for (const line of describeReady(host.id, { ...ready, events: [] }, this.nameOf)) {
      this.tell(host.name, line)
    }
  }

  private tell(host: string, text: string): void {
    this.say({ atMs: this.world.nowMs, host, text })
  }

  private applied(host: string, index: number, entry: Entry, inTerm: number): void {
    const { term, data } = entry
    const hash = hashOfBytes(data)
    this.judge(this.machines.observe({ kind: 'applied', host, index, term, hash, inTerm }))
    if (!this.texts.has(index))
      this.texts.set(
        index,
        Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1'),
      )
  }

  private compare(host: string, state: LedgerState): void {
    const { index } = state
    this.judge(this.states.observe({ host, index, digest: state }))
  }

  private judge(found: Violation | undefined): void {
    if (!found) return
    const atMs = this.world.nowMs
    this.violation ??= { kind: 'safety', ...found, atMs }
    this.say({ atMs, host: '', text: `VIOLATION of ${found.checker}: ${found.what}` })
  }

  private readonly nameOf = (id: string): string =>
    this.world.hosts.find((host) => host.id === id)?.name ?? id
}
