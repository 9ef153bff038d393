/**
 * How much a host's history can show through what it gives, when updates are clipped and noise is
 * added: the epsilon of differential privacy, by Rényi's divergence (Mironov 2017; with a sample of
 * hosts in each round Mironov, Talwar and Zhang 2019; to epsilon by Balle and others 2020). What is
 * protected is a host with all its rows: with it or without it, what comes out is nearly as likely.
 */
import { assert } from '../../protocol/assert.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'

export interface Noise {
  /** Standard deviation of the noise in the sum, in multiples of how long one update may be. */
  readonly multiplier: number
  /** How likely a host is to be in a round; 1 where all always are. */
  readonly share: number
  readonly rounds: number
}

/** Whole orders, for which the sampled mechanism has a closed sum. Beyond, epsilon is below 0.05. */
const orders = [...Array.from({ length: 127 }, (_, i) => i + 2), 160, 192, 256, 320, 384, 448, 512]

/** For much spent and little noise, where all hosts are in each round and any order has a closed form. */
const lowOrders = Array.from({ length: 19 }, (_, i) => 1 + (i + 1) / 20)

/** Never less than the true epsilon. Infinite without noise. */
export function epsilonOf(noise: Noise, delta: number): number {
  assert(delta > 0 && delta < 1, 'delta must be a chance')
  assert(noise.share > 0 && noise.share <= 1, 'a share must be one')
  if (noise.multiplier <= 0) return Number.POSITIVE_INFINITY
  const found = (noise.share === 1 ? [...lowOrders, ...orders] : orders).map((order) => {
    const spent = noise.rounds * divergence(order, noise)
    return spent + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1)
  })
  return Math.max(0, Math.min(...found))
}

function divergence(order: number, { share, multiplier }: Noise): number {
  if (share === 1) return order / (2 * multiplier ** 2)
  const terms = Array.from({ length: order + 1 }, (_, k) => {
    const chance = logChoose(order, k) + k * Math.log(share) + (order - k) * Math.log1p(-share)
    return chance + (k * k - k) / (2 * multiplier ** 2)
  })
  const most = Math.max(...terms)
  const sum = terms.reduce((all, term) => all + Math.exp(term - most), 0)
  return (most + Math.log(sum)) / (order - 1)
}

function logChoose(n: number, k: number): number {
  let log = 0
  for (let i = 1; i <= k; i++) log += Math.log(n - k + i) - Math.log(i)
  return log
}

/**
 * What one host adds, so that a sum in which `honest` have done so has noise enough even if all
 * others have added none.
 */
export function ownDeviation(multiplier: number, clip: number, honest: number): number {
  return (multiplier * clip) / Math.sqrt(honest)
}

/** Normally distributed, by Box and Muller. Rounded to a grid afterwards, as it must be. */
export function addNoise(update: Float32Array, deviation: number, chance: Entropy): void {
  if (deviation === 0) return
  for (let i = 0; i < update.length; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - chance.unit()))
    const noise = radius * Math.cos(2 * Math.PI * chance.unit())
    update[i] = (update[i] as number) + deviation * noise
  }
}
