/**
 * Hosts out of what is known of nodes today: membership (who lives, what it is, how it fares) and
 * the ledger (labels that operators have set, drains). What membership has no field for is told by
 * labels, which both a configuration and `skein nodes label` can set; see the README.
 */

import type { Digest, LoadRecord, Profile } from '../../protocol/membership/digest.ts'
import type { MemberState } from '../../protocol/membership/roster.ts'
import type { HostFacts, HostLoad } from './host-view.ts'
import { Hosts } from './hosts.ts'
import { placementLimits } from './limits.ts'

/** A member, as `agent.membership.members()` has it. */
export interface KnownMember {
  readonly id: string
  readonly state: MemberState
  readonly profile?: Profile
  readonly digest: Pick<Digest, 'agentVersion' | 'intervalMs' | 'load' | 'runningAttempts'>
  readonly digestAgeMs: number
}

/** What operators have said of a node, as the ledger's `nodeList` has it. */
export interface NodeOrders {
  readonly node: string
  readonly labels: Readonly<Record<string, string>>
  readonly drained?: { readonly by: string; readonly reason: string }
}

/** `resource/gpu=2`: it has two of them. */
const RESOURCE = 'resource/'
/** `feature/container=podman`: it offers containers. `no` and `false`: it does not. */
const FEATURE = 'feature/'
/** So many attempts at once. */
const ATTEMPTS = 'limit/attempts'

/** In the order of the members. Orders for nodes that nobody has heard of are passed over. */
export function hostFacts(
  members: Iterable<KnownMember>,
  orders: Iterable<NodeOrders>,
): HostFacts[] {
  const orderOf = new Map([...orders].map((order) => [order.node, order]))
  return [...members].map((member) => factsOf(member, orderOf.get(member.id)))
}

/**
 * Hosts as an agent sees them that assigns nothing itself: of what runs there it knows the number,
 * which is gossiped, and not what is set aside for it.
 */
export function hostsSeen(members: readonly KnownMember[], orders: Iterable<NodeOrders>): Hosts {
  return hostsRunning(hostFacts(members, orders), (_, i) => members[i]!.digest.runningAttempts)
}

/** With so many attempts on each, of which nothing else is known; no more than it takes. */
export function hostsRunning(
  facts: readonly HostFacts[],
  attemptsOn: (facts: HostFacts, i: number) => number,
): Hosts {
  const hosts = new Hosts(facts)
  facts.forEach((each, i) => {
    const running = Math.min(attemptsOn(each, i), each.attemptsMax)
    for (let n = 0; n < running; n++) hosts.setAside(each.id, { custom: {} })
  })
  return hosts
}

/** What labels and the profile say together, which changes seldom. */
type Described = Pick<HostFacts, 'os' | 'arch' | 'labels' | 'custom' | 'features' | 'attemptsMax'>

/** By profiles, which never change, of hosts of which operators have said nothing: nearly all. */
const described = new WeakMap<Profile, Described>()

function describedBy(profile: Profile | undefined, order: NodeOrders | undefined): Described {
  if (profile === undefined || order !== undefined) return describe(profile, order)
  const known = described.get(profile) ?? describe(profile, order)
  described.set(profile, known)
  return known
}

function describe(profile: Profile | undefined, order: NodeOrders | undefined): Described {
  const [os, arch] = platformOf(profile)
  const labels: Record<string, string> = {
    ...(os === undefined ? {} : { os }),
    ...(arch === undefined ? {} : { arch }),
    ...profile?.labels,
    ...order?.labels,
  }
  const attemptsMax =
    amount(labels[ATTEMPTS]) ?? profile?.attemptsMax ?? placementLimits.attemptsMaxDefault
  const features = featuresIn(labels)
  return {
    ...(os === undefined ? {} : { os }),
    ...(arch === undefined ? {} : { arch }),
    labels,
    custom: customIn(labels),
    ...(features === undefined ? {} : { features }),
    attemptsMax,
  }
}

/** Of all hosts, once a second: what is absent is left out one by one, and not spread in. */
export function factsOf(member: KnownMember, order: NodeOrders | undefined): HostFacts {
  const { id, state, profile, digest } = member
  const { load } = digest
  const facts: { -readonly [Fact in keyof HostFacts]: HostFacts[Fact] } = {
    id,
    name: profile?.name ?? id.slice(-8),
    state,
    isKnown: profile !== undefined,
    version: digest.agentVersion,
    cores: profile?.cores ?? load?.cores ?? 0,
    memoryBytes: profile?.memoryBytes ?? load?.memoryTotalBytes ?? 0,
    ...describedBy(profile, order),
  }
  if (order?.drained !== undefined) facts.drained = order.drained
  if (profile?.noSandbox !== undefined) facts.noSandbox = profile.noSandbox
  if (profile?.noSecretFiles !== undefined) facts.noSecretFiles = profile.noSecretFiles
  if (load === undefined) return facts
  const { diskTotalBytes: totalBytes, diskAvailableBytes: availableBytes } = load
  facts.disk = { totalBytes, availableBytes }
  facts.load = loadOf(load, member)
  return facts
}

/** As in `linux-x64`; both or neither. */
function platformOf(profile: Profile | undefined): [string?, string?] {
  const parts = profile?.platform.split('-') ?? []
  return parts.length < 2 ? [] : [parts.slice(0, -1).join('-'), parts.at(-1)!]
}

function loadOf(load: LoadRecord, { digest, digestAgeMs }: KnownMember): HostLoad {
  const { cpuPermille, memoryTotalBytes, memoryUsedBytes } = load
  return {
    ...(cpuPermille === undefined ? {} : { cpu: cpuPermille / 1_000 }),
    ...(memoryTotalBytes > 0 ? { memory: memoryUsedBytes / memoryTotalBytes } : {}),
    ageMs: digestAgeMs,
    intervalMs: digest.intervalMs,
  }
}

function customIn(labels: Readonly<Record<string, string>>): Record<string, number> {
  const custom: [string, number][] = []
  for (const [label, value] of Object.entries(labels)) {
    const has = label.startsWith(RESOURCE) ? amount(value) : undefined
    if (has !== undefined) custom.push([label.slice(RESOURCE.length), has])
  }
  return Object.fromEntries(custom)
}

/** Undefined while it has said nothing of any. */
function featuresIn(labels: Readonly<Record<string, string>>): string[] | undefined {
  const told = Object.entries(labels).filter(([label]) => label.startsWith(FEATURE))
  if (told.length === 0) return undefined
  return told
    .filter(([, value]) => value !== 'no' && value !== 'false')
    .map(([label]) => label.slice(FEATURE.length))
}

/** A label that is no number says nothing. */
function amount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}
