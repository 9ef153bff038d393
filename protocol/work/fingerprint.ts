/**
 * Of what kind a piece of work is: its step, the shape of its command without the values in it, its
 * image, and what it sets aside. Two attempts with one fingerprint are taken to be of a kind, and
 * what one took says something of the other. `KIND/PROGRAM/SHAPE`, and a fourth part where resources
 * are set aside; who knows nothing of the whole may know something of its first parts.
 */
import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import { canonicalJson } from '../workflow/canonical.ts'
import type { Template } from '../workflow/expressions/template.ts'
import type { Resources, Stage, Step } from '../workflow/model.ts'
import type { Json } from '../workflow/shape/shape.ts'
import type { JsonTemplate } from '../workflow/shape/templates.ts'
import { workLimits } from './limits.ts'

const programLengthMax = 40
const shapeDigits = 10
const needsDigits = 6

assert(
  'container/'.length + programLengthMax + 1 + shapeDigits + 1 + needsDigits <=
    workLimits.fingerprintBytesMax,
  'every fingerprint must fit an assignment',
)

/** Stands for whatever only a run knows. No template holds it otherwise. */
const BLANK = '\0'

/** Functions that take no time and have no effect: there is nothing to learn of them. */
const instant: ReadonlySet<string> = new Set(['skein:noop', 'skein:echo', 'skein:fail'])

/** Whether it is done as soon as it is asked for, and cannot fail. */
export function isInstant(step: Step): boolean {
  return step.kind === 'function' && ['skein:noop', 'skein:echo'].includes(blanked(step.module))
}

/** The same of a whole stage: it has no files to bring in or to hand on. */
export function takesNoTime({
  step,
  artifacts,
  artifactsFrom,
}: Pick<Stage, 'step' | 'artifacts' | 'artifactsFrom'>): boolean {
  return isInstant(step) && artifacts.length === 0 && artifactsFrom.length === 0
}

/** Undefined for what no agent does, and for what takes no time. */
export function fingerprintOf(
  stage: Pick<Stage, 'step' | 'with' | 'resources'>,
): string | undefined {
  const described = describe(stage.step)
  if (described === undefined) return undefined
  const { kind, program, shape } = described
  const given = Object.entries(stage.with).map(([name, json]) => [name, blankedJson(json)])
  const needs = needsText(stage.resources)
  const told = canonicalJson([...shape, Object.fromEntries(given) as Json])
  const parts = [kind, wordOf(program), digest(told, shapeDigits)]
  if (needs !== '') parts.push(digest(needs, needsDigits))
  return parts.join('/')
}

/** The form only: anybody may make one up. */
export function isFingerprint(text: string): boolean {
  return text.length <= workLimits.fingerprintBytesMax && formOf.test(text)
}

const formOf = /^(?:script|program|http|function|container)\/[\w.:*+-]+\/[0-9a-f]+(?:\/[0-9a-f]+)?$/

interface Described {
  readonly kind: 'script' | 'program' | 'http' | 'function' | 'container'
  /** What people would call it. */
  readonly program: string
  readonly shape: readonly string[]
}

function describe(step: Step): Described | undefined {
  switch (step.kind) {
    case 'run': {
      if ('argv' in step) {
        const argv = step.argv.map(blanked)
        return { kind: 'program', program: baseOf(argv[0] ?? ''), shape: argv }
      }
      const parts = step.script.parts.map((part) => (typeof part === 'string' ? part : BLANK))
      const text = parts.join('')
      return { kind: 'script', program: firstProgram(text), shape: [step.script.shell, text] }
    }
    case 'http': {
      const url = blanked(step.url).replace(userInfo, '$1')
      return { kind: 'http', program: hostOf(url), shape: [step.method, url] }
    }
    case 'function': {
      const module = blanked(step.module)
      if (instant.has(module)) return undefined
      return { kind: 'function', program: baseOf(module), shape: [module, step.export] }
    }
    case 'container': {
      const image = blanked(step.image)
      const shape = [image, ...step.command.map(blanked)]
      return { kind: 'container', program: baseOf(image.replace(/[:@].*$/, '')), shape }
    }
    default:
      return undefined
  }
}

/** Who asks, and with which password, makes no other kind of work, and is nobody else's business. */
const userInfo = /^(\w+:\/\/)[^/?#]*@/

function blanked(template: Template): string {
  return template.map((part) => (typeof part === 'string' ? part : BLANK)).join('')
}

function blankedJson(json: JsonTemplate): Json {
  switch (json.kind) {
    case 'literal':
      return json.value
    case 'text':
      return blanked(json.template)
    case 'list':
      return json.items.map(blankedJson)
    case 'map': {
      const entries = Object.entries(json.entries)
      return Object.fromEntries(entries.map(([name, each]) => [name, blankedJson(each)]))
    }
  }
}

function needsText({ cpu, memoryBytes, diskBytes, custom }: Resources): string {
  const entries = Object.entries({ cpu, memoryBytes, diskBytes, ...custom })
  return entries
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(' ')
}

/** What a script does first that is worth a name: not where it goes and what it sets before. */
function firstProgram(text: string): string {
  for (const command of text.replaceAll(assignment, '$1').split(/\n|;|&&/)) {
    const words = command.trim().split(/\s+/)
    while (/^\w+=/.test(words[0] ?? '')) words.shift()
    const [word = ''] = words
    if (word !== '' && !word.startsWith('#') && !prefaces.has(word)) return baseOf(word)
  }
  return 'nothing'
}

/** With its whole value, whatever is in its quotes or brackets. A quote that is never closed ends it. */
const assignment =
  /((?:^|[\s;&])\w+=)(?:"(?:[^"\\]|\\[\s\S])*"|'[^']*'|\$?\([^()]*\)|\\[\s\S]|[^\s;&"'\\(]+)+/g

const prefaces = new Set(['set', 'cd', 'export', 'umask', 'trap', ':', 'shopt', 'ulimit'])

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function hostOf(url: string): string {
  return /^\w+:\/\/([^/?#]*)/.exec(url)?.[1] ?? url
}

/** One part of a fingerprint. */
function wordOf(text: string): string {
  const word = text.replaceAll(BLANK, '*').replaceAll(/[^\w.:*+-]/g, '')
  return word.slice(0, programLengthMax) || '*'
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
