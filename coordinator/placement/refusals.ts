/**
 * Why a host does not take a unit, in words with figures: every reason, not the first one. Slow
 * beside `eligibility.ts`, which decides; that the two agree is a law in test/placement.
 */
import { assertNever } from '../../protocol/assert.ts'
import { printExpression } from '../../protocol/workflow/expressions/printer.ts'
import {
  checkAll,
  codesIn,
  expressionValue,
  labelOf,
  lacks,
  meets,
  toldMissing,
} from './eligibility.ts'
import type { HostView } from './host-view.ts'
import type { LabelDemand, PlacementRequest, Refusal, RefusalCode } from './policy.ts'
import { coresFree, customFree, customOf, diskFree, memoryFree } from './room.ts'
import { anyOf, count, size } from './words.ts'

export function refusalsOf(request: PlacementRequest, host: HostView): Refusal[] {
  return codesIn(checkAll(request, host)).flatMap((code) =>
    messagesOf(code, request, host).map((message) => ({ code, message })),
  )
}

function whyLacking(host: HostView, feature: string): string {
  const why = toldMissing(host, feature)
  return why === undefined ? '' : `: ${why}`
}

function messagesOf(code: RefusalCode, request: PlacementRequest, host: HostView): string[] {
  const { demands, resources } = request
  switch (code) {
    case 'gone':
      return [host.state === 'left' ? 'it has left the mesh' : 'it is dead']
    case 'suspect':
      return ['it is suspected to be dead']
    case 'drained':
      return [`it is drained${told(host.drained)}`]
    case 'unknown':
      return ['it has not told yet what it is']
    case 'host':
      return [`it is not ${anyOf(demands.hosts)}`]
    case 'label':
      return demands.labels
        .filter((demand) => !meets(demand, host))
        .map((demand) => labelMessage(demand, host))
    case 'expression':
      return [`${shownExpression(request)} is false there`]
    case 'expressionFailed':
      return [`${shownExpression(request)} has no value there: ${whyNot(request, host)}`]
    case 'feature':
      return request.features
        .filter((feature) => lacks(host, feature))
        .map((feature) => `it offers no ${feature}${whyLacking(host, feature)}`)
    case 'affinity':
      return ['the stages that it must be with have run elsewhere']
    case 'antiAffinity':
      return ['a stage that it must be apart from has run there']
    case 'tooFewCores':
      return [`it has ${count(host.cores, 'core')}, and ${number(resources.cpu)} are asked for`]
    case 'tooLittleMemory':
      return [
        `it has ${size(host.memoryBytes)} of memory, and ${size(resources.memoryBytes ?? 0)} are asked for`,
      ]
    case 'tooLittleDisk':
      return [
        `its disk has ${size(host.disk?.totalBytes ?? 0)}, and ${size(resources.diskBytes ?? 0)} are asked for`,
      ]
    case 'coresTaken':
      return [
        `${number(Math.max(0, coresFree(host)))} of its ${count(host.cores, 'core')} are free, and ${number(resources.cpu)} are asked for`,
      ]
    case 'memoryTaken':
      return [
        `${size(memoryFree(host))} of its ${size(host.memoryBytes)} of memory are free, and ${size(resources.memoryBytes ?? 0)} are asked for`,
      ]
    case 'diskTaken':
      return [diskMessage(request, host)]
    case 'tooFewCustom':
      return custom(request, (name, amount) => amount > customOf(host, name)).map(
        ([name, amount]) => `it has ${customOf(host, name)} ${name}, and ${amount} are asked for`,
      )
    case 'customTaken':
      return custom(
        request,
        (name, amount) => amount <= customOf(host, name) && amount > customFree(host, name),
      ).map(
        ([name, amount]) =>
          `${Math.max(0, customFree(host, name))} of its ${customOf(host, name)} ${name} are free, and ${amount} are asked for`,
      )
    case 'full':
      return [
        `it runs ${count(host.setAside.attempts, 'attempt')}, and takes ${host.attemptsMax} at once`,
      ]
    case 'declined':
      return ['it has just declined it']
    default:
      return assertNever(code)
  }
}

function told(drained: HostView['drained']): string {
  if (drained === undefined) return ''
  const by = drained.by === '' ? '' : ` by ${drained.by}`
  return `${by}${drained.reason === '' ? '' : `: ${drained.reason}`}`
}

function labelMessage(demand: LabelDemand, host: HostView): string {
  const { label, exists } = demand
  const value = labelOf(host, label)
  const has =
    value === undefined
      ? `it has no label ${label}`
      : `its label ${label} is ${JSON.stringify(value)}`
  if (exists === false && value !== undefined) return `${has}, and must not be there`
  if (demand.in !== undefined && (value === undefined || !demand.in.includes(value))) {
    return `${has}, and ${anyOf(demand.in)} is asked for`
  }
  return value === undefined ? `${has}, and must have it` : `${has}, which is ruled out`
}

function shownExpression({ demands }: PlacementRequest): string {
  return demands.expression === undefined ? '' : printExpression(demands.expression.expr)
}

function whyNot({ demands }: PlacementRequest, host: HostView): string {
  const value = demands.expression && expressionValue(demands.expression, host)
  return typeof value === 'object' ? value.why : ''
}

function diskMessage({ resources }: PlacementRequest, host: HostView): string {
  const asked = `${size(resources.diskBytes ?? 0)} are asked for`
  if (host.disk === undefined) return `it has not told how much disk it has, and ${asked}`
  return `${size(diskFree(host))} of its disk of ${size(host.disk.totalBytes)} are free, and ${asked}`
}

function custom(
  { resources }: PlacementRequest,
  isShort: (name: string, amount: number) => boolean,
): [string, number][] {
  return Object.entries(resources.custom).filter(([name, amount]) => isShort(name, amount))
}

function number(value = 0): string {
  return String(Number(value.toFixed(2)))
}
