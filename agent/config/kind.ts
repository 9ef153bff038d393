/**
 * What a configured value can be. All values arrive as text, wherever they come from, so that
 * `SKEIN_NETWORK_MDNS=false`, `--no-network-mdns` and `mdns: false` are read by the same few lines.
 */
import { meshIdLength } from '../../protocol/identity/limits.ts'
import { type MeshId, parseMeshId } from '../../protocol/identity/mesh-id.ts'
import { nearest } from '../../protocol/nearest.ts'
import { formatBytes, formatDuration, parseBytes, parseDuration } from '../../protocol/units.ts'
import { type HostPort, readHost, readHostPort, readMultiaddr } from './address.ts'
import { limits } from './limits.ts'

/** A value, or what is wrong with the text (“is no port”) and what to write instead. */
export type Read<T> = { ok: true; value: T } | { ok: false; why: string; fix: string }

interface Common {
  /** Stands in help as `<noun>`. */
  readonly noun: string
  /** What is allowed, for people: `5s to 1h`. */
  readonly range?: string
  /** What an editor can check of a value, or of each element. */
  readonly jsonSchema: object
}

export interface One<T> extends Common {
  readonly shape: 'one'
  /** As a flag it needs no value, and has a `--no-` form. */
  readonly toggle?: true
  read(text: string): Read<T>
}

export interface List<E> extends Common {
  readonly shape: 'list'
  readonly countMax: number
  /** Reads one element. */
  read(text: string): Read<E>
}

export interface TextMap extends Common {
  readonly shape: 'map'
  readonly countMax: number
  /** Reads one entry. */
  read(text: string, name: string): Read<string>
}

export type Kind = One<unknown> | List<unknown> | TextMap

export type ValueOf<K> =
  K extends One<infer T>
    ? T
    : K extends List<infer E>
      ? readonly E[]
      : Readonly<Record<string, string>>

export const toggle: One<boolean> = {
  shape: 'one',
  noun: 'true|false',
  toggle: true,
  read: (text) =>
    text === 'true' || text === 'false'
      ? { ok: true, value: text === 'true' }
      : { ok: false, why: 'is neither true nor false', fix: 'write true or false' },
  jsonSchema: { type: 'boolean' },
}

export function choice<const C extends readonly string[]>(...choices: C): One<C[number]> {
  return {
    shape: 'one',
    noun: choices.join('|'),
    read: (text) =>
      choices.includes(text)
        ? { ok: true, value: text }
        : { ok: false, why: 'is not one of the choices', fix: suggest(text, choices) },
    jsonSchema: { enum: choices },
  }
}

function suggest(text: string, choices: readonly string[]): string {
  const meant = nearest(text, choices)
  return meant === undefined ? `write one of ${choices.join(', ')}` : `did you mean ${meant}?`
}

export function integer(noun: string, min: number, max: number): One<number> {
  return {
    shape: 'one',
    noun,
    range: `${min} to ${max}`,
    read: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : undefined
      if (value !== undefined && value >= min && value <= max) return { ok: true, value }
      const why = value === undefined ? 'is no whole number' : 'is out of range'
      return { ok: false, why, fix: `write a whole number from ${min} to ${max}` }
    },
    jsonSchema: { type: 'integer', minimum: min, maximum: max },
  }
}

/** Milliseconds, written with a unit. */
export function duration(minMs: number, maxMs: number): One<number> {
  const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`
  return {
    shape: 'one',
    noun: 'duration',
    range,
    read: (text) => {
      const parsed = parseDuration(text)
      const fix = `write a duration with its unit, ${range}`
      if (!parsed.ok)
        return { ok: false, why: /^\d+$/.test(text) ? 'has no unit' : 'is no duration', fix }
      if (parsed.value >= minMs && parsed.value <= maxMs) return parsed
      return { ok: false, why: 'is out of range', fix }
    },
    jsonSchema: { type: 'string', pattern: String.raw`^(\d+(\.\d+)?(ms|[dhms]))+$` },
  }
}

/** Bytes, written with a unit. */
export function size(minBytes: number, maxBytes: number): One<number> {
  const range = `${formatBytes(minBytes)} to ${formatBytes(maxBytes)}`
  return {
    shape: 'one',
    noun: 'size',
    range,
    read: (text) => {
      const parsed = parseBytes(text)
      const fix = `write a size with its unit, ${range}`
      if (!parsed.ok)
        return { ok: false, why: /^\d+$/.test(text) ? 'has no unit' : 'is no size', fix }
      if (parsed.value >= minBytes && parsed.value <= maxBytes) return parsed
      return { ok: false, why: 'is out of range', fix }
    },
    jsonSchema: { type: 'string', pattern: String.raw`^\d+(\.\d+)?([KMGT]i?|k)?B$` },
  }
}

/** `~/` is the home directory; the loader, which knows it, puts it in. */
export const path: One<string> = {
  shape: 'one',
  noun: 'path',
  read: (text) => {
    const fix = 'write a path, absolute or beginning with ~/'
    if (text === '') return { ok: false, why: 'is empty', fix }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a path with one is a mistake
    if (text.length > limits.pathLengthMax || /[\0-\x1f]/.test(text)) {
      return { ok: false, why: 'is no path', fix }
    }
    return { ok: true, value: text }
  },
  jsonSchema: { type: 'string', minLength: 1, maxLength: limits.pathLengthMax },
}

/** Nothing is none. */
export const optionalPath: One<string> = {
  ...path,
  read: (text) => (text === '' ? { ok: true, value: text } : path.read(text)),
  jsonSchema: { type: 'string', maxLength: limits.pathLengthMax },
}

export const nodeName: One<string> = {
  shape: 'one',
  noun: 'name',
  read: (text) => {
    const fix = `write up to ${limits.nodeNameLengthMax} letters, digits, dots, dashes or underscores`
    if (text === 'self') return { ok: false, why: 'is what every agent calls itself', fix }
    const fits =
      text.length <= limits.nodeNameLengthMax && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)
    return fits ? { ok: true, value: text } : { ok: false, why: 'is no name for a node', fix }
  },
  jsonSchema: {
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
    maxLength: limits.nodeNameLengthMax,
  },
}

/** Nothing is none. Whether there is such a user is for the host to say. */
export const userName: One<string> = {
  shape: 'one',
  noun: 'user',
  read: (text) =>
    /^([a-z_][a-z0-9_.-]{0,31}\$?|\d{1,10})?$/i.test(text)
      ? { ok: true, value: text }
      : { ok: false, why: 'is no name of a user', fix: 'write the name of a user of this host' },
  jsonSchema: { type: 'string', pattern: '^([A-Za-z_][A-Za-z0-9_.-]{0,31}\\$?|[0-9]{1,10})?$' },
}

/** Nothing is none: then the agent says how to come by one, and does not start. */
export const meshId: One<MeshId | ''> = {
  shape: 'one',
  noun: 'mesh id',
  read: (text) => {
    const value = text === '' ? text : parseMeshId(text)
    if (value !== undefined) return { ok: true, value }
    const fix = 'copy mesh.id from another agent of the mesh, or join with a token'
    return { ok: false, why: 'is no id of a mesh', fix }
  },
  jsonSchema: { type: 'string', pattern: `^[0-9a-f]{${meshIdLength}}$` },
}

const labelName = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/

export const labels: TextMap = {
  shape: 'map',
  noun: 'name=value',
  countMax: limits.labelsMax,
  read: (text, name) => {
    const { labelNameLengthMax, labelValueLengthMax } = limits
    if (!labelName.test(name) || name.length > labelNameLengthMax) {
      const fix = `write up to ${labelNameLengthMax} letters, digits, dots, dashes, underscores or slashes`
      return { ok: false, why: 'has no proper name for a label', fix }
    }
    // Commas separate labels in the environment, so no value may hold one.
    if (text.length > labelValueLengthMax || /[\p{Cc},]/u.test(text)) {
      const fix = `write up to ${labelValueLengthMax} characters without commas or control characters`
      return { ok: false, why: 'is no value for a label', fix }
    }
    return { ok: true, value: text }
  },
  jsonSchema: { type: ['string', 'number', 'boolean'], maxLength: limits.labelValueLengthMax },
}

export function addresses(use: 'listen' | 'dial'): List<string> {
  return {
    shape: 'list',
    noun: 'multiaddr',
    countMax: limits.addressesMax,
    read: (text) => readMultiaddr(text, use),
    jsonSchema: {
      type: 'string',
      pattern: '^/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/[0-9]+(/p2p/[^/]+)?$',
    },
  }
}

/** Names of hosts and addresses, without ports. */
export const hostNames: List<string> = {
  shape: 'list',
  noun: 'host',
  countMax: limits.addressesMax,
  read: readHost,
  jsonSchema: { type: 'string', minLength: 1 },
}

export const hostPort: One<HostPort> = {
  shape: 'one',
  noun: 'host:port',
  read: readHostPort,
  jsonSchema: { type: 'string', pattern: '^.+:[0-9]+$' },
}
