/** `skein config set`, `unset` and `rollback`: a new version, and how far hosts go by it. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Changed } from '../api/config-routes.ts'
import { hostLines, isGoneBy } from './config-text.ts'
import { type Context, document } from './context.ts'
import { age } from './figures.ts'
import { CHANGE_DEADLINE_MS } from './limits.ts'
import { plain } from './table.ts'
import { wrongUse } from './usage.ts'

export interface ChangeFlags {
  reason?: string
  basedOn?: string
}

export async function set(
  context: Context,
  words: readonly string[],
  flags: ChangeFlags,
): Promise<number> {
  const body = { set: valuesIn(words), unset: [], ...moreOf(flags) }
  return told(context, await context.client.call('setConfig', { body }, CHANGE_DEADLINE_MS))
}

export async function unset(
  context: Context,
  keys: readonly string[],
  flags: ChangeFlags,
): Promise<number> {
  const body = { set: {}, unset: [...new Set(keys)], ...moreOf(flags) }
  return told(context, await context.client.call('setConfig', { body }, CHANGE_DEADLINE_MS))
}

export async function rollback(
  context: Context,
  version: string,
  { reason, basedOn }: ChangeFlags & { reason: string },
): Promise<number> {
  const seen = basedOn === undefined ? {} : { basedOn: Number(basedOn) }
  const body = { version: Number(version), reason, ...seen }
  return told(context, await context.client.call('rollBackConfig', { body }, CHANGE_DEADLINE_MS))
}

function moreOf({ reason, basedOn }: ChangeFlags): { reason?: string; basedOn?: number } {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(basedOn === undefined ? {} : { basedOn: Number(basedOn) }),
  }
}

function valuesIn(words: readonly string[]): Record<string, string> {
  const mistakes: string[] = []
  const values = new Map<string, string>()
  for (const word of words) {
    const at = word.indexOf('=')
    const key = word.slice(0, at)
    if (at < 1) mistakes.push(`${JSON.stringify(word)} is no KEY=VALUE`)
    else if (values.has(key)) mistakes.push(`${key} is set twice`)
    values.set(key, word.slice(at + 1))
  }
  if (mistakes.length > 0) {
    throw wrongUse(mistakes.join('; '), 'write each key once, as in log.level=debug')
  }
  return Object.fromEntries(values)
}

function told(context: Context, answer: Changed): number {
  const { io, json, quiet } = context
  if (json) document(context, answer)
  else if (!quiet) io.out(`${[summary(answer), ...hostLines(answer.hosts)].join('\n')}\n`)
  return answer.hosts.every(isGoneBy) ? exitCodes.done : exitCodes.partly
}

function summary({ version, changed, set, unset, hosts, tookMs }: Changed): string {
  const there = hosts.filter(({ state }) => state !== 'away')
  const reached = there.filter(({ state }) => state === 'inForce')
  const what = [
    ...(set.length > 0 ? [`sets ${set.map(plain).join(', ')}`] : []),
    ...(unset.length > 0 ? [`unsets ${unset.map(plain).join(', ')}`] : []),
  ].join(' and ')
  const first = changed ? `version ${version} ${what}` : `version ${version} has it so already`
  return `${first}: taken by ${reached.length} of ${there.length} hosts after ${age(tookMs)}`
}
