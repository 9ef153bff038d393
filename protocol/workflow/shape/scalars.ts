/** Single values: names, texts, numbers, durations, sizes, and words from a list. */
import { nearest } from '../../nearest.ts'
import { formatBytes, formatDuration, parseBytes, parseDuration } from '../../units.ts'
import { workflowLimits as limits } from '../limits.ts'
import { type Path, quote } from '../mistake.ts'
import { kindName, type Located, type Scalar } from '../source/located.ts'
import { type Json, type JsonSchema, type Reading, refuse, type Shape } from './shape.ts'

/** A value that is read from one scalar; null and collections are refused before. */
function scalar<T>(
  noun: string,
  schema: JsonSchema,
  read: (node: Scalar, path: Path, reading: Reading) => T | undefined,
  write: (value: T) => Json,
): Shape<T> {
  return {
    noun,
    read: (node, path, reading) => {
      if (node.kind === 'scalar' && node.value !== null) return read(node, path, reading)
      return refuseKind(noun, node, path, reading)
    },
    write,
    schema: () => schema,
  }
}

export function refuseKind(
  noun: string,
  node: Located,
  path: Path,
  reading: Reading,
  hint?: string,
): undefined {
  return refuse(reading, 'wrongType', node, path, `${noun} is needed, not ${kindName(node)}`, hint)
}

export interface TextRules {
  readonly noun: string
  readonly lengthMax: number
  readonly lengthMin?: number
  /** And what it says, for people. */
  readonly pattern?: { readonly regex: RegExp; readonly says: string }
}

/** Numbers and truth values count as the text that they are written as. */
export function text({ noun, lengthMax, lengthMin = 0, pattern }: TextRules): Shape<string> {
  const schema: JsonSchema = {
    type: pattern ? 'string' : ['string', 'number', 'boolean'],
    maxLength: lengthMax,
    ...(lengthMin > 0 ? { minLength: lengthMin } : {}),
    ...(pattern ? { pattern: pattern.regex.source } : {}),
  }
  const read = (node: Scalar, path: Path, reading: Reading) => {
    if (node.text.length > lengthMax) {
      const why = `${noun} has at most ${lengthMax} characters, and this has ${node.text.length}`
      return refuse(reading, 'badValue', node, path, why)
    }
    if (node.text.length < lengthMin) {
      return refuse(reading, 'badValue', node, path, `${noun} is needed, and this is empty`)
    }
    if (pattern && !pattern.regex.test(node.text)) {
      return refuse(
        reading,
        'badValue',
        node,
        path,
        `${quote(node.text)} is not ${noun}`,
        pattern.says,
      )
    }
    return node.text
  }
  return scalar(noun, schema, read, (value) => value)
}

export function name(noun: string): Shape<string> {
  const regex = /^[A-Za-z][A-Za-z0-9_-]*$/
  const says = 'a name begins with a letter, and goes on with letters, digits, - and _'
  return text({ noun, lengthMin: 1, lengthMax: limits.nameLengthMax, pattern: { regex, says } })
}

export function choice<const W extends string>(noun: string, words: readonly W[]): Shape<W> {
  const read = (node: Scalar, path: Path, reading: Reading) => {
    const found = words.find((word) => word === node.text)
    if (found !== undefined) return found
    const guess = nearest(node.text, words)
    const hint = guess === undefined ? `write ${words.join(', ')}` : `did you mean ${guess}?`
    return refuse(reading, 'badValue', node, path, `${quote(node.text)} is not ${noun}`, hint)
  }
  return scalar(noun, { enum: [...words] }, read, (value) => value)
}

interface Bounds {
  readonly min?: number
  readonly max: number
}

export function integer(noun: string, { min = 0, max }: Bounds): Shape<number> {
  return number(noun, { min, max }, true)
}

export function decimal(noun: string, { min = 0, max }: Bounds): Shape<number> {
  return number(noun, { min, max }, false)
}

function number(noun: string, { min, max }: Required<Bounds>, whole: boolean): Shape<number> {
  const read = (node: Scalar, path: Path, reading: Reading) => {
    const { value } = node
    if (typeof value !== 'number' || (whole && !Number.isInteger(value))) {
      const quoted =
        node.style !== 'plain' && /^-?\d/.test(node.text) ? 'take the quotes away' : undefined
      const what = whole ? 'a whole number' : 'a number'
      return refuse(reading, 'wrongType', node, path, `${quote(node.text)} is not ${what}`, quoted)
    }
    if (value < min || value > max || Number.isNaN(value)) {
      const why = `${noun} is ${min} to ${max}, and this is ${node.text}`
      return refuse(reading, 'badValue', node, path, why)
    }
    return value
  }
  const schema = { type: whole ? 'integer' : 'number', minimum: min, maximum: max }
  return scalar(noun, schema, read, (value) => value)
}

export const toggle: Shape<boolean> = scalar(
  'true or false',
  { type: 'boolean' },
  (node, path, reading) => {
    if (typeof node.value === 'boolean') return node.value
    const meant = /^(yes|on)$/i.test(node.text)
      ? 'write true'
      : /^(no|off)$/i.test(node.text)
        ? 'write false'
        : undefined
    const why = `${quote(node.text)} is neither true nor false`
    return refuse(reading, 'wrongType', node, path, why, meant)
  },
  (value) => value,
)

/** Milliseconds. */
export function duration(noun: string, minMs = 0): Shape<number> {
  const read = (node: Scalar, path: Path, reading: Reading) => {
    const parsed = parseDuration(node.text)
    if (!parsed.ok) return refuse(reading, 'badValue', node, path, ...split(parsed.why))
    if (parsed.value < minMs || parsed.value > limits.durationMsMax) {
      const range = `${formatDuration(minMs)} to ${formatDuration(limits.durationMsMax)}`
      const why = `${noun} is ${range}, and this is ${node.text}`
      return refuse(reading, 'badValue', node, path, why)
    }
    return parsed.value
  }
  const pattern =
    '^(\\d+(\\.\\d+)?d)?(\\d+(\\.\\d+)?h)?(\\d+(\\.\\d+)?m)?(\\d+(\\.\\d+)?s)?(\\d+ms)?$'
  const schema = { type: 'string', pattern, minLength: 2, examples: ['500ms', '10s', '1h30m'] }
  return scalar(noun, schema, read, formatDuration)
}

/** Bytes. */
export function bytes(noun: string): Shape<number> {
  const read = (node: Scalar, path: Path, reading: Reading) => {
    const parsed = parseBytes(node.text)
    return parsed.ok ? parsed.value : refuse(reading, 'badValue', node, path, ...split(parsed.why))
  }
  const pattern = '^\\d+(\\.\\d+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$'
  const schema = { type: 'string', pattern, examples: ['64MiB', '2GiB'] }
  return scalar(noun, schema, read, formatBytes)
}

/** What units.ts says has the advice behind a colon. */
function split(why: string): [string, string?] {
  const at = why.lastIndexOf(': ')
  return at < 0 ? [why] : [why.slice(0, at), why.slice(at + 2)]
}
