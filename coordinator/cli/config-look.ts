/** `skein config get`, `diff` and `history`: what is set for all hosts, and what each goes by. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { nearest } from '../../protocol/nearest.ts'
import { Problem } from '../../protocol/problem.ts'
import type { ConfigVersion, HostConfig, MeshConfig, NodeConfig } from '../api/config-routes.ts'
import { configLimits } from '../config/limits.ts'
import { hostLines, isGoneBy, shown, sourceText } from './config-text.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age } from './figures.ts'
import { plain, table } from './table.ts'
import { wrongUse } from './usage.ts'

export async function get(
  context: Context,
  key: string | undefined,
  at: string | undefined,
): Promise<number> {
  return at === undefined ? ofMesh(context, key) : ofNode(context, key, at)
}

async function ofMesh(context: Context, key: string | undefined): Promise<number> {
  const { client, io, json } = context
  const answer = await client.call('meshConfig')
  const keys = named(answer.keys, key)
  if (json) document(context, { ...answer, keys })
  else {
    const rows = keys.map((each) => [
      plain(each.key),
      shown(each.value),
      each.isSet ? 'mesh' : 'default',
      appliesText(each.applies),
      hostsText(answer.hosts, each.key),
    ])
    const columns = [
      ...[{ title: 'KEY' }, { title: 'VALUE' }, { title: 'FROM' }],
      ...[{ title: 'APPLIES', leave: 1 }, { title: 'HOSTS' }],
    ]
    const lines = [headOf(answer), '', table(columns, rows, io.columns())]
    const otherwise = hostLines(answer.hosts, key)
    if (otherwise.length > 0) lines.push('', ...otherwise)
    io.out(`${lines.join('\n')}\n`)
  }
  return answer.hosts.every(isGoneBy) ? exitCodes.done : exitCodes.partly
}

function headOf({ version, by, atMs, reason }: MeshConfig): string {
  if (by === undefined || atMs === undefined) return 'nothing was ever set for the mesh'
  const why = reason === undefined ? '' : `: ${plain(reason)}`
  return `version ${version}, by ${plain(by)} ${ago(atMs)} ago${why}`
}

function ago(atMs: number): string {
  return age(Math.max(0, Date.now() - atMs))
}

function appliesText(applies: 'live' | 'restart' | undefined): string {
  if (applies === undefined) return ABSENT
  return applies === 'live' ? 'at once' : 'at the next start'
}

/** How many go by it, of those that have said so. */
function hostsText(hosts: readonly HostConfig[], key: string): string {
  const there = hosts.filter(({ state }) => state !== 'away')
  const isOf = (each: { key: string }) => each.key === key
  const going = there.filter(
    ({ state, waiting, own, left }) =>
      state === 'inForce' && !waiting.some(isOf) && !own.some(isOf) && !left.some(isOf),
  )
  return `${going.length} of ${there.length}`
}

async function ofNode(context: Context, key: string | undefined, node: string): Promise<number> {
  const { client, io, json } = context
  const answer = await client.call('nodeConfig', { parameters: { node } })
  const keys = named(answer.keys, key)
  if (json) document(context, { ...answer, keys })
  else {
    const rows = keys.map((each) => [
      plain(each.key),
      shown(each.value),
      sourceText(each.source),
      each.next === undefined ? '' : shown(each.next.value),
      plain(each.where),
    ])
    const columns = [
      ...[{ title: 'KEY' }, { title: 'VALUE', cutTo: 20 }, { title: 'SAID' }],
      ...[{ title: 'NEXT START' }, { title: 'WHERE', cutTo: 20, leave: 1 }],
    ]
    const head = `${plain(answer.node)} goes by version ${answer.version} of what is set for the mesh`
    const lines = [head, ...leftLines(answer), '', table(columns, rows, io.columns())]
    io.out(`${lines.join('\n')}\n`)
  }
  return exitCodes.done
}

function leftLines({ left, unkept }: NodeConfig): string[] {
  return [
    ...left.map(({ key, why }) => `  leaves ${plain(key)}: ${plain(why)}`),
    ...(unkept === undefined ? [] : [`  that version is not on its disk: ${plain(unkept)}`]),
  ]
}

function named<K extends { key: string }>(keys: readonly K[], key: string | undefined): K[] {
  const found = keys.filter((each) => key === undefined || each.key === key)
  if (found.length > 0 || key === undefined) return found
  const meant = nearest(
    key,
    keys.map((each) => each.key),
  )
  throw new Problem({
    code: 'notFound',
    why: `there is no key ${plain(key)} to be set for the mesh`,
    fix:
      meant === undefined
        ? 'skein config get shows all; --at NODE those of a host'
        : `did you mean ${plain(meant)}?`,
    exitCode: exitCodes.notFound,
  })
}

export interface DiffFlags {
  at?: string
  versions?: string[]
}

export async function diff(context: Context, { at, versions }: DiffFlags): Promise<number> {
  if (versions === undefined) return ofHosts(context, at)
  if (at === undefined) return between(context, versions)
  throw wrongUse('--at and --versions are two questions', 'ask one of them at a time')
}

async function ofHosts(context: Context, at: string | undefined): Promise<number> {
  const { client, io, json, quiet } = context
  const { schemaVersion, version, hosts: all } = await client.call('meshConfig')
  const node =
    at === undefined ? undefined : await client.call('node', { parameters: { node: at } })
  const hosts = node === undefined ? all : all.filter(({ id }) => id === node.node.id)
  const lines = hostLines(hosts)
  if (json) document(context, { schemaVersion, version, hosts })
  else if (lines.length > 0) io.out(`${lines.map((line) => line.trimStart()).join('\n')}\n`)
  else if (!quiet) {
    const who = hosts.length === 1 ? plain(hosts[0]?.name ?? '') : `each of ${hosts.length} hosts`
    io.err(`${who} goes by version ${version}, and by nothing else\n`)
  }
  return hosts.every(isGoneBy) ? exitCodes.done : exitCodes.partly
}

async function between(context: Context, words: readonly string[]): Promise<number> {
  const [first = '', second = ''] = words
  if (words.length !== 2 || !words.every((word) => /^\d{1,15}$/.test(word))) {
    throw wrongUse('--versions takes two numbers', 'write --versions 3 4')
  }
  const { client, io, json, quiet } = context
  const query = { last: configLimits.versionsMax }
  const { schemaVersion, versions } = await client.call('configVersions', { query })
  const [from, to] = [valuesOf(versions, Number(first)), valuesOf(versions, Number(second))]
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
  const changes = keys.filter((key) => from[key] !== to[key])
  const cell = (value: string | undefined) => (value === undefined ? ABSENT : shown(value))
  if (json) {
    const told = changes.map((key) => ({ key, from: from[key], to: to[key] }))
    document(context, { schemaVersion, from: Number(first), to: Number(second), changes: told })
  } else if (changes.length > 0) {
    const columns = [{ title: 'KEY' }, { title: first }, { title: second }]
    const rows = changes.map((key) => [plain(key), cell(from[key]), cell(to[key])])
    io.out(`${table(columns, rows, io.columns())}\n`)
  } else if (!quiet) io.err(`versions ${first} and ${second} set the same\n`)
  return exitCodes.done
}

function valuesOf(versions: readonly ConfigVersion[], number: number): ConfigVersion['values'] {
  if (number === 0) return {}
  const version = versions.find((each) => each.number === number)
  if (version !== undefined) return version.values
  throw new Problem({
    code: 'notFound',
    why: `there is no version ${number}, or not any more`,
    fix: 'skein config history shows what there is',
    exitCode: exitCodes.notFound,
  })
}

export async function history(context: Context, last: number): Promise<number> {
  const { client, io, json, quiet } = context
  const answer = await client.call('configVersions', { query: { last } })
  const { versions } = answer
  if (json) document(context, answer)
  else if (versions.length > 0) {
    const rows = versions.map((version) => [
      String(version.number),
      ago(version.atMs),
      plain(version.by),
      changeText(version),
      plain(version.reason ?? ''),
    ])
    const columns = [
      ...[{ title: 'VERSION', right: true }, { title: 'AGE', right: true }, { title: 'BY' }],
      ...[
        { title: 'CHANGE', cutTo: 30 },
        { title: 'REASON', cutTo: 20 },
      ],
    ]
    io.out(`${table(columns, rows, io.columns())}\n`)
  } else if (!quiet) io.err('nothing was ever set; skein config set KEY=VALUE does\n')
  return versions.length > 0 ? exitCodes.done : exitCodes.notFound
}

function changeText({ set, unset, values, rolledBackTo }: ConfigVersion): string {
  const back = rolledBackTo === undefined ? [] : [`back to ${rolledBackTo}:`]
  const changes = set.map((key) => `${plain(key)}=${shown(values[key] ?? '')}`)
  return [...back, ...changes, ...unset.map((key) => `${plain(key)}-`)].join(' ')
}
