/**
 * Chains of stages on their way over hosts of different speed, in made-up time: what runs on a host
 * beyond its cores shares them. Places are chosen when a stage is ready, as the scheduler does.
 */

import { noDemands } from '../../coordinator/placement/demands.ts'
import { Hosts } from '../../coordinator/placement/hosts.ts'
import { balanced } from '../../coordinator/placement/policies.ts'
import type { PlacementRequest } from '../../coordinator/placement/policy.ts'
import type { TaskTimes } from '../../models/profiles/by-host.ts'
import { assert } from '../../protocol/assert.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'

const CORES = 2
const ATTEMPTS_MAX = 512
const GIB = 2 ** 30

export interface Passage {
  readonly slowness: readonly number[]
  /** By chain: of each stage which task it is, and what it takes on the quickest host, alone. */
  readonly work: readonly (readonly { readonly task: number; readonly ms: number }[])[]
  /** By task, where anything is known. */
  readonly times: readonly (TaskTimes | undefined)[]
  readonly random: Pick<Entropy, 'unit'>
}

export interface Done {
  readonly host: number
  readonly task: number
  readonly tookMs: number
  readonly atMs: number
}

interface Running {
  readonly chain: number
  readonly at: number
  readonly host: number
  readonly startedMs: number
  /** On a core of the quickest host. */
  leftMs: number
}

export function hostsOfSpeed(slowness: readonly number[]): Hosts {
  return new Hosts(
    slowness.map((_, i) => ({
      ...{ id: `h${i}`, name: `h${i}`, labels: {}, state: 'alive' as const, isKnown: true },
      ...{
        version: '1',
        cores: CORES,
        memoryBytes: 8 * GIB,
        custom: {},
        attemptsMax: ATTEMPTS_MAX,
      },
    })),
  )
}

/** When the last stage is through, in milliseconds. */
export function passed(passage: Passage, onDone: (done: Done) => void): number {
  const { slowness, work } = passage
  const hosts = hostsOfSpeed(slowness)
  const running = new Set<Running>()
  let nowMs = 0
  const begin = (chain: number, at: number): void => {
    const stage = work[chain]?.[at]
    if (stage === undefined) return
    const host = chosen(passage, hosts, stage.task)
    hosts.setAside(`h${host}`, request.resources)
    running.add({ chain, at, host, startedMs: nowMs, leftMs: stage.ms })
  }
  for (const chain of work.keys()) begin(chain, 0)
  while (running.size > 0) {
    const counts = slowness.map(() => 0)
    for (const { host } of running) counts[host] = (counts[host] ?? 0) + 1
    const rates = slowness.map((slow, i) => Math.min(1, CORES / Math.max(1, counts[i] ?? 0)) / slow)
    const rateOf = ({ host }: Running) => rates[host] as number
    const all = [...running]
    const passedMs = Math.min(...all.map((each) => each.leftMs / rateOf(each)))
    nowMs += passedMs
    for (const each of all) {
      each.leftMs -= passedMs * rateOf(each)
      if (each.leftMs > NOTHING_MS) continue
      running.delete(each)
      const { chain, at, host, startedMs } = each
      hosts.release(`h${host}`, request.resources)
      const { task } = work[chain]?.[at] ?? { task: 0 }
      onDone({ host, task, tookMs: nowMs - startedMs, atMs: nowMs })
      begin(chain, at + 1)
    }
  }
  return nowMs
}

/** Sums of fractions are not exact. */
const NOTHING_MS = 1e-6
const request: PlacementRequest = { demands: noDemands, resources: { custom: {} }, features: [] }

function chosen({ times, random }: Passage, hosts: Hosts, task: number): number {
  const known = times[task]
  const told = known && { expectedMs: known.range.p50, expectedOn: known.byHost }
  const { host } = balanced.choose({ ...request, ...told }, hosts.all(), random)
  assert(host !== undefined, 'every host takes it')
  return Number(host.id.slice(1))
}
