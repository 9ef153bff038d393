/**
 * One history of a mesh that works: people start runs of all kinds while everything that can befall
 * a mesh befalls it; then the faults end, and every run has to. What is checked all the time is in
 * `witness.ts`, what is left to check at the end here.
 */
import { archivingDefaults } from '../../../agent/history/limits.ts'
import type { LedgerWitness } from '../../../agent/ledger/witness.ts'
import { workDefaults } from '../../../agent/work/limits.ts'
import { below } from '../../../protocol/ports/entropy.ts'
import { type Violation, violation } from '../../checkers/violation.ts'
import { SeededEntropy } from '../../world/entropy.ts'
import type { Host, HostOptions } from '../../world/host.ts'
import { tcp } from '../../world/limits.ts'
import type { WorkMoment } from '../fault.ts'
import { Healing } from '../healing.ts'
import { History } from '../history.ts'
import { simLimits } from '../limits.ts'
import { SimulatedMesh } from '../mesh.ts'
import { Overseer, type Said } from '../overseer.ts'
import type { Climate } from '../schedule.ts'
import { goThrough, type Step, stormEndMs } from '../steps.ts'
import { Storm } from '../storm.ts'
import type { Listeners, TrialOptions, TrialResult } from '../trial.ts'
import { crashOf, type Failure, verdictOf } from '../verdict.ts'
import { drawWorkClimate } from './climate.ts'
import { zoneOf } from './drawn-terms.ts'
import { Ending } from './ending.ts'
import { peopleLimits, smallHost, workLedgerLimits, workSimLimits } from './limits.ts'
import { modules, servers } from './machines.ts'
import { Operator } from './operator.ts'
import { programsOf } from './programs.ts'
import { Starter } from './starter.ts'
import { Voters } from './voter.ts'
import { watchedPorts } from './watched-ports.ts'
import { WorkWitness } from './witness.ts'

/** What came of the work of a history. */
export interface WorkCounts {
  readonly runs: number
  /** Programs that were begun, and attempts that were lost. */
  readonly begun: number
  readonly lost: number
  /** Units that were raced, and attempts that another one was before. */
  readonly raced: number
  readonly outrun: number
  readonly votes: number
}

export function workClimateOf({ seed, nodes, minutes, climate }: TrialOptions): Climate {
  if (climate) return climate
  const hosts = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
  const entropy = new SeededEntropy(seed).stream('climate')
  const { calmMs } = workSimLimits
  return drawWorkClimate(entropy, { hosts, calmMs, endMs: stormEndMs(minutes, simLimits.coreMs) })
}

function labelsOf({ index }: Host): Readonly<Record<string, string>> {
  return { zone: zoneOf(index) }
}

export class WorkTrial {
  private readonly options: TrialOptions
  private readonly climate: Climate
  private readonly mesh: SimulatedMesh
  private readonly overseer: Overseer
  private readonly witness: WorkWitness
  private readonly starters: Starter[]
  private readonly voters: Voters
  private readonly operator: Operator
  private readonly say: (line: Said) => void
  /** The entry that began the run of each key, as somebody was told. */
  private readonly keys = new Map<string, number>()
  private readonly began = new Set<number>()
  private storm: Storm | undefined
  private broken: Failure | undefined

  constructor(options: TrialOptions, listeners: Listeners) {
    this.options = options
    this.climate = workClimateOf(options)
    this.say = listeners.say ?? (() => {})
    this.mesh = this.newMesh(listeners)
    const { world } = this.mesh
    const tells = listeners.tells ?? 'turns'
    this.overseer = new Overseer(world, this.say, tells, workLedgerLimits)
    this.witness = new WorkWitness(world, {
      judge: (found) => this.judge(found),
      notice: (moment, host) => this.notice(moment, host),
      say: (host, text) => this.say({ atMs: world.nowMs, host, text }),
      labels: labelsOf,
    })
    this.starters = Array.from(
      { length: peopleLimits.people },
      (_, i) =>
        new Starter(this.mesh, `p${i + 1}`, ({ index, key, by }) => this.wasTold(index, key, by)),
    )
    this.voters = new Voters(this.mesh, (found) => this.judge(found))
    this.operator = new Operator(this.mesh)
    this.planDisks()
  }

  async run(): Promise<TrialResult> {
    const verdict = await verdictOf(
      () => this.phases(),
      (error) => this.crashed(error),
    )
    const { world } = this.mesh
    const { runs, attempts, votes } = this.witness
    return {
      seed: this.options.seed,
      verdict,
      climate: this.climate,
      hash: world.traceHash(),
      events: world.events,
      virtualMs: world.nowMs,
      elections: this.overseer.elections,
      entries: this.overseer.appliedMost,
      operations: new History().counts(),
      work: {
        runs: runs.count,
        begun: attempts.begun,
        lost: attempts.lost,
        raced: attempts.raced,
        outrun: attempts.outrun,
        votes: votes.voted,
      },
    }
  }

  // ── Phases ────────────────────────────────────────────────────────────────────────────────────

  private async phases(): Promise<Failure | undefined> {
    this.storm = new Storm(this.mesh, this.climate.faults)
    this.overseer.onMoment = (moment, host) => this.storm?.noticed(moment, host)
    for (const starter of this.starters) void starter.run()
    void this.voters.run()
    void this.operator.run()
    const { world } = this.mesh
    await world.runUntil(
      () => this.failure !== undefined,
      stormEndMs(this.options.minutes, simLimits.coreMs),
    )
    if (this.failure) return this.failure
    for (const starter of this.starters) starter.stop()
    this.operator.stop()
    const healing = new Healing(this.mesh, this.say)
    healing.chooseCore()
    const ending = new Ending(this.mesh, this.witness, (found) => this.judge(found))
    const stuck = await this.goThrough([healing.core, healing.whole])
    if (stuck) return stuck
    void this.operator.release()
    return (await this.goThrough([ending.runs, ending.hosts, ending.kept])) ?? this.judgeEnd()
  }

  private goThrough(steps: readonly Step[]): Promise<Failure | undefined> {
    // So long may TCP sit on what it has lost again and again in bad weather.
    return goThrough(this.mesh, steps, () => this.failure, tcp.retransmitMostMs)
  }

  private judgeEnd(): Failure | undefined {
    this.voters.stop()
    for (const index of this.began) {
      if (this.witness.hasBegun(index)) continue
      this.judge(violation('no run is lost', `a run began in entry ${index}, and there is none`))
    }
    return this.failure
  }

  // ── The mesh ──────────────────────────────────────────────────────────────────────────────────

  private newMesh({ trace }: Listeners): SimulatedMesh {
    const { nodes, seed } = this.options
    const { link, driftPpm } = this.climate
    const chance = new SeededEntropy(seed).stream('machines')
    const { archiveSoonMs, archiveSoonShare } = workSimLimits
    const archiveAfterMs =
      chance.unit() < archiveSoonShare
        ? archiveSoonMs[below(chance, archiveSoonMs.length)]!
        : archivingDefaults.afterMs
    const isSmall = Array.from({ length: nodes }, () => chance.unit() < 0.4)
    return new SimulatedMesh(nodes, {
      seed,
      link,
      driftPpm,
      archiveAfterMs,
      ledgerLimits: workLedgerLimits,
      ...(trace ? { trace } : {}),
      witness: (host, term) => this.seeing(host, term),
      labels: labelsOf,
      machine: (name) => this.machineOf(name),
      work: ({ index }) => (isSmall[index] ? { ...workDefaults, ...smallHost } : workDefaults),
      watched: (host, ports) =>
        watchedPorts(ports, (moment) => this.notice(moment, host), this.options.forgets === true),
    })
  }

  private machineOf(name: string): HostOptions {
    const programs = programsOf(this.witnessOf(() => this.mesh.world.host(name)))
    return { programs, modules, servers }
  }

  /** Hosts are made before there is anybody to watch them. */
  private witnessOf(host: () => Host): ReturnType<WorkWitness['ear']> {
    return {
      begins: (self) => this.witness.ear(host()).begins(self),
      exits: (...said) => this.witness.ear(host()).exits(...said),
    }
  }

  private seeing(host: Host, term: () => number): LedgerWitness {
    const seen = this.overseer.witness(host, term)
    return {
      ...seen,
      applied: (firstIndex, entries, state) => {
        seen.applied(firstIndex, entries, state)
        for (const [i, entry] of entries.entries()) this.witness.applied(firstIndex + i, entry)
      },
    }
  }

  /** A disk that is replaced takes along what the agent knew of its attempts. */
  private planDisks(): void {
    const { world } = this.mesh
    for (const fault of this.climate.faults) {
      if (fault.kind !== 'newDisk') continue
      world.plan(fault.atMs, 'fault', `${fault.host} will know of no attempt`, () =>
        this.witness.diskLost(world.host(fault.host)),
      )
    }
  }

  // ── What is seen ──────────────────────────────────────────────────────────────────────────────

  private notice(moment: WorkMoment, host: Host | undefined): void {
    const leader = this.mesh.nodes.find(
      (node) =>
        node.host.state === 'up' && node.life === node.host.life && node.agent?.ledger.leads,
    )?.host
    if (host) this.storm?.noticed(moment, host)
    if (leader && leader !== host) this.storm?.noticed(moment, leader)
  }

  private wasTold(index: number, key: string | undefined, by: string): void {
    this.began.add(index)
    if (key === undefined) return
    const known = this.keys.get(key) ?? index
    this.keys.set(key, known)
    if (known === index) return
    const what = `${by} was told of two runs for ${key}: of entry ${known}, and of ${index}`
    this.judge(violation('a key begins one run', what))
  }

  private get failure(): Failure | undefined {
    return this.broken ?? this.overseer.violation
  }

  private judge(found: Violation | undefined): void {
    if (!found) return
    const atMs = this.mesh.world.nowMs
    this.broken ??= { kind: 'safety', ...found, atMs }
    this.say({ atMs, host: '', text: `VIOLATION of ${found.checker}: ${found.what}` })
  }

  private crashed(error: unknown): Failure {
    this.broken ??= crashOf(error, this.mesh.world.nowMs)
    return this.broken
  }
}
