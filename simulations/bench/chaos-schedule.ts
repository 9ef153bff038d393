/** What befalls the agents, and when: drawn from a seed, so that a bad day can be had again. */
import { below, type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import { SeededEntropy } from '../world/entropy.ts'

export type Fault =
  /** `leader`: whoever leads then. */
  | { readonly kind: 'kill'; readonly victims: readonly string[] }
  | { readonly kind: 'pause'; readonly victims: readonly string[]; readonly forMs: number }
  /** Directions in which nothing gets through, each as `from>to`. */
  | { readonly kind: 'cut'; readonly cuts: readonly string[]; readonly forMs: number }

export interface Due {
  readonly atMs: number
  readonly fault: Fault
}

export const LEADER = 'leader'

const PAUSE_BETWEEN_MIN_MS = 1_500
const PAUSE_BETWEEN_MAX_MS = 5_000
/** Most faults last less than a suspicion, some longer than any timeout. */
const FAULT_MIN_MS = 300
const FAULT_MAX_MS = 9_000

export function drawSchedule(seed: string, names: readonly string[], forMs: number): Due[] {
  const entropy = new SeededEntropy(`chaos ${seed}`)
  const due: Due[] = []
  for (let atMs = pauseBetween(entropy); atMs < forMs; atMs += pauseBetween(entropy))
    due.push({ atMs, fault: drawFault(entropy, names) })
  return due
}

function drawFault(entropy: Entropy, names: readonly string[]): Fault {
  const draw = entropy.unit()
  if (draw < 0.35) return { kind: 'kill', victims: victims(entropy, names) }
  const forMs = FAULT_MIN_MS + entropy.unit() ** 2 * (FAULT_MAX_MS - FAULT_MIN_MS)
  if (draw < 0.6) return { kind: 'pause', victims: victims(entropy, names), forMs }
  return { kind: 'cut', cuts: cuts(entropy, names), forMs }
}

/** Often the leader, mostly fewer than a majority, and now and then everybody. */
function victims(entropy: Entropy, names: readonly string[]): string[] {
  const draw = entropy.unit()
  if (draw < 0.4) return [LEADER]
  if (draw < 0.45) return [...names]
  return shuffle(entropy, [...names]).slice(0, 1 + below(entropy, Math.floor(names.length / 2)))
}

function cuts(entropy: Entropy, names: readonly string[]): string[] {
  // Who leads is not known before the moment: whoever it is, apart from all others.
  if (entropy.unit() < 0.3) return between([LEADER], names, entropy.unit() < 0.3)
  const sides = shuffle(entropy, [...names])
  const one = sides.slice(0, 1 + below(entropy, names.length - 1))
  return between(one, sides.slice(one.length), entropy.unit() < 0.3)
}

function between(one: readonly string[], other: readonly string[], oneWay: boolean): string[] {
  return one.flatMap((a) =>
    other.flatMap((b) => (oneWay ? [`${a}>${b}`] : [`${a}>${b}`, `${b}>${a}`])),
  )
}

function pauseBetween(entropy: Entropy): number {
  return PAUSE_BETWEEN_MIN_MS + entropy.unit() * (PAUSE_BETWEEN_MAX_MS - PAUSE_BETWEEN_MIN_MS)
}
