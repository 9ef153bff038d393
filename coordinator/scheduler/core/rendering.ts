/**
 * A stage with its values in: what an agent is given. Whatever is wrong with it comes back as words
 * that name the place, before anything was assigned.
 */
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import type { AttemptResources, AttemptTimeouts } from '../../../protocol/work/attempt.ts'
import { workLimits as limits } from '../../../protocol/work/limits.ts'
import { type AttemptStep, isImageName } from '../../../protocol/work/step.ts'
import type { ExpressionMistake } from '../../../protocol/workflow/expressions/errors.ts'
import {
  type Rendered,
  renderText,
  type Template,
} from '../../../protocol/workflow/expressions/template.ts'
import type { Fields } from '../../../protocol/workflow/expressions/values.ts'
import type { Stage, Step, Workflow } from '../../../protocol/workflow/model.ts'
import { renderJson, renderScript } from '../../../protocol/workflow/rendering.ts'
import { secretsOf } from '../../../protocol/workflow/secrets.ts'
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import type { JsonTemplate } from '../../../protocol/workflow/shape/templates.ts'
import { unknownStepWords } from '../../placement/unknown-steps.ts'

/** All of an assignment but who, which try, and under which fence. */
export interface RenderedWork {
  readonly step: AttemptStep
  readonly env: Readonly<Record<string, string>>
  /** Variable and name of the secret: those that it holds, and those that lie in a file. */
  readonly secrets: Readonly<Record<string, string>>
  readonly secretFiles: Readonly<Record<string, string>>
  readonly directory: string | undefined
  readonly with: string | undefined
  readonly timeouts: AttemptTimeouts
  readonly resources: AttemptResources
}

export type RenderedAs<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string }

/** Thrown and caught in this file only: what is wrong, and where. */
class Wrong extends Error {}

/** Runs what may find something wrong. */
export function rendered<T>(make: () => T): RenderedAs<T> {
  try {
    return { ok: true, value: make() }
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, why: error.message }
    throw error
  }
}

export function placeOf(stage: Stage, ...path: readonly (string | number)[]): string {
  return [stage.section, stage.name, ...path].join('.')
}

/** The value, or it ends what `rendered` runs. */
export function need<T>(place: string, value: Rendered<T>): T {
  if (value.ok) return value.value
  throw new Wrong(told(place, value.mistake))
}

export function told(place: string, { why, hint }: ExpressionMistake): string {
  return `${place}: ${why}${hint === undefined ? '' : `; ${hint}`}`
}

export function refuse(place: string, why: string): never {
  throw new Wrong(`${place}: ${why}`)
}

/** A text, bounded as it must be for who takes it. */
export function text(place: string, template: Template, names: Fields, bytesMax: number): string {
  return fitting(place, need(place, renderText(template, names)), bytesMax)
}

export function fitting(place: string, value: string, bytesMax: number): string {
  if (value.length * 3 <= bytesMax || Buffer.byteLength(value) <= bytesMax) return value
  return refuse(
    place,
    `it comes to ${Buffer.byteLength(value)} bytes, and ${bytesMax} are the most; hand on a file`,
  )
}

/** As JSON: the values of a map, in its order. */
export function jsonMap(
  place: string,
  entries: Readonly<Record<string, JsonTemplate>>,
  names: Fields,
): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(entries).map(([key, json]) => [
      key,
      need(`${place}.${key}`, renderJson(json, names)),
    ]),
  )
}

export function renderWork(workflow: Workflow, stage: Stage, names: Fields): RenderedWork {
  const at = placeOf(stage)
  const env: Record<string, string> = {}
  for (const entries of [workflow.env, stage.env]) {
    for (const [name, template] of Object.entries(entries)) {
      env[name] = text(`${at}.env.${name}`, template, names, limits.variableBytesMax)
      if (env[name].includes('\0')) refuse(`${at}.env.${name}`, 'no variable holds a NUL')
    }
  }
  const secrets = secretsOf(workflow, stage, 'variable')
  const secretFiles = secretsOf(workflow, stage, 'file')
  counted(`${at}.env`, 'variables', Object.keys(env).length, limits.envMax)
  const secretsCount = Object.keys(secrets).length + Object.keys(secretFiles).length
  counted(`${at}.secrets`, 'secrets', secretsCount, limits.secretsMax)
  const { directory, resources, timeouts } = stage
  const hasWith = Object.keys(stage.with).length > 0
  const work: RenderedWork = {
    step: renderStep(stage.step, at, names),
    env,
    secrets,
    secretFiles,
    directory: directory && text(`${at}.directory`, directory, names, limits.pathBytesMax),
    with: hasWith
      ? fitting(
          `${at}.with`,
          JSON.stringify(jsonMap(`${at}.with`, stage.with, names)),
          limits.withBytesMax,
        )
      : undefined,
    timeouts: {
      ...(timeouts.startToCloseMs === undefined ? {} : { startToCloseMs: timeouts.startToCloseMs }),
      ...(timeouts.heartbeatMs === undefined ? {} : { heartbeatMs: timeouts.heartbeatMs }),
    },
    resources: {
      custom: { ...resources.custom },
      ...(resources.cpu === undefined ? {} : { cpu: resources.cpu }),
      ...(resources.memoryBytes === undefined ? {} : { memoryBytes: resources.memoryBytes }),
      ...(resources.diskBytes === undefined ? {} : { diskBytes: resources.diskBytes }),
    },
  }
  counted(
    `${at}.resources`,
    'kinds of resources',
    Object.keys(resources.custom).length,
    limits.customResourcesMax,
  )
  const bytes = stage.artifacts.reduce((sum, each) => sum + lengthOf(each) + 16, bytesOf(work))
  if (bytes > limits.assignmentBytesMax - envelopeBytes) {
    refuse(
      at,
      `with all values in it comes to ${bytes} bytes, more than an agent takes; hand on a file`,
    )
  }
  return work
}

/** Names, numbers and tags of an assignment. */
const envelopeBytes = 4 * 1024

/** From above, where that is enough. */
function bytesOf(work: RenderedWork): number {
  const { step, env, secrets, secretFiles, directory = '', with: given = '' } = work
  let bytes = lengthOf(directory) + lengthOf(given) + stepBytes(step)
  for (const map of [env, secrets, secretFiles]) {
    for (const name in map) bytes += name.length + lengthOf(map[name]!) + 16
  }
  return bytes
}

function lengthOf(value: string): number {
  return value.length < 4_096 ? value.length * 3 : Buffer.byteLength(value)
}

function stepBytes({ kind, value }: AttemptStep): number {
  let bytes = 0
  const add = (each: string) => {
    bytes += lengthOf(each) + 16
  }
  switch (kind) {
    case 'script':
      add(value.text)
      Object.values(value.variables).forEach(add)
      break
    case 'program':
      value.argv.forEach(add)
      break
    case 'http':
      add(value.body ?? '')
      Object.values(value.headers).forEach(add)
      break
    case 'container':
      value.command.forEach(add)
  }
  return bytes
}

function counted(place: string, noun: string, count: number, max: number): void {
  if (count > max) refuse(place, `there are ${count} ${noun}, and ${max} are the most`)
}

function renderStep(step: Step, stageAt: string, names: Fields): AttemptStep {
  const at = `${stageAt}.${step.kind}`
  const texts = (templates: readonly Template[], place: string) =>
    templates.map((each, i) => text(`${place}.${i}`, each, names, limits.variableBytesMax))
  switch (step.kind) {
    case 'run': {
      if ('argv' in step) return { kind: 'program', value: { argv: texts(step.argv, at) } }
      const { text: script, variables } = need(at, renderScript(step.script, names))
      counted(at, 'values', Object.keys(variables).length, limits.variablesMax)
      for (const value of Object.values(variables)) fitting(at, value, limits.variableBytesMax)
      fitting(at, script, limits.scriptBytesMax)
      return { kind: 'script', value: { shell: step.script.shell, text: script, variables } }
    }
    case 'http':
      return renderHttp(step, at, names)
    case 'function': {
      const module = text(`${at}.module`, step.module, names, limits.pathBytesMax)
      return { kind: 'function', value: { module, export: step.export } }
    }
    case 'container': {
      const { pull, network } = step
      const image = text(`${at}.image`, step.image, names, limits.pathBytesMax)
      if (!isImageName(image)) {
        refuse(`${at}.image`, `${JSON.stringify(cut(image))} is no name of an image`)
      }
      const command = texts(step.command, `${at}.command`)
      return { kind: 'container', value: { image, command, pull, network } }
    }
    default:
      return refuse(at, unknownStepWords(step.kind))
  }
}

function renderHttp(step: Extract<Step, { kind: 'http' }>, at: string, names: Fields): AttemptStep {
  const headers: Record<string, string> = {}
  for (const [name, template] of Object.entries(step.headers)) {
    headers[name] = text(`${at}.headers.${name}`, template, names, limits.headerBytesMax)
  }
  counted(`${at}.headers`, 'headers', Object.keys(headers).length, limits.headersMax)
  const url = text(`${at}.url`, step.url, names, limits.urlBytesMax)
  const { method, expect } = step
  if (step.body === undefined) {
    return { kind: 'http', value: { url, method, headers, expect: [...expect] } }
  }
  const json = need(`${at}.body`, renderJson(step.body, names))
  const isText = typeof json === 'string'
  const said = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  if (!isText && !said) headers['content-type'] = 'application/json'
  const body = fitting(`${at}.body`, isText ? json : JSON.stringify(json), limits.httpBodyBytesMax)
  return { kind: 'http', value: { url, method, headers, body, expect: [...expect] } }
}

/** To what the ledger keeps of an error. */
export function cut(words: string): string {
  if (words.length * 3 <= stateLimits.noteBytesMax) return words
  let length = Math.min(words.length, limits.errorMessageBytesMax)
  while (Buffer.byteLength(words.slice(0, length)) > stateLimits.noteBytesMax - 3) {
    length = Math.floor(length * 0.9)
  }
  return length < words.length ? `${words.slice(0, length)}…` : words
}
