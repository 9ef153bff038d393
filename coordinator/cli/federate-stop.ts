/** `skein federate stop`: ends the rounds that were asked for, and the one that is under way. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { formatDuration } from '../../protocol/units.ts'
import type { RouteResponse } from '../api/routes.ts'
import { type Context, document } from './context.ts'
import { wished } from './federate-wish.ts'

export interface StopFlags {
  reason?: string
}

export async function stop(context: Context, { reason }: StopFlags): Promise<number> {
  const { client, io, json, quiet } = context
  const told = await wished(context, (seen) =>
    client.call('stopRounds', { body: { seen, ...(reason === undefined ? {} : { reason }) } }),
  )
  const { awaited, done, everyMs } = told
  if (json) document(context, told)
  else if (!quiet) {
    const rest = `${awaited} more that were asked for are not done`
    const said = `${roundText(told)}${rest}`
    io.err(done ? `${said}\n` : 'it is wished, and nobody who leads has done it yet\n')
    if (everyMs > 0) {
      const every = formatDuration(everyMs)
      io.err(`the schedule goes on, every ${every}: skein federate config --every off ends it\n`)
    }
  }
  return done ? exitCodes.done : exitCodes.noAnswer
}

/** It may have ended by itself before the wish was there. */
function roundText({ round, state }: RouteResponse<'stopRounds'>): string {
  if (round === undefined) return ''
  if (state === 'kept' || state === 'rejected') return `round ${round} ended before it, ${state}; `
  return `round ${round} is broken off, and nothing comes of it; `
}
