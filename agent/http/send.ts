/**
 * Replies onto the socket. A stream's pieces go out as they come, each at once; the next is asked
 * for only when the client has taken enough of the last.
 */
import { linger } from './body.ts'
import type { HttpReply } from './exchange.ts'
import type { Turn } from './turn.ts'

/** `stalled`: the client took nothing for too long and was cut off. */
export type Sent = 'whole' | 'broken' | 'stalled'

export interface SendOptions {
  /** The connection is not to be used again. */
  closing: boolean
  stallTimeoutMs: number
  lingerMs: number
}

/** With every answer: nothing here is to be kept, or guessed to be a page. */
const fixedHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export async function send(turn: Turn, reply: HttpReply, options: SendOptions): Promise<Sent> {
  if (turn.broken) return 'broken'
  const { request, response } = turn
  // A body that nobody read may never end, and so cannot be followed by another request.
  const unread = !request.complete
  if (unread || options.closing) response.shouldKeepAlive = false
  const sent = await write(turn, reply, options.stallTimeoutMs)
  if (sent !== 'whole') return sent
  if (unread) await linger(request, options.lingerMs)
  response.end()
  return until(turn, 'finish', options.stallTimeoutMs)
}

/** All but the end. */
async function write(turn: Turn, reply: HttpReply, stallTimeoutMs: number): Promise<Sent> {
  const { request, response } = turn
  const { status, headers, body } = reply
  const bodiless = request.method === 'HEAD'
  if (body instanceof Uint8Array) {
    response.writeHead(status, { ...fixedHeaders, ...headers, 'content-length': body.length })
    if (!bodiless) response.write(body)
    return 'whole'
  }
  response.writeHead(status, { ...fixedHeaders, ...headers })
  if (bodiless) return 'whole'
  // Before the first piece, which may be long in coming.
  response.flushHeaders()
  return pour(turn, body, stallTimeoutMs)
}

async function pour(
  turn: Turn,
  pieces: AsyncIterable<Uint8Array>,
  stallTimeoutMs: number,
): Promise<Sent> {
  for await (const piece of pieces) {
    if (turn.broken) return 'broken'
    if (turn.response.write(piece)) continue
    const sent = await until(turn, 'drain', stallTimeoutMs)
    if (sent !== 'whole') return sent
  }
  return turn.broken ? 'broken' : 'whole'
}

function until(turn: Turn, event: 'drain' | 'finish', timeoutMs: number): Promise<Sent> {
  const { response } = turn
  return new Promise((resolve) => {
    if (event === 'finish' && response.writableFinished) return resolve('whole')
    if (turn.broken) return resolve('broken')
    const end = (sent: Sent) => {
      clearTimeout(timer)
      response.off(event, taken)
      turn.onBroken = () => {}
      resolve(sent)
    }
    const taken = () => end('whole')
    const timer = setTimeout(() => {
      end('stalled')
      turn.request.socket.destroy()
    }, timeoutMs)
    response.once(event, taken)
    turn.onBroken = () => end('broken')
  })
}
