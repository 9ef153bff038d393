/**
 * One history of a mesh under a seed, from its beginning to a verdict. It has three phases: safety,
 * with every fault that a correct mesh survives; then liveness, when the faults have ended for a
 * core that can decide, and at last for all; and peace, in which a leader stays until it is lost.
 */
import { checkLinearizable } from '../checkers/linearizability.ts'
import type { Operation } from '../checkers/operations.ts'
import { SeededEntropy } from '../world/entropy.ts'
import type { TraceSink } from '../world/trace.ts'
import { Client } from './clients.ts'
import { Healing } from './healing.ts'
import { History } from './history.ts'
import { clientLimits, peaceLimits, simLimits } from './limits.ts'
import { SimulatedMesh } from './mesh.ts'
import { Overseer, type Said, type Tells } from './overseer.ts'
import { Parting } from './parting.ts'
import { Peace } from './peace.ts'
import { type Climate, drawClimate } from './schedule.ts'
import { goThrough, type Step, stormEndMs } from './steps.ts'
import { Storm } from './storm.ts'
import { crashOf, type Failure, type Verdict, verdictOf } from './verdict.ts'
import { type WorkCounts, WorkTrial, workClimateOf } from './work/trial.ts'

export interface TrialOptions {
  readonly seed: string
  readonly nodes: number
  readonly minutes: number
  /** Instead of the one that the seed has: a part of it, when a history is shrunk. */
  readonly climate?: Climate
  /** Instead of clients of the ledger, people who start runs, and all that follows. */
  readonly work?: boolean
  /** Agents that write down nothing of attempts: a mesh that must fail at its work. */
  readonly forgets?: boolean
  /** Disks say that they have synced what they have not: a mesh that must fail. */
  readonly lyingDisks?: boolean
}

export interface TrialResult {
  readonly seed: string
  readonly verdict: Verdict
  readonly climate: Climate
  /** Of every event that reached a host: one seed, one hash. */
  readonly hash: string
  readonly events: number
  readonly virtualMs: number
  readonly elections: number
  readonly entries: number
  readonly operations: ReturnType<History['counts']>
  readonly work?: WorkCounts
}

export interface Listeners {
  /** What a person wants to read. */
  readonly say?: (line: Said) => void
  readonly tells?: Tells
  /** Everything. */
  readonly trace?: TraceSink
}

export function climateOf(options: TrialOptions): Climate {
  if (options.work) return workClimateOf(options)
  const { seed, nodes, minutes, climate } = options
  if (climate) return climate
  const hosts = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
  const entropy = new SeededEntropy(seed).stream('climate')
  return drawClimate(entropy, { hosts, calmMs: simLimits.calmMs, endMs: endOf(minutes) })
}

/** No history ends before the minutes that were asked for: peace looks on for so long in any case. */
function endOf(minutes: number): number {
  return stormEndMs(minutes, peaceLimits.unheardMs + peaceLimits.backMs)
}

export async function runTrial(
  options: TrialOptions,
  listeners: Listeners = {},
): Promise<TrialResult> {
  return (options.work ? new WorkTrial(options, listeners) : new Trial(options, listeners)).run()
}

class Trial {
  private readonly options: TrialOptions
  private readonly climate: Climate
  private readonly mesh: SimulatedMesh
  private readonly overseer: Overseer
  private readonly history = new History()
  private readonly clients: Client[]
  private readonly say: (line: Said) => void
  private crash: Failure | undefined

  constructor(options: TrialOptions, listeners: Listeners) {
    this.options = options
    this.climate = climateOf(options)
    this.say = listeners.say ?? (() => {})
    const { link, driftPpm } = this.climate
    this.mesh = new SimulatedMesh(options.nodes, {
      seed: options.seed,
      link,
      driftPpm,
      ...(listeners.trace ? { trace: listeners.trace } : {}),
      witness: (host, term) => this.overseer.witness(host, term),
    })
    const { world } = this.mesh
    if (options.lyingDisks) for (const { platter } of world.hosts) platter.lies = true
    this.overseer = new Overseer(world, this.say, listeners.tells ?? 'turns')
    this.clients = Array.from(
      { length: clientLimits.clients },
      (_, i) =>
        new Client(this.mesh, this.history, `c${i + 1}`, i % 2 === 0, {
          committed: () => this.overseer.appliedMost,
          ended: (operation) => this.check(operation),
          read: (agent, committed, index) => this.overseer.read(agent.ledger.id, committed, index),
        }),
    )
  }

  async run(): Promise<TrialResult> {
    const verdict = await verdictOf(
      () => this.phases(),
      (error) => this.crashed(error),
    )
    const { world } = this.mesh
    return {
      seed: this.options.seed,
      verdict,
      climate: this.climate,
      hash: world.traceHash(),
      events: world.events,
      virtualMs: world.nowMs,
      elections: this.overseer.elections,
      entries: this.overseer.appliedMost,
      operations: this.history.counts(),
    }
  }

  private async phases(): Promise<Failure | undefined> {
    const storm = new Storm(this.mesh, this.climate.faults)
    this.overseer.onMoment = (moment, host) => storm.noticed(moment, host)
    for (const client of this.clients) void client.run(() => storm.pace)
    await this.advance(endOf(this.options.minutes))
    if (this.failure) return this.failure
    for (const client of this.clients) client.stop()
    const healing = new Healing(this.mesh, this.say)
    healing.chooseCore()
    return (
      (await this.goThrough([healing.core, healing.whole])) ??
      this.judgeHistory() ??
      (await this.goThrough(new Peace(this.mesh, this.say).steps)) ??
      (await this.goThrough(new Parting(this.mesh, this.say).steps))
    )
  }

  private goThrough(steps: readonly Step[]): Promise<Failure | undefined> {
    return goThrough(this.mesh, steps, () => this.failure)
  }

  private async advance(untilMs: number): Promise<void> {
    const { world } = this.mesh
    await world.runUntil(() => this.failure !== undefined, untilMs - world.nowMs)
  }

  private get failure(): Failure | undefined {
    return this.crash ?? this.overseer.violation
  }

  private check({ op, outcome }: Operation): void {
    if (op.kind !== 'put' || outcome.kind !== 'ok' || outcome.revision === undefined) return
    this.overseer.acknowledged(outcome.revision, op.value)
  }

  private judgeHistory(): Failure | undefined {
    const { operations } = this.history
    const judged = checkLinearizable(operations, { stepsMax: simLimits.searchStepsMax })
    if (judged.kind === 'linearizable') return undefined
    return {
      kind: 'safety',
      checker: 'linearizability',
      what:
        judged.kind === 'violation'
          ? `what clients saw of ${judged.key} has no order that explains it`
          : `the search for an order at ${judged.key} was given up`,
      lines: judged.kind === 'violation' ? judged.explanation : [],
      atMs: this.mesh.world.nowMs,
    }
  }

  private crashed(error: unknown): Failure {
    this.crash ??= crashOf(error, this.mesh.world.nowMs)
    return this.crash
  }
}
