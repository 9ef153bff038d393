/**
 * Draws from a seed what befalls a mesh. Each seed has moods of its own: some kinds of fault often,
 * some never, since a history that has a little of everything finds less than many that each have
 * much of something.
 */
import { assert } from '../../protocol/assert.ts'
import { below, type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import type { LinkQuality } from '../world/wires.ts'
import type { Blow, Fault, Moment, Rot, Trouble, Weather } from './fault.ts'

export interface Climate {
  /** How every wire is before weather. */
  readonly link: Partial<LinkQuality>
  /** By host: millionths by which its clock runs fast. */
  readonly driftPpm: readonly number[]
  readonly faults: readonly Fault[]
}

export interface ClimateOptions {
  readonly hosts: readonly string[]
  /** Faults begin after `calmMs` and have ended at `endMs`. */
  readonly calmMs: number
  readonly endMs: number
}

/** Two hosts apart by twice this still keep to the drift that leases allow for. */
const DRIFT_PPM_MAX = 9_000
const TRUE_CLOCKS_SHARE = 0.3

const moments: readonly Moment[] = [
  'stands',
  'leads',
  'leads',
  'votes',
  'acknowledges',
  'proposes',
  'reconfigures',
  'compacts',
  'installs',
]
const blows: readonly Blow[] = [
  'kill',
  'powerLoss',
  'powerLoss',
  'pause',
  'isolate',
  'isolate',
  'transfer',
  'change',
]

/** From the first fault to the last, about so many, in the wildest mood. */
const FAULTS_MIN = 8
const FAULTS_MAX = 60
const SWIZZLE_SPREAD_MS = 8_000

/** `afterMs`: from the moment that it was drawn for. */
interface Drawn {
  readonly what: Trouble
  readonly afterMs?: number
  readonly forMs: number
}

type Draw = (entropy: Entropy, hosts: readonly string[], unlucky: string) => Drawn[]

const hostDraw =
  (kind: 'kill' | 'powerLoss' | 'pause' | 'fullDisk', meanMs: number): Draw =>
  (e, hosts) => [{ what: { kind, host: one(e, hosts) }, forMs: lasting(e, meanMs) }]

const draws: Readonly<Record<string, Draw>> = {
  kill: hostDraw('kill', 4_000),
  powerLoss: hostDraw('powerLoss', 8_000),
  pause: hostDraw('pause', 5_000),
  fullDisk: hostDraw('fullDisk', 10_000),
  /** A program that dies again and again, as under a supervisor. */
  crashLoop: (e, hosts) => {
    const host = one(e, hosts)
    return Array.from({ length: 3 + below(e, 5) }, (_, i) => ({
      what: { kind: e.unit() < 0.5 ? 'kill' : 'powerLoss', host },
      afterMs: i * 1_500 + e.unit() * 1_000,
      forMs: 50 + e.unit() * 800,
    }))
  },
  partition: (e, hosts) => {
    const [from, to] = split(e, hosts)
    return [{ what: { kind: 'cut', from, to, both: true }, forMs: lasting(e, 12_000) }]
  },
  oneWay: (e, hosts) => {
    const [from, to] = split(e, hosts)
    return [{ what: { kind: 'cut', from, to, both: false }, forMs: lasting(e, 10_000) }]
  },
  /** Each reaches some, and no two the same. */
  ring: (e, hosts) => {
    const around = shuffle(e, [...hosts])
    const forMs = lasting(e, 10_000)
    return around.map((host, i) => {
      const to = [around[(i + 2) % around.length] as string]
      return { what: { kind: 'cut', from: [host], to, both: true }, forMs }
    })
  },
  /** Some are blocked one after the other, then freed in another order. */
  swizzle: (e, hosts) => {
    const chosen = shuffle(e, [...hosts]).slice(0, 2 + below(e, hosts.length - 1))
    return chosen.map((host) => {
      const afterMs = e.unit() * SWIZZLE_SPREAD_MS
      const to = hosts.filter((other) => other !== host)
      const untilMs = SWIZZLE_SPREAD_MS + e.unit() * SWIZZLE_SPREAD_MS
      const what: Trouble = { kind: 'cut', from: [host], to, both: true }
      return { what, afterMs, forMs: untilMs - afterMs }
    })
  },
  weather: (e, hosts) => {
    const host = e.unit() < 0.4 ? 'all' : one(e, hosts)
    return [{ what: { kind: 'weather', host, link: weather(e) }, forMs: lasting(e, 15_000) }]
  },
  reset: (e, hosts) => {
    const [a, b] = shuffle(e, [...hosts]) as [string, string]
    return [{ what: { kind: 'reset', one: a, other: b }, forMs: 0 }]
  },
  slowDisk: (e, hosts) => {
    const factor = Math.round(10 ** (1 + 2 * e.unit()))
    return [{ what: { kind: 'slowDisk', host: one(e, hosts), factor }, forMs: lasting(e, 10_000) }]
  },
  rot: (e, _, unlucky) => {
    const of = one<Rot>(e, ['log', 'log', 'hard', 'snapshot', 'chunk', 'identity'])
    return [{ what: { kind: 'rot', host: unlucky, of }, forMs: lasting(e, 3_000) }]
  },
  newDisk: (e, _, unlucky) => [
    { what: { kind: 'newDisk', host: unlucky }, forMs: lasting(e, 5_000) },
  ],
  calendar: (e, hosts) => {
    const byMs = Math.round((e.unit() - 0.5) * 2 * 86_400_000)
    return [{ what: { kind: 'calendar', host: one(e, hosts), byMs }, forMs: lasting(e, 30_000) }]
  },
  episode: (e, hosts) => {
    const forMs = 5_000 + 15_000 * e.unit()
    const during = (what: Trouble): Drawn => ({ what, forMs })
    const episode: Drawn[] = [during({ kind: 'rush' })]
    if (e.unit() < 0.6) {
      const link = { latencyMs: one(e, [5, 30, 100]), jitterMs: one(e, [5, 50, 200]) }
      episode.push(during({ kind: 'weather', host: 'all', link }))
    }
    if (e.unit() < 0.6) {
      const factor = Math.round(10 ** (1 + 1.3 * e.unit()))
      const slow = e.unit() < 0.5 ? hosts : [one(e, hosts)]
      for (const host of slow) episode.push(during({ kind: 'slowDisk', host, factor }))
    }
    for (let i = 1 + below(e, 2); i > 0; i--) episode.push(during(ambush(e)))
    if (e.unit() < 0.5) {
      const what = one(e, ['transfer', 'change', 'change'] as const)
      episode.push(during({ kind: 'meddling', what, everyMs: one(e, [100, 400, 2_000]) }))
    }
    return episode
  },
  /**
   * Whoever comes to lead is soon heard by nobody, for longer than others wait: many leaders in a
   * row, and each comes back with what it alone has.
   */
  usurpers: (e) => {
    const forMs = 30_000 + 30_000 * e.unit()
    const afterMs = one(e, [10, 10, 1_000, 4_000]) * e.unit()
    const blow = one(e, ['isolate', 'isolate', 'isolate', 'pause'] as const)
    const on = { kind: 'ambush', on: 'leads', share: 0.5 + 0.5 * e.unit() } as const
    const holdMs = 7_000 + 8_000 * e.unit()
    return [
      { what: { kind: 'rush' }, forMs },
      { what: { ...on, blow, afterMs, holdMs }, forMs },
    ]
  },
  blackout: (e) => [{ what: { kind: 'blackout' }, forMs: lasting(e, 2_000) }],
  /** All lose power in the middle of their work, and one finds its log damaged. */
  rudeAwakening: (e, _, unlucky) => {
    const afterMs = 1_000 + 4_000 * e.unit()
    const forMs = lasting(e, 1_000)
    const link = { latencyMs: one(e, [1, 10, 50]), jitterMs: one(e, [5, 50, 200]) }
    return [
      { what: { kind: 'rush' }, forMs: afterMs },
      { what: { kind: 'weather', host: 'all', link }, forMs: afterMs },
      { what: { kind: 'blackout' }, afterMs, forMs },
      { what: { kind: 'rot', host: unlucky, of: 'log' }, afterMs, forMs },
    ]
  },
}

/** How often each kind of trouble comes when a seed has it at all. */
const weights: Readonly<Record<string, number>> = {
  kill: 3,
  powerLoss: 3,
  crashLoop: 1,
  pause: 3,
  partition: 3,
  oneWay: 2,
  ring: 1,
  swizzle: 1,
  weather: 3,
  reset: 3,
  slowDisk: 2,
  fullDisk: 1,
  rot: 2,
  newDisk: 1,
  calendar: 1,
  blackout: 1,
  rudeAwakening: 1,
  episode: 4,
  usurpers: 2,
}

/** In that many seeds of ten a kind of trouble occurs. */
const MOOD_SHARE = 0.6

export function drawClimate(entropy: Entropy, options: ClimateOptions): Climate {
  const { hosts, calmMs, endMs } = options
  assert(hosts.length >= 3, 'with fewer than three hosts no fault is survived')
  const link = drawLink(entropy.stream('link'))
  // Where all clocks are true, nothing but chance makes one host quicker than another.
  const most = entropy.unit() < TRUE_CLOCKS_SHARE ? 0 : DRIFT_PPM_MAX
  const driftPpm = hosts.map(() => (entropy.unit() - 0.5) * 2 * most)
  return { link, driftPpm, faults: drawFaults(entropy.stream('faults'), hosts, calmMs, endMs) }
}

function drawFaults(
  entropy: Entropy,
  hosts: readonly string[],
  calmMs: number,
  endMs: number,
): Fault[] {
  const moods = Object.keys(draws).filter(() => entropy.unit() < MOOD_SHARE)
  if (moods.length === 0) moods.push('kill', 'partition')
  const bag = moods.flatMap((mood) => Array<string>(weights[mood] as number).fill(mood))
  // Only one disk of a mesh ever loses what was synced: with two, no log could promise anything.
  const unlucky = one(entropy, hosts)
  const count = FAULTS_MIN + below(entropy, FAULTS_MAX - FAULTS_MIN)
  const faults: Fault[] = []
  while (faults.length < count) {
    const atMs = calmMs + entropy.unit() * (endMs - calmMs)
    const draw = draws[one(entropy, bag)] as Draw
    for (const { what, afterMs = 0, forMs } of draw(entropy, hosts, unlucky)) {
      const beginMs = Math.round(Math.min(atMs + afterMs, endMs))
      faults.push({ ...what, atMs: beginMs, forMs: Math.round(Math.min(forMs, endMs - beginMs)) })
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

function drawLink(entropy: Entropy): Partial<LinkQuality> {
  const latencyMs = one(entropy, [0.25, 0.25, 2, 15])
  const lossMode = entropy.unit() < 0.5 ? 'drop' : 'retransmit'
  const loss = one(entropy, [0, 0, 0.005, 0.03])
  const stray = lossMode === 'drop' ? one(entropy, [0, 0.01, 0.05]) : 0
  return { latencyMs, jitterMs: latencyMs, lossMode, loss, duplicates: stray, reorders: stray }
}

function weather(entropy: Entropy): Weather {
  switch (below(entropy, 4)) {
    case 0:
      return { latencyMs: 20 + 300 * entropy.unit(), jitterMs: 100 * entropy.unit() }
    case 1:
      return { loss: 0.05 + 0.4 * entropy.unit() }
    case 2:
      return { bytesPerSecond: 2_000 + 60_000 * entropy.unit() }
    default:
      return { jitterMs: 50 + 400 * entropy.unit(), loss: 0.1 * entropy.unit() }
  }
}

/** Mostly right after the moment, for as long as a restart takes, or until others go on without. */
function ambush(entropy: Entropy): Trouble {
  const on = one(entropy, moments)
  const frequent = on === 'acknowledges' || on === 'proposes'
  const share = (frequent ? 0.05 : 0.5) * (0.2 + entropy.unit())
  const afterMs = one(entropy, [0, 1, 10, 100, 1_000]) * entropy.unit()
  const holdMs = one(entropy, [20, 200, 2_000, 10_000]) * (0.2 + entropy.unit())
  return { kind: 'ambush', on, blow: one(entropy, blows), share, afterMs, holdMs }
}

function one<T>(entropy: Entropy, among: readonly T[]): T {
  return among[below(entropy, among.length)] as T
}

/** Mostly short, sometimes long: exponentially spread. */
function lasting(entropy: Entropy, meanMs: number): number {
  return Math.min(60_000, -meanMs * Math.log(1 - entropy.unit()))
}

function split(entropy: Entropy, hosts: readonly string[]): [string[], string[]] {
  const mixed = shuffle(entropy, [...hosts])
  const at = 1 + below(entropy, hosts.length - 1)
  return [mixed.slice(0, at), mixed.slice(at)]
}
