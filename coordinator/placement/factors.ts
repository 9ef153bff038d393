/**
 * What speaks for a host among those that could take a unit: each factor gives it 0 to 1, and says
 * so in words when asked. Policies (`policies.ts`) choose factors and weigh them.
 */
import { labelOf } from './eligibility.ts'
import type { HostView } from './host-view.ts'
import { heuristics } from './limits.ts'
import type { PlacementRequest } from './policy.ts'
import { crowding, freshness, probableLoad, shareSetAside } from './room.ts'
import { count, seconds, share, size } from './words.ts'

/** What is known only once all that could take it are known. */
export interface Field {
  /** The fewest units of the stage that any value of `spread` has. */
  readonly placedLeast: number
  /** When the first of them would be done, where times are known. */
  readonly soonestMs: number
}

export interface Factor {
  readonly name: string
  /** False where it says nothing of any host. */
  applies(request: PlacementRequest): boolean
  score(request: PlacementRequest, host: HostView, field: Field): number
  words(request: PlacementRequest, host: HostView, field: Field): string
}

export const notLostThere: Factor = {
  name: 'lost',
  applies: ({ avoid }) => avoid !== undefined,
  score: ({ avoid }, { id }) => (id === avoid ? 0 : 1),
  words: ({ avoid }, { id }) =>
    id === avoid ? 'the last attempt was lost there' : 'the last attempt was lost elsewhere',
}

export const company: Factor = {
  name: 'company',
  applies: ({ affinity, antiAffinity }) => isWish(affinity) || isWish(antiAffinity),
  score({ affinity, antiAffinity }, { id }) {
    const isNear = !isWish(affinity) || affinity!.nodes.includes(id)
    const isFar = !isWish(antiAffinity) || !antiAffinity!.nodes.includes(id)
    return (isNear ? 0.5 : 0) + (isFar ? 0.5 : 0)
  },
  words({ affinity, antiAffinity }, { id }) {
    const told: string[] = []
    if (isWish(affinity)) {
      const isThere = affinity!.nodes.includes(id)
      told.push(isThere ? 'a stage that it likes to be with ran there' : 'not with whom it likes')
    }
    if (isWish(antiAffinity)) {
      const isThere = antiAffinity!.nodes.includes(id)
      told.push(isThere ? 'a stage that it likes to be apart from ran there' : 'apart from others')
    }
    return told.join(', ')
  },
}

function isWish(neighbours: PlacementRequest['affinity']): boolean {
  return neighbours !== undefined && !neighbours.required && neighbours.nodes.length > 0
}

export const preferred: Factor = {
  name: 'prefer',
  applies: ({ demands }) => demands.prefer.length > 0,
  score({ demands: { prefer } }, host) {
    let held = 0
    for (const { label, value } of prefer) if (labelOf(host, label) === value) held++
    return held / prefer.length
  },
  words: ({ demands: { prefer } }, host) =>
    prefer
      .map(({ label, value }) => {
        const holds = labelOf(host, label) === value
        return `${holds ? 'is' : 'is not'} ${label}=${value}, which is wished for`
      })
      .join(', '),
}

/** The value that counts a host for `spread`; undefined where it has no such label. */
export function spreadValue({ demands }: PlacementRequest, host: HostView): string | undefined {
  return demands.spread === 'host' ? host.id : labelOf(host, demands.spread ?? '')
}

export function placedAt(request: PlacementRequest, host: HostView): number | undefined {
  const value = spreadValue(request, host)
  return value === undefined ? undefined : (request.placed?.get(value) ?? 0)
}

/** The fewest get the whole; each unit more than those have, less. */
export const evenness: Factor = {
  name: 'spread',
  applies: ({ demands }) => demands.spread !== undefined,
  score(request, host, { placedLeast }) {
    const placed = placedAt(request, host)
    return placed === undefined ? 0 : 1 / (1 + placed - placedLeast)
  },
  words(request, host, { placedLeast }) {
    const over = request.demands.spread
    const placed = placedAt(request, host)
    if (placed === undefined) return `it has no label ${over} to be spread over`
    const where = over === 'host' ? 'there' : `at ${over}=${spreadValue(request, host)}`
    return `${count(placed, 'unit')} of the stage ${where}, the fewest are ${placedLeast}`
  },
}

/** What is there already need not be fetched. Little of it counts little. */
export const locality: Factor = {
  name: 'locality',
  applies: ({ artifacts, artifactBytes }) => artifacts !== undefined && (artifactBytes ?? 0) > 0,
  score({ artifacts, artifactBytes = 0 }, { id }) {
    const there = Math.min(artifacts?.get(id) ?? 0, artifactBytes)
    return there / Math.max(artifactBytes, heuristics.localityBytesFull)
  },
  words: ({ artifacts, artifactBytes = 0 }, { id }) =>
    `${size(artifacts?.get(id) ?? 0)} of the ${size(artifactBytes)} that it fetches are there`,
}

/** The less its cores have to do, by what is set aside there and by what it says of its load. */
export const room: Factor = {
  name: 'room',
  applies: () => true,
  score: (request, host) => 1 / (1 + business(request, host)),
  words: (_request, host) => `${asideWords(host)}, ${loadWords(host)}`,
}

function business({ resources }: PlacementRequest, host: HostView): number {
  return crowding(host, resources.cpu, resources.memoryBytes) + probableLoad(host)
}

/**
 * Of what is done at once, the way there and back is all that it takes. Whoever is near has as much
 * room for it as if it were less busy: what one attempt differs by, while of many all get their share.
 */
export const nearness: Factor = {
  name: 'near',
  applies: ({ near }) => near !== undefined,
  score(request, host) {
    if (host.id !== request.near) return 0
    const busy = business(request, host)
    return 1 / (1 + busy - heuristics.nearWorth) - 1 / (1 + busy)
  },
  words: ({ near }, { id }) =>
    id === near
      ? 'it takes no time, and nothing has to travel there'
      : 'it takes no time, but the way there does',
}

/** The contrary of room: what is left over on a host that is filled up stays whole elsewhere. */
export const tightness: Factor = {
  name: 'fit',
  applies: () => true,
  score({ resources: { cpu = 0, memoryBytes = 0 } }, host) {
    return shareSetAside(host, cpu, memoryBytes)
  },
  words: (_request, host) => asideWords(host),
}

/** Fewer attempts first, for their number alone; hosts with more cores take more. */
export const calm: Factor = {
  name: 'attempts',
  applies: () => true,
  score: (_request, { setAside, cores }) => 1 / (1 + setAside.attempts / Math.max(1, cores)),
  words: (_request, { setAside, cores }) =>
    `${count(setAside.attempts, 'attempt')} on ${count(cores, 'core')}`,
}

/** Fetching, then running: slower in proportion where more wants to run than there are cores. */
export function finishMs(request: PlacementRequest, host: HostView): number {
  const { artifacts, artifactBytes = 0, resources } = request
  const toFetch = Math.max(0, artifactBytes - (artifacts?.get(host.id) ?? 0))
  const cores = Math.max(1, host.cores)
  const busy = Math.max(probableLoad(host) * cores, host.setAside.attempts, host.setAside.cpu)
  const slowdown = Math.max(1, (busy + (resources.cpu ?? 1)) / cores)
  const fetchMs = (1_000 * toFetch) / heuristics.transferBytesPerSecond
  return fetchMs + slowdown * expected(request, host)
}

function expected({ expectedMs, expectedOn }: PlacementRequest, host?: HostView): number {
  const there = host === undefined ? undefined : expectedOn?.get(host.id)
  return there?.ms ?? expectedMs ?? heuristics.expectedAssumedMs
}

/** Only of work that was done before, and as a share of the best: twice as late counts half. */
export const soonest: Factor = {
  name: 'expectedEnd',
  applies: ({ expectedOn }) => expectedOn !== undefined,
  score: (request, host, { soonestMs }) => soonestMs / Math.max(1, finishMs(request, host)),
  words(request, host) {
    const there = request.expectedOn?.get(host.id)
    const by =
      there === undefined
        ? `such work took ${seconds(expected(request))} on others`
        : `such work takes ${seconds(there.ms)} there (n=${there.n})`
    return `done in about ${seconds(finishMs(request, host))}: ${by}`
  },
}

export const finish: Factor = {
  name: 'finish',
  applies: () => true,
  score: (request, host) => {
    const scale = Math.max(1, expected(request))
    return scale / (scale + finishMs(request, host))
  },
  words(request, host) {
    const known = request.expectedMs === undefined ? ', if it takes as long as most' : ''
    return `done in about ${seconds(finishMs(request, host))} there${known}`
  },
}

function asideWords(host: HostView): string {
  const { setAside, cores, memoryBytes } = host
  if (setAside.attempts === 0) return 'no work there'
  const taken: string[] = []
  if (setAside.cpu > 0) taken.push(`${Number(setAside.cpu.toFixed(2))} of ${count(cores, 'core')}`)
  if (setAside.memoryBytes > 0) taken.push(`${size(setAside.memoryBytes)} of ${size(memoryBytes)}`)
  const attempts = `${count(setAside.attempts, 'attempt')} there`
  return taken.length === 0 ? attempts : `${attempts} with ${taken.join(' and ')} set aside`
}

function loadWords(host: HostView): string {
  const { load } = host
  if (load?.cpu === undefined) return 'load not known'
  const weight = freshness(host)
  if (weight === 0) return `load too old to count (${seconds(load.ageMs)})`
  const old = weight < 1 ? `, ${seconds(load.ageMs)} ago, which counts less` : ''
  return `load ${share(load.cpu)}${old}`
}
