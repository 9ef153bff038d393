/**
 * Whether a host may take a unit, quickly: one bit for each kind of reason against it. A choice asks
 * this of every host, so nothing here makes a text. `refusals.ts` tells the same in words.
 */
import { evaluate } from '../../protocol/workflow/expressions/evaluator.ts'
import { referencesOf } from '../../protocol/workflow/expressions/references.ts'
import type { Fields } from '../../protocol/workflow/expressions/values.ts'
import { type HostView, features as named } from './host-view.ts'
import { placementLimits } from './limits.ts'
import type { LabelDemand, PlacementRequest, RefusalBits, RefusalCode } from './policy.ts'
import { refusalCodes } from './policy.ts'
import { CORES_TOLERANCE, coresFree, customFree, customOf, diskFree, memoryFree } from './room.ts'

export const bitOf = Object.fromEntries(refusalCodes.map((code, i) => [code, 1 << i])) as Readonly<
  Record<RefusalCode, RefusalBits>
>

/** What goes by itself, as work ends and hosts are heard again. */
export const passingBits =
  bitOf.suspect |
  bitOf.unknown |
  bitOf.coresTaken |
  bitOf.memoryTaken |
  bitOf.diskTaken |
  bitOf.customTaken |
  bitOf.full |
  bitOf.declined

/** Whether these are all reasons that go by themselves. */
export function canPass(bits: RefusalBits, request: PlacementRequest): boolean {
  const lasting = bits & ~passingBits
  return lasting === 0 || (lasting === bitOf.expression && readsLoad(request))
}

/** What comes and goes with load and rumours. */
const fleetingBits = passingBits & ~bitOf.unknown

/**
 * What keeps the host from it for as long as nobody changes anything about hosts or the mesh: not
 * what is set aside, not load, not a suspicion, and not where other stages have run.
 */
export function lastingRefusals(request: PlacementRequest, host: HostView): RefusalBits {
  const { affinity: _, antiAffinity: __, ...rest } = request
  const changing = readsLoad(request) ? bitOf.expression | bitOf.expressionFailed : 0
  return checkAll(rest, host) & ~(fleetingBits | changing)
}

export function codesIn(bits: RefusalBits): RefusalCode[] {
  return refusalCodes.filter((code) => (bits & bitOf[code]) !== 0)
}

/** All but the expression, which is asked only of hosts that nothing else keeps from it. */
export function check(request: PlacementRequest, host: HostView): RefusalBits {
  const bits = checkHost(host) | checkDemands(request, host) | checkRoom(request, host)
  if (bits !== 0 || request.demands.expression === undefined) return bits
  return checkExpression(request, host)
}

/** The same, with nothing left out. */
export function checkAll(request: PlacementRequest, host: HostView): RefusalBits {
  return (
    checkHost(host) |
    checkDemands(request, host) |
    checkRoom(request, host) |
    checkExpression(request, host)
  )
}

function checkHost({ state, drained, isKnown }: HostView): RefusalBits {
  let bits = 0
  if (state === 'dead' || state === 'left') bits |= bitOf.gone
  else if (state === 'suspect') bits |= bitOf.suspect
  if (drained !== undefined) bits |= bitOf.drained
  if (!isKnown) bits |= bitOf.unknown
  return bits
}

function checkDemands(request: PlacementRequest, host: HostView): RefusalBits {
  const { demands, affinity, antiAffinity, features, declined } = request
  let bits = 0
  if (demands.hosts.length > 0 && !isNamed(demands.hosts, host)) bits |= bitOf.host
  if (declined?.has(host.id) === true) bits |= bitOf.declined
  if (affinity?.required && affinity.nodes.length > 0 && !affinity.nodes.includes(host.id)) {
    bits |= bitOf.affinity
  }
  if (antiAffinity?.required && antiAffinity.nodes.includes(host.id)) bits |= bitOf.antiAffinity
  // Of a host that has told nothing, nothing is known to be missing.
  if (!host.isKnown) return bits
  for (const demand of demands.labels) if (!meets(demand, host)) bits |= bitOf.label
  for (const feature of features) if (lacks(host, feature)) bits |= bitOf.feature
  return bits
}

export function isNamed(hosts: readonly string[], { id, name }: HostView): boolean {
  return hosts.includes(id) || hosts.includes(name)
}

/** A host that has not told is tried: its agent declines what it cannot do. */
export function lacks(host: HostView, feature: string): boolean {
  if (feature === named.sandbox || feature === named.secretFiles) {
    return toldMissing(host, feature) !== undefined
  }
  const { features } = host
  return features !== undefined && !features.includes(feature)
}

/** Of some it tells by itself that it lacks them, and why. */
export function toldMissing(
  { noSandbox, noSecretFiles }: HostView,
  feature: string,
): string | undefined {
  if (feature === named.sandbox) return noSandbox
  return feature === named.secretFiles ? noSecretFiles : undefined
}

export function labelOf({ labels }: HostView, label: string): string | undefined {
  return Object.hasOwn(labels, label) ? labels[label] : undefined
}

/** A label that is not there has none of the unwanted values. */
export function meets(demand: LabelDemand, host: HostView): boolean {
  const value = labelOf(host, demand.label)
  if (demand.exists !== undefined && demand.exists !== (value !== undefined)) return false
  if (demand.in !== undefined && (value === undefined || !demand.in.includes(value))) return false
  return demand.notIn === undefined || value === undefined || !demand.notIn.includes(value)
}

function checkRoom({ resources }: PlacementRequest, host: HostView): RefusalBits {
  let bits = host.setAside.attempts >= host.attemptsMax ? bitOf.full : 0
  if (!host.isKnown) return bits
  const { cpu, memoryBytes, diskBytes, custom } = resources
  if (cpu !== undefined) {
    if (cpu > host.cores) bits |= bitOf.tooFewCores
    else if (cpu > coresFree(host) + CORES_TOLERANCE) bits |= bitOf.coresTaken
  }
  if (memoryBytes !== undefined) {
    if (memoryBytes > host.memoryBytes) bits |= bitOf.tooLittleMemory
    else if (memoryBytes > memoryFree(host)) bits |= bitOf.memoryTaken
  }
  if (diskBytes !== undefined) {
    if (host.disk !== undefined && diskBytes > host.disk.totalBytes) bits |= bitOf.tooLittleDisk
    else if (diskBytes > diskFree(host)) bits |= bitOf.diskTaken
  }
  for (const name in custom) {
    const amount = custom[name]!
    if (amount > customOf(host, name)) bits |= bitOf.tooFewCustom
    else if (amount > customFree(host, name)) bits |= bitOf.customTaken
  }
  return bits
}

function checkExpression({ demands }: PlacementRequest, host: HostView): RefusalBits {
  const { expression } = demands
  if (expression === undefined || !host.isKnown) return 0
  const value = expressionValue(expression, host)
  if (value === true) return 0
  return value === false ? bitOf.expression : bitOf.expressionFailed
}

const expressionLimits = {
  stepsMax: placementLimits.expressionStepsMax,
  stringLengthMax: 64 * 1024,
  elementsMax: 4 * 1024,
}

/** True, false, or why it has no value there. */
export function expressionValue(
  { expr, names }: NonNullable<PlacementRequest['demands']['expression']>,
  host: HostView,
): boolean | { why: string } {
  const found = evaluate(expr, { ...names, node: nodeNames(host) }, expressionLimits)
  if (!found.ok) return { why: found.mistake.why }
  return typeof found.value === 'boolean' ? found.value : { why: 'it is neither true nor false' }
}

/** `node`, as the language describes it (protocol/workflow/check/scope.ts). */
export function nodeNames(host: HostView): Fields {
  return {
    id: host.id,
    name: host.name,
    labels: host.labels,
    cpu: host.cores,
    memory: BigInt(Math.round(host.memoryBytes)),
    disk: BigInt(Math.round(host.disk?.totalBytes ?? 0)),
    load: host.load?.cpu ?? 0,
    running: BigInt(host.setAside.attempts),
  }
}

/** Whether what it says may change as hosts work, and not only when they or their labels do. */
export function readsLoad({ demands }: PlacementRequest): boolean {
  if (demands.expression === undefined) return false
  return referencesOf(demands.expression.expr).some(
    ({ name, field }) =>
      name === 'node' && (field === undefined || field === 'load' || field === 'running'),
  )
}
