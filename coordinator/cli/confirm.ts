/** Before something that others will feel: a question on a terminal, a refusal without one. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { interruption } from './client.ts'
import type { Context } from './context.ts'

/** `touches` is a clause that names what it is done to. Returns when it may be done. */
export async function confirm(context: Context, touches: string): Promise<void> {
  const { io, yes, interrupted } = context
  if (yes) return
  if (!io.ask) throw notConfirmed(`not without a yes: ${touches}`, 'add --yes')
  const answer = await io.ask(`${touches}. Go on? [y/N] `, interrupted)
  if (interrupted.aborted) throw interruption()
  if (/^y(es)?$/i.test(answer.trim())) return
  throw notConfirmed('nothing was done', 'answer y to go on, or add --yes')
}

function notConfirmed(why: string, fix: string): Problem {
  return new Problem({ code: 'notConfirmed', why, fix, exitCode: exitCodes.refused })
}
