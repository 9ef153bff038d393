/** `skein events`: what happened, and with `-f` what happens, without a gap and without a double. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { MeshEvent } from '../api/schemas.ts'
import { type Context, document, sleep } from './context.ts'
import { clockTime } from './figures.ts'
import { paint, type Style } from './io.ts'
import { plain } from './table.ts'

export interface EventsOptions {
  follow?: boolean
  since?: string
  last: string
}

const RECONNECT_MS = 500

const styleOf: Record<string, Style> = {
  'node.suspect': 'yellow',
  'node.dead': 'red',
  'node.alive': 'green',
  'node.joined': 'green',
  'module.failed': 'red',
  'module.degraded': 'yellow',
}

export async function events(context: Context, options: EventsOptions): Promise<number> {
  const follow = options.follow === true
  let since = options.since === undefined ? undefined : Number(options.since)
  let last = Number(options.last)
  for (;;) {
    try {
      const query = { last, follow: String(follow), ...(since === undefined ? {} : { since }) }
      const stream = context.client.stream('events', { query, signal: context.interrupted })
      for await (const event of stream) {
        since = event.seq
        tell(context, event)
      }
    } catch (error) {
      if (context.interrupted.aborted) return exitCodes.interrupted
      if (!follow || since === undefined) throw error
    }
    if (!follow) return exitCodes.done
    if (context.interrupted.aborted) return exitCodes.interrupted
    if (!context.quiet) {
      context.io.err(`the stream broke; resuming after event ${since ?? 0}\n`)
    }
    last = 1_000
    await sleep(RECONNECT_MS, context.interrupted)
  }
}

function tell(context: Context, event: MeshEvent): void {
  if (context.json) return document(context, event)
  const { io } = context
  const kind = event.kind.padEnd(15)
  const style = styleOf[event.kind]
  io.out(
    `${paint(io, 'dim', clockTime(event.atMs))}  ${style ? paint(io, style, kind) : kind}  ${plain(event.text)}\n`,
  )
}
