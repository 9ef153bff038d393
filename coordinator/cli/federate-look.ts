/** `skein federate status` and `history`: how hosts learn together, and what came of it. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type Context, document } from './context.ts'
import {
  hostTable,
  inOneLine,
  privacyLines,
  roundTable,
  settingLines,
  stoppedText,
  suspectLines,
  underWay,
} from './federate-text.ts'

export async function status(context: Context): Promise<number> {
  const { client, io, json } = context
  const told = await client.call('federation')
  if (json) {
    document(context, told)
    return exitCodes.done
  }
  const { round, awaited, settings, nextMs } = told
  const nextInMs = nextMs === undefined ? undefined : nextMs - Date.now()
  const lines = [...settingLines(settings, nextInMs), ...privacyLines(told)]
  if (awaited > 0) lines.push(`awaited  ${awaited} more, which somebody has asked for`)
  if (told.stopped !== undefined) lines.push(`stopped  ${stoppedText(told.stopped)}`)
  lines.push(...suspectLines(told))
  if (round === undefined) lines.push('', 'there was no round yet; skein federate round begins one')
  else {
    lines.push('', round.state === 'open' ? underWay(round) : inOneLine(round))
    if (round.hosts.length > 0) lines.push('', hostTable(round, io.columns()))
  }
  io.out(`${lines.join('\n')}\n`)
  return exitCodes.done
}

export async function history(context: Context, last: number): Promise<number> {
  const { client, io, json, quiet } = context
  const told = await client.call('federatedRounds', { query: { last } })
  const code = told.rounds.length > 0 ? exitCodes.done : exitCodes.notFound
  if (json) document(context, told)
  else if (told.rounds.length > 0) io.out(`${roundTable(told.rounds, io.columns())}\n`)
  else if (!quiet) io.err('there was no round yet; skein federate round begins one\n')
  return code
}
