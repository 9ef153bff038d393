/**
 * Values for the inputs of a run: whether they are what the workflow asks for, and texts of a command
 * line made into what they stand for. All mistakes at once.
 */
import { nearest } from '../nearest.ts'
import { Regex } from './expressions/regex.ts'
import type { Fields, Value } from './expressions/values.ts'
import { quote } from './mistake.ts'
import type { Input, Workflow } from './model.ts'
import type { Json } from './shape/shape.ts'

export interface InputMistake {
  readonly input: string
  readonly message: string
  readonly hint?: string
}

export type BoundInputs =
  /** With defaults filled in, in the order of the workflow. */
  | { readonly ok: true; readonly values: Readonly<Record<string, Json>> }
  | { readonly ok: false; readonly mistakes: readonly InputMistake[] }

export function bindInputs(
  workflow: Pick<Workflow, 'inputs'>,
  given: Readonly<Record<string, Json>>,
): BoundInputs {
  const { inputs } = workflow
  const mistakes: InputMistake[] = []
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(inputs, name)) continue
    const guess = nearest(name, Object.keys(inputs))
    const known = Object.keys(inputs).join(', ')
    const hint =
      guess === undefined
        ? known === ''
          ? 'it has no inputs'
          : `there are ${known}`
        : `did you mean ${guess}?`
    mistakes.push({ input: name, message: `there is no input ${quote(name)}`, hint })
  }
  const values: Record<string, Json> = {}
  for (const [name, input] of Object.entries(inputs)) {
    const value = Object.hasOwn(given, name) ? given[name]! : input.default
    if (value === undefined) {
      if (!input.required) continue
      mistakes.push({
        input: name,
        message: `the input ${name} has no value`,
        hint: `give it with -i ${name}=…`,
      })
      continue
    }
    const wrong = wrongWith(input, value)
    if (wrong === undefined) values[name] = value
    else mistakes.push({ input: name, ...wrong, message: `${name}: ${wrong.message}` })
  }
  return mistakes.length === 0 ? { ok: true, values } : { ok: false, mistakes }
}

/** What a text of a command line stands for; the text itself when it stands for nothing of the kind. */
export function inputFromText({ type }: Input, text: string): Json {
  if (type === 'string') return text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if ((type === 'number' || type === 'integer') && !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text))
    return text
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** The same for all of them; what the workflow does not ask for stays a text, and is refused as such. */
export function inputsFromTexts(
  { inputs }: Pick<Workflow, 'inputs'>,
  texts: Readonly<Record<string, string>>,
): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      Object.hasOwn(inputs, name) ? inputFromText(inputs[name]!, text) : text,
    ]),
  )
}

export function wrongWith(
  input: Input,
  value: Json,
): { message: string; hint?: string } | undefined {
  if (!isOfType(input, value)) {
    return { message: `${typeNames[input.type]} is needed, and this is ${shown(input, value)}` }
  }
  if (input.enum && !input.enum.some((each) => JSON.stringify(each) === JSON.stringify(value))) {
    const words = input.enum.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
    const guess = typeof value === 'string' ? nearest(value, words) : undefined
    const hint =
      guess === undefined ? `it can be ${words.slice(0, 12).join(', ')}` : `did you mean ${guess}?`
    return { message: `${shown(input, value)} is not one of its values`, hint }
  }
  if (input.pattern !== undefined && typeof value === 'string') {
    const pattern = Regex.of(input.pattern)
    if (pattern.ok && !pattern.value.test(value.slice(0, PATTERN_TEXT_MAX))) {
      return { message: `${shown(input, value)} does not match ${input.pattern}` }
    }
  }
  const size = sizeOf(value)
  if (size !== undefined && input.min !== undefined && size.size < input.min) {
    return { message: `${size.what} is ${size.size}, and ${input.min} is the least` }
  }
  if (size !== undefined && input.max !== undefined && size.size > input.max) {
    return { message: `${size.what} is ${size.size}, and ${input.max} is the most` }
  }
  return undefined
}

/** A pattern looks no further, so that no input takes long. */
const PATTERN_TEXT_MAX = 64 * 1024

const typeNames: Readonly<Record<Input['type'], string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  list: 'a list',
  object: 'an object',
}

function isOfType({ type }: Input, value: Json): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
  }
}

function sizeOf(value: Json): { what: string; size: number } | undefined {
  if (typeof value === 'number') return { what: 'it', size: value }
  if (typeof value === 'string') return { what: 'its length', size: value.length }
  return Array.isArray(value)
    ? { what: 'the number of its elements', size: value.length }
    : undefined
}

/** Secrets are not repeated to anybody. */
function shown({ secret }: Input, value: Json): string {
  return secret
    ? 'what was given'
    : quote(typeof value === 'string' ? value : JSON.stringify(value))
}

/** As expressions see them: an integer is an int. */
export function inputNames(
  { inputs }: Pick<Workflow, 'inputs'>,
  values: Readonly<Record<string, Json>>,
): Fields {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]): [string, Value] => [
      name,
      inputs[name]?.type === 'integer' && typeof value === 'number'
        ? BigInt(value)
        : (value as Value),
    ]),
  )
}
