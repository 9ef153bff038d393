/**
 * Brings the mesh over to another swarm key. A person writes into the ledger that there is to be one;
 * whoever leads makes it, keeps it there sealed under the mesh key that voters have, and takes all
 * hosts along, step by step (`steps.ts`). What is in the ledger is what a new leader goes on from.
 */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { BadQuestion } from '../../agent/requests/calls.ts'
import { sealingLimits, swarmKeyBytes } from '../../protocol/identity/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { sealedTo } from '../../protocol/identity/sealing.ts'
import { meshFingerprint } from '../../protocol/identity/swarm-key.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { fitted } from '../audit/deed.ts'
import { lookAfter } from '../looking-after.ts'
import type { MeshKey } from '../secrets/mesh-key.ts'
import type { SwarmHold } from './hold.ts'
import { swarmLimits } from './limits.ts'
import { type HeldRow, isFinishWished, putRow, rowIn, wishIn } from './rows.ts'
import {
  hasReached,
  nextStep,
  type SwarmHost,
  type SwarmReport,
  type SwarmStep,
  swarmStepOf,
  swarmSteps,
} from './steps.ts'
import {
  aboutKept,
  aboutTold,
  Question,
  ROTATE_WISH,
  SERVICE,
  SwarmAnswer,
  type SwarmProgress,
  type SwarmQuestion,
  type SwarmStanding,
} from './wire.ts'

export class SwarmDesk {
  readonly hold: SwarmHold
  readonly #agent: Agent
  readonly #meshKey: MeshKey
  readonly #entropy: Entropy
  /** As leader, in this turn: what hosts have said of themselves. */
  #reports = new Map<PeerId, SwarmReport>()
  /** The key of that row, once it was opened here. */
  #opened: { madeMs: number; key: Uint8Array } | undefined

  constructor(agent: Agent, meshKey: MeshKey, hold: SwarmHold) {
    this.#agent = agent
    this.#meshKey = meshKey
    this.hold = hold
    this.#entropy = agent.ports.entropy.stream('swarm')
  }

  module(): ModuleSpec {
    let candidacy: Candidacy | undefined
    return {
      name: 'swarm-key',
      priority: 6,
      needs: ['ledger'],
      start: () => {
        this.#agent.calls.serve(SERVICE, (from, body) => this.#serve(from, body))
        candidacy = this.#agent.ledger.lead((turn) => this.#lead(turn))
        this.hold.start()
      },
      stop: () => {
        candidacy?.withdraw()
        this.hold.stop()
      },
    }
  }

  /** How far everybody is; undefined where nothing was ever rotated, or nobody leads who could say. */
  async progress(): Promise<SwarmProgress | undefined> {
    const { leader, id } = this.#agent.ledger
    if (leader === undefined) return undefined
    if (leader === id) return this.#progress()
    return (await this.#ask(leader, { kind: 'progress', value: {} }))?.progress
  }

  // ── At every agent ────────────────────────────────────────────────────────────────────────────

  async #serve(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const read = decode(Question, body)
    if (!read.ok) throw new BadQuestion(`no question about the swarm key: ${read.why}`)
    const { question } = read.value
    if (question.kind === 'progress') return encode(SwarmAnswer, withProgress(this.#progress()))
    const step = swarmStepOf(question.value.step)
    if (step === undefined) throw new BadQuestion('no step of the swarm key')
    const { ledger, peers } = this.#agent
    // Whoever it obeyed besides could cut it off from the mesh.
    if (ledger.leader === from && peers.isCoordinator(from)) {
      await this.hold.come({ ...question.value, step })
    }
    return encode(SwarmAnswer, { standing: this.#standing() })
  }

  #standing(): SwarmStanding {
    const { madeMs, step, older } = this.hold.report
    return { madeMs, step: swarmSteps[step], older, sealing: this.hold.sealing }
  }

  async #ask(peer: PeerId, question: SwarmQuestion): Promise<SwarmAnswer | undefined> {
    const body = encode(Question, { question })
    const asked = await this.#agent.calls.ask(peer, SERVICE, body, swarmLimits.askMs)
    const answer = asked.ok ? decode(SwarmAnswer, asked.body) : undefined
    return answer?.ok ? answer.value : undefined
  }

  // ── At whoever leads ──────────────────────────────────────────────────────────────────────────

  #lead(turn: Leadership): void {
    this.#reports = new Map()
    const { clock, log } = this.#agent.ports
    lookAfter({ clock, log: log.child('swarm') }, turn, {
      what: 'the swarm key',
      everyMs: swarmLimits.lookMs,
      look: (over) => this.#look(over),
    })
  }

  async #look(over: AbortSignal): Promise<void> {
    const { state } = this.#agent.ledger
    const row = rowIn(state)
    const wish = wishIn(state, ROTATE_WISH)
    if (wish?.madeMs === (row?.madeMs ?? 0) && (row === undefined || row.step === 'alone')) {
      return this.#make(row, wish.by)
    }
    if (row === undefined) return
    await this.#bringAlong(row, over)
    if (over.aborted) return
    const next = nextStep(row, this.#hosts(), isFinishWished(state, row))
    if (next !== undefined) await this.#goOn(row, next)
  }

  async #make(before: HeldRow | undefined, by: string): Promise<void> {
    const key = this.#entropy.bytes(swarmKeyBytes)
    const madeMs = this.#laterThan(before?.madeMs ?? 0)
    const sealed = await this.#meshKey.seal(key, aboutKept(madeMs))
    const fence = sealed && this.#meshKey.fence(sealed)
    if (sealed === undefined || fence === undefined) return
    const row: HeldRow = {
      madeMs,
      step: 'taken',
      sinceMs: this.#agent.ports.clock.wall(),
      by,
      was: meshFingerprint(this.hold.held.key),
      now: meshFingerprint(key),
      sealed,
      revision: before?.revision ?? 0,
    }
    await this.#write(row, 'swarmKey.made', `another swarm key goes to all hosts, for ${by}`, fence)
  }

  /** Also than what hosts hold whose ledger has been put back to an earlier time. */
  #laterThan(madeMs: number): number {
    const held = [...this.#reports.values()].map((report) => report.madeMs)
    const latest = Math.max(madeMs, this.hold.held.madeMs, ...held)
    return Math.max(this.#agent.ports.clock.wall(), latest + 1)
  }

  /** Every host that is here is asked to come so far; this one last, for it may cut others off. */
  async #bringAlong(row: HeldRow, over: AbortSignal): Promise<void> {
    const { id } = this.#agent
    const hosts = this.#hosts()
    const known = new Set(hosts.map((host) => host.id))
    for (const peer of this.#reports.keys()) if (!known.has(peer)) this.#reports.delete(peer)
    const behind = hosts.filter(({ isHere, report }) => isHere && !hasReached(report, row))
    const others = behind.flatMap((host) => (host.id === id ? [] : [host.id]))
    for (let at = 0; at < others.length && !over.aborted; at += swarmLimits.askedAtOnce) {
      const some = others.slice(at, at + swarmLimits.askedAtOnce)
      await Promise.all(some.map((peer) => this.#bring(peer, row)))
    }
    if (over.aborted || !behind.some((host) => host.id === id)) return
    await this.hold.come({ ...goalOf(row), sealed: await this.#sealedFor(this.hold.sealing, row) })
    this.#reports.set(id, this.hold.report)
  }

  async #bring(peer: PeerId, row: HeldRow): Promise<void> {
    const goal = { madeMs: row.madeMs, step: swarmSteps[row.step] }
    let standing = (await this.#ask(peer, { kind: 'come', value: goal }))?.standing
    if (standing !== undefined && standing.madeMs < row.madeMs) {
      const sealed = await this.#sealedFor(standing.sealing, row)
      if (sealed === undefined) return
      standing = (await this.#ask(peer, { kind: 'come', value: { ...goal, sealed } }))?.standing
    }
    const step = standing && swarmStepOf(standing.step)
    if (standing === undefined || step === undefined) return
    this.#reports.set(peer, { madeMs: standing.madeMs, step, older: standing.older })
  }

  async #sealedFor(sealing: Uint8Array, row: HeldRow): Promise<Uint8Array | undefined> {
    const key = await this.#keyOf(row)
    const chance = this.#entropy.bytes(sealingLimits.chanceBytes)
    return key && sealedTo(sealing, key, aboutTold(row.madeMs), chance)
  }

  async #keyOf({ madeMs, sealed }: HeldRow): Promise<Uint8Array | undefined> {
    if (this.#opened?.madeMs === madeMs) return this.#opened.key
    const key = await this.#meshKey.open(sealed, aboutKept(madeMs))
    if (key === undefined) {
      this.#agent.ports.log.child('swarm').warn('the swarm key of the ledger cannot be opened')
      return undefined
    }
    this.#opened = { madeMs, key }
    return key
  }

  async #goOn(row: HeldRow, step: SwarmStep): Promise<void> {
    const sinceMs = this.#agent.ports.clock.wall()
    await this.#write({ ...row, step, sinceMs }, `swarmKey.${step}`, told[step])
  }

  async #write(row: HeldRow, kind: string, text: string, fence?: SimpleCommand): Promise<void> {
    const { ledger, membership, journal, id } = this.#agent
    const name = membership.nameOf(id)
    const note = {
      actor: `agent ${name}`,
      verb: kind,
      object: row.now,
      from: name,
      detail: `in the place of ${row.was}, for ${row.by}`,
    }
    const commands = [putRow(row), ...(fence === undefined ? [] : [fence])]
    const value = { commands, audit: fitted({ ...note, outcome: 'ok' }) }
    const timeoutMs = swarmLimits.appendMs
    const outcome = await ledger.append({ kind: 'batch', value }, { timeoutMs })
    if (outcome.kind !== 'applied' || outcome.result.code !== 'ok') return
    journal.record({ kind, node: id, name, text, fields: { key: row.now } })
  }

  #hosts(): SwarmHost[] {
    const { membership, settings, trust } = this.#agent
    return membership
      .members()
      .filter(({ id, state }) => state !== 'left' && !trust.isRevoked(settings.keyOf(id)))
      .map(({ id, self, state }) => {
        const isHere = self || state === 'alive' || state === 'suspect'
        return { id, isHere, report: this.#reports.get(id) }
      })
  }

  #progress(): SwarmProgress | undefined {
    const row = this.#agent.ledger.leads ? rowIn(this.#agent.ledger.state) : undefined
    if (row === undefined) return undefined
    const { madeMs, sinceMs, by, was, now } = row
    const hosts = this.#hosts()
      .slice(0, swarmLimits.hostsMax)
      .map(({ id, isHere, report }) => {
        const here = isHere ? 1 : 0
        if (report === undefined) return { id, here }
        // What it holds of an earlier key is nothing of this one.
        const step = report.madeMs === madeMs ? swarmSteps[report.step] : 0
        return { id, here, step, older: report.older }
      })
    return { madeMs, step: swarmSteps[row.step], sinceMs, by, was, now, hosts }
  }
}

const told: Readonly<Record<SwarmStep, string>> = {
  taken: 'another swarm key goes to all hosts',
  dialled: 'all hosts that are here take the new swarm key, and dial with it from now on',
  alone: 'the old swarm key is taken no more',
}

function goalOf({ madeMs, step }: HeldRow): { madeMs: number; step: SwarmStep } {
  return { madeMs, step }
}

function withProgress(progress: SwarmProgress | undefined): SwarmAnswer {
  return progress === undefined ? {} : { progress }
}
