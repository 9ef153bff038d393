/** Before something that others will feel: a question on a terminal, a refusal without one. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { interruption } from './client.ts'
import type { Context } from './context.ts'

/**
 * `touches` is a clause that names what it is done to. Returns when it may be done. What cannot be
 * taken back asks for a word in the place of a yes, which nobody types by habit.
 */
export async function confirm(context: Context, touches: string, word?: string): Promise<void> {
  const { io, yes, interrupted } = context
  if (yes) return
  if (!io.ask) throw notConfirmed(`not without a yes: ${touches}`, 'add --yes')
  const wanted = word === undefined ? 'Go on? [y/N]' : `Type ${word} to go on:`
  const answer = (await io.ask(`${touches}. ${wanted} `, interrupted)).trim()
  if (interrupted.aborted) throw interruption()
  if (word === undefined ? /^y(es)?$/i.test(answer) : answer === word) return
  throw notConfirmed('nothing was done', `answer ${word ?? 'y'} to go on, or add --yes`)
}

function notConfirmed(why: string, fix: string): Problem {
  return new Problem({ code: 'notConfirmed', why, fix, exitCode: exitCodes.refused })
}
