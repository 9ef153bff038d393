/**
 * One history from one seed: first everything fails that may fail, and no law may break; then the
 * faults stop, and the mesh has to come to itself in bounded time, or say who waits for what.
 */
import type { Member } from '../../protocol/consensus/messages.ts'
import { below, pick, shuffle } from '../../protocol/ports/entropy.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { Violation } from './checkers.ts'
import { Cluster } from './cluster.ts'
import type { Host } from './host.ts'
import type { Sabotage } from './sabotage.ts'
import type { Weather } from './wires.ts'

export interface Outcome {
  readonly steps: number
  readonly committed: number
  readonly reads: number
  readonly terms: number
  readonly virtualMs: number
}

/** `tiny`: nearly every proposal is compacted before all have it. */
const logLimits = {
  large: {},
  small: { logBytesSoft: 1_500, logBytesHard: 3_000, logTailBytes: 300, appendBytesMax: 250 },
  tiny: { logBytesSoft: 300, logBytesHard: 400, logTailBytes: 60, appendBytesMax: 120 },
} as const

/** About twice as long as it takes to follow a leader. */
const COUP_MS = 400

/** Everything about a history that is drawn, so that seeds differ in kind and not only in luck. */
interface Plan {
  readonly nodes: number
  readonly founders: number
  readonly weather: Weather
  readonly stormMs: number
  readonly faultEveryMs: number
  readonly crashes: boolean
  readonly partitions: boolean
  /** The leader alone is cut off, long enough for others to find another; mostly a slow one. */
  readonly coups: boolean
  readonly changes: boolean
  readonly transfers: boolean
  readonly damage: boolean
  readonly wipes: boolean
  readonly log: keyof typeof logLimits
  readonly drift: number
  /** A snapshot in many pieces, or in one. */
  readonly chunkBytes: number
  readonly hasteMs: number | undefined
  readonly spareMs: number
}

function draw(entropy: SeededEntropy): Plan {
  const chance = (share: number) => entropy.unit() < share
  const nodes = pick(entropy, [3, 3, 5, 5, 7]) as number
  // Disks fail where the configuration stays, so that it is known how many may fail.
  const fragile = pick(entropy, ['', '', '', 'damage', 'wipe'])
  const cuts = pick(entropy, ['partitions', 'partitions', 'coups', 'coups'])
  // What is wrong about the time that a coup takes shows where nothing else takes any.
  const quick = cuts === 'coups' && chance(0.5)
  const diskMinMs = quick || chance(0.5) ? 0.1 : 2
  return {
    nodes,
    founders: chance(0.6) ? nodes : Math.max(1, nodes - below(entropy, nodes)),
    weather: {
      loss: chance(0.5) ? 0.15 * entropy.unit() : 0,
      doubling: chance(0.5) ? 0.2 * entropy.unit() : 0,
      delayMinMs: 0.2,
      delayMaxMs: pick(entropy, quick ? [1] : [1, 5, 30, 90]) as number,
      strays: chance(0.5) ? 0.05 : 0,
      strayMs: 1_500,
      diskMinMs,
      diskMaxMs: diskMinMs + (pick(entropy, quick ? [0.5] : [0.5, 5, 40, 150]) as number),
    },
    stormMs: 2_000 + 2_000 * entropy.unit(),
    faultEveryMs: 30 + 270 * entropy.unit(),
    crashes: !quick && chance(0.7),
    partitions: cuts === 'partitions',
    coups: cuts === 'coups',
    changes: fragile === '' && chance(0.8),
    transfers: chance(0.5),
    damage: fragile === 'damage',
    wipes: fragile === 'wipe',
    log: pick(entropy, ['large', 'small', 'tiny', 'tiny']) as keyof typeof logLimits,
    drift: pick(entropy, [0.02, 0.3]) as number,
    hasteMs: chance(0.25) ? 60 : undefined,
    chunkBytes: chance(0.5) ? 4_096 : 16,
    spareMs: chance(0.5) ? 0 : 20,
  }
}

export function runHistory(
  seed: string | number,
  sabotage?: Sabotage,
  watch: (cluster: Cluster) => void = () => {},
): Outcome {
  const entropy = new SeededEntropy(`history ${seed}`)
  const plan = draw(entropy)
  const cluster = new Cluster({
    seed,
    nodes: plan.nodes,
    founders: plan.founders,
    weather: plan.weather,
    timing: {
      clockDriftMax: plan.drift,
      ...(plan.hasteMs === undefined ? {} : { hasteMs: plan.hasteMs }),
    },
    ...(sabotage ? { sabotage } : {}),
    limits: {
      snapshotChunkBytes: plan.chunkBytes,
      snapshotChunksInflightMax: 2,
      promotionLagEntriesMax: 8,
      spareMs: plan.spareMs,
      stallMs: 3,
      inflightAppendsMax: 4,
      ...logLimits[plan.log],
    },
  })
  watch(cluster)
  return new History(cluster, plan, entropy).run()
}

export class History {
  readonly cluster: Cluster
  private readonly plan: Plan
  private readonly entropy: SeededEntropy
  private proposals = 0

  constructor(cluster: Cluster, plan: Plan, entropy: SeededEntropy) {
    this.cluster = cluster
    this.plan = plan
    this.entropy = entropy
  }

  run(): Outcome {
    const { cluster, plan } = this
    cluster.startAll()
    this.every(8, () => this.client())
    if (plan.crashes) this.every(plan.faultEveryMs * 2, () => this.crashOrStart())
    if (plan.partitions) this.every(plan.faultEveryMs, () => this.cutOrHeal())
    if (plan.coups) this.every(COUP_MS, () => this.coup())
    if (plan.changes) this.every(plan.faultEveryMs, () => this.change())
    if (plan.transfers) this.every(plan.faultEveryMs * 2, () => this.transfer())
    if (plan.damage) this.every(plan.faultEveryMs * 4, () => this.damage())
    if (plan.wipes) this.every(plan.stormMs / 2, () => this.wipe())
    cluster.run(plan.stormMs)
    this.recover()
    return {
      steps: cluster.steps,
      committed: cluster.checkers.committedCount,
      reads: cluster.answeredReads,
      terms: Math.max(...cluster.hosts.map(({ raft }) => raft?.status().term ?? 0)),
      virtualMs: cluster.now,
    }
  }

  // ── The storm ─────────────────────────────────────────────────────────────────────────────────

  private stormy = true

  private every(meanMs: number, act: () => void): void {
    const again = () => {
      const inMs = meanMs * (0.3 + 1.4 * this.entropy.unit())
      this.cluster.at(this.cluster.now + inMs, () => {
        if (!this.stormy) return
        act()
        again()
      })
    }
    again()
  }

  private anyone(): Host {
    return pick(this.entropy, this.cluster.hosts) as Host
  }

  private client(): void {
    const { cluster, entropy } = this
    // Whoever still believes that it leads is asked, since it is the one that could be wrong.
    for (const host of cluster.hosts)
      if (host !== cluster.leader && host.leads)
        cluster.read(host, entropy.unit() < 0.7 ? 'lease' : 'safe')
    const asked = entropy.unit() < 0.8 ? (cluster.leader ?? this.anyone()) : this.anyone()
    // Now and then many in a row: then a peer lacks more than a log keeps.
    const row = entropy.unit() < 0.1 ? 12 : 1
    if (entropy.unit() < 0.6)
      for (let i = 0; i < row; i++) cluster.propose(asked, `command ${this.proposals++}`)
    if (entropy.unit() < 0.5) {
      const reader = entropy.unit() < 0.5 ? asked : this.anyone()
      cluster.read(reader, entropy.unit() < 0.5 ? 'lease' : 'safe')
    }
  }

  private crashOrStart(): void {
    const { cluster, entropy } = this
    const again = entropy.unit() < 0.5
    for (let hosts = 1 + below(entropy, cluster.hosts.length - 1); hosts > 0; hosts--) {
      const host = this.anyone()
      if (host.raft === undefined) cluster.start(host)
      else {
        cluster.crash(host)
        if (again) cluster.start(host)
        else if (entropy.unit() < 0.7) break
      }
    }
  }

  private cutOrHeal(): void {
    const { cluster, entropy } = this
    if (entropy.unit() < 0.4) return cluster.heal()
    if (entropy.unit() < 0.3 && cluster.leader) return cluster.isolate(cluster.leader.index + 1)
    const sides = shuffle(entropy, [...cluster.hosts])
    const split = 1 + below(entropy, sides.length - 1)
    const oneWay = entropy.unit() < 0.3
    for (const a of sides.slice(0, split))
      for (const b of sides.slice(split)) {
        cluster.wires.cuts.add(`${a.id}>${b.id}`)
        if (!oneWay) cluster.wires.cuts.add(`${b.id}>${a.id}`)
      }
  }

  /** Whoever's clock is the slowest is made to lead, and is cut off when it does. */
  private coup(): void {
    const { cluster } = this
    const [slowest] = [...cluster.hosts].sort((a, b) => a.rate - b.rate)
    const { leader } = cluster
    cluster.heal()
    if (!leader || !slowest) return
    if (leader === slowest || this.entropy.unit() < 0.3) cluster.isolate(leader.index + 1)
    else cluster.transfer(leader, slowest.id)
  }

  private transfer(): void {
    const { leader } = this.cluster
    if (leader) this.cluster.transfer(leader, this.anyone().id)
  }

  /** Learners come and go, some are promoted, voters leave, singly and several at once. */
  private change(): void {
    const { cluster, entropy } = this
    const leader = entropy.unit() < 0.9 ? cluster.leader : this.anyone()
    const status = leader?.raft?.status()
    if (leader === undefined || status === undefined) return
    const voters: Member[] = []
    const learners: Member[] = []
    for (const host of cluster.hosts) {
      const member = { id: host.id, storage: host.disk.storage }
      const isVoter = status.config.voters.some(
        (v) => v.id === member.id && v.storage === member.storage,
      )
      const isLearner = status.config.learners.some((v) => v.id === member.id)
      const change = entropy.unit() < 0.35
      if (isVoter) {
        if (!change || voters.length + learners.length === 0) voters.push(member)
        else if (entropy.unit() < 0.5) learners.push(member)
      } else if (isLearner) {
        if (change) voters.push(member)
        else if (entropy.unit() < 0.8) learners.push(member)
      } else if (change) learners.push(member)
    }
    if (voters.length > 0) cluster.reconfigure(leader, { voters, learners })
  }

  /** A voter may lose entries as long as the others, alone, are a majority and whole. */
  private damage(): void {
    const { cluster, entropy } = this
    if (cluster.hosts.some((host) => host.damaged)) return
    const host = this.anyone()
    if (!this.canSpare(host)) return
    cluster.crash(host)
    const { snapshot, lastIndex } = host.disk
    host.disk.damageFrom(snapshot.index + 1 + below(entropy, lastIndex - snapshot.index + 1))
    host.damaged = true
    if (entropy.unit() < 0.7) cluster.start(host)
  }

  private wiped = false

  private wipe(): void {
    if (this.wiped || this.cluster.hosts.some((host) => host.damaged)) return
    const host = this.anyone()
    if (!this.canSpare(host)) return
    this.wiped = true
    this.cluster.wipe(host)
    this.cluster.start(host)
  }

  /** In every configuration that any disk or core may still act on, others are a majority. */
  private canSpare(host: Host): boolean {
    for (const other of this.cluster.hosts) {
      if (other.raft === undefined) return false
      const { config } = other.raft.status()
      for (const half of [config.voters, config.outgoing])
        if (half.length > 0 && half.length < 3 && half.some(({ id }) => id === host.id))
          return false
    }
    return true
  }

  // ── After the storm ───────────────────────────────────────────────────────────────────────────

  private recover(): void {
    const { cluster } = this
    this.stormy = false
    cluster.heal()
    cluster.wires.weather = {
      ...cluster.wires.weather,
      loss: 0,
      doubling: 0,
      strays: 0,
      delayMaxMs: 3,
      diskMaxMs: cluster.wires.weather.diskMinMs + 1,
    }
    cluster.startAll()
    let last: string | undefined = 'nothing was tried'
    const done = cluster.runUntil(() => {
      last = this.pending()
      return last === undefined
    }, 12_000)
    if (!done) throw new Violation('liveness', last ?? '')
    this.comeBack()
  }

  /** A node that restarts in quiet times soon knows again what is committed. */
  private comeBack(): void {
    const { cluster } = this
    const members = cluster.leader?.raft?.status().config.voters ?? []
    const back = cluster.byId.get(members.find(({ id }) => id !== cluster.leader?.id)?.id as never)
    if (back === undefined || this.final === undefined) return
    const { index } = this.final
    cluster.crash(back)
    cluster.start(back)
    if (!cluster.runUntil(() => back.machine.index >= index, 3_000))
      throw new Violation('liveness', this.describe(`${back.id} does not learn the commit index`))
  }

  private final: { index: number; term: number } | undefined

  /** What the mesh still waits for. Undefined when it is well. */
  private pending(): string | undefined {
    const { cluster } = this
    const { leader } = cluster
    if (leader?.raft === undefined) return this.describe('no leader')
    const status = leader.raft.status()
    if (status.commit < status.configIndex || status.config.outgoing.length > 0)
      return this.describe('a configuration not committed')
    this.replaceLostDisks(leader)
    if (!status.config.voters.some(({ id }) => id === leader.id))
      return this.describe('a leader that is no voter')
    if (
      this.final === undefined ||
      cluster.checkers.committedTerm(this.final.index) !== this.final.term
    ) {
      if (this.final === undefined || this.final.term !== status.term) {
        const outcome = cluster.propose(leader, 'the last word')
        if (outcome?.ok) this.final = outcome
      }
      return this.describe('the last proposal not committed')
    }
    for (const { id, storage } of [...status.config.voters, ...status.config.learners]) {
      const host = cluster.byId.get(id)
      if (host?.disk.storage !== storage) return this.describe(`${id} has another disk`)
      if (host.machine.index < this.final.index) return this.describe(`${id} is behind`)
      if (host.raft?.status().recovering) return this.describe(`${id} is recovering`)
    }
    return undefined
  }

  /** What the autopilot will do: a voter with a new disk learns first, then votes again. */
  private replaceLostDisks(leader: Host): void {
    const { cluster } = this
    const config = leader.raft?.status().config
    if (config === undefined) return
    const present = (m: Member) => cluster.byId.get(m.id)?.disk.storage === m.storage
    const lost = [...config.voters, ...config.learners].filter((m) => !present(m))
    const renewed = lost.map(({ id }) => ({ id, storage: cluster.byId.get(id)!.disk.storage }))
    if (renewed.length > 0)
      cluster.reconfigure(leader, {
        voters: config.voters.filter(present),
        learners: [...config.learners.filter(present), ...renewed],
      })
  }

  private describe(what: string): string {
    const lines = this.cluster.hosts.map(({ id, raft, damaged }) => {
      const s = raft?.status()
      return s
        ? `${id} ${s.role} term ${s.term} log ${s.firstIndex}..${s.lastIndex}@${s.lastTerm} commit ${s.commit} voters ${s.config.voters.map((v) => v.id)}${s.config.outgoing.length ? ` leaving ${s.config.outgoing.map((v) => v.id)}` : ''}${s.recovering ? ' recovering' : ''}${damaged ? ' damaged' : ''} ${s.peers.map((p) => `${p.id}:${p.state}:${p.match}/${p.next}`)}`
        : `${id} down`
    })
    return `${what}\n  ${lines.join('\n  ')}`
  }
}
