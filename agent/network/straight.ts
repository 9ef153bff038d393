/**
 * A shorter way through libp2p's streams, of which a connection of ours has four on top of each
 * other. Each of them puts what comes into a list, takes it out again, and makes an event of it, and
 * does the same for what goes, though nothing else waits nearly always. Then, and only then, both
 * are passed on as they are; all that libp2p would do otherwise it still does.
 */
import type { MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'

type Bytes = Uint8Array | Uint8ArrayList
type SendWhole = (data: Bytes) => boolean | undefined
type Listener = (event: { data: Bytes }) => void

/** What we take hold of in a stream of libp2p, beyond its interface. */
interface StreamInnards {
  readStatus: string
  writeStatus: string
  remoteWriteStatus: string
  readBuffer: Uint8ArrayList
  writeBuffer: Uint8ArrayList
  sendingData: boolean
  writableNeedsDrain: boolean
  maxMessageSize: number | undefined
  addEventListener(...args: unknown[]): void
  removeEventListener(...args: unknown[]): void
  listenerCount(type: string): number
  safeDispatchEvent(type: string): boolean
  onData(data: Bytes): void
  dispatchReadBuffer(): void
  send(data: Bytes): boolean
  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean }
  processSendQueue(): boolean
  checkWriteBufferLength(): void
  abort(error: unknown): void
}

/**
 * To be called with a stream before anybody listens to it. `sendWhole` sends what nothing waits before
 * as it is, and says whether more may come; undefined when it cannot.
 */
export function straighten(stream: MessageStream, sendWhole?: SendWhole): void {
  const innards = stream as unknown as StreamInnards
  for (const name of ['onData', 'dispatchReadBuffer', 'sendData', 'processSendQueue'] as const)
    assert(typeof innards[name] === 'function', 'streams of libp2p are made as they were', { name })
  hearStraight(innards)
  sendStraight(innards, sendWhole)
}

function hearStraight(stream: StreamInnards): void {
  const addEventListener = stream.addEventListener.bind(stream)
  const removeEventListener = stream.removeEventListener.bind(stream)
  const onData = stream.onData.bind(stream)
  /** Of those that listen for messages, the one that was there first, if it wants nothing special. */
  let first: Listener | undefined
  stream.addEventListener = (...args) => {
    const [type, listener, options] = args
    if (type === 'message' && first === undefined && options === undefined)
      first = listener as Listener
    addEventListener(...args)
  }
  stream.removeEventListener = (...args) => {
    const [type, listener] = args
    if (type === 'message' && listener === first) first = undefined
    removeEventListener(...args)
  }
  stream.onData = (data) => {
    const isAlone = first !== undefined && stream.listenerCount('message') === 1
    const isOpen = stream.readStatus === 'readable' && stream.remoteWriteStatus !== 'closed'
    if (!isAlone || !isOpen || stream.readBuffer.byteLength > 0 || data.byteLength === 0)
      return onData(data)
    try {
      first?.({ data })
    } catch (error) {
      // As events have it: a listener that throws is no concern of whoever tells it.
      queueMicrotask(() => {
        throw error
      })
    }
    // It may have ended meanwhile, or been paused with more to come.
    if (stream.readBuffer.byteLength > 0 || stream.remoteWriteStatus === 'closed')
      stream.dispatchReadBuffer()
  }
}

function sendStraight(stream: StreamInnards, sendWhole: SendWhole | undefined): void {
  const send = stream.send.bind(stream)
  stream.send = (data) => {
    const length = data.byteLength
    const isFree = !stream.sendingData && !stream.writableNeedsDrain
    const isFirst = stream.writeStatus === 'writable' && stream.writeBuffer.byteLength === 0
    const fits = stream.maxMessageSize === undefined || length <= stream.maxMessageSize
    if (!isFree || !isFirst || !fits || length === 0) return send(data)
    const { sentBytes, canSendMore } = sendNow(stream, data, sendWhole)
    if (sentBytes < length) {
      const rest = new Uint8ArrayList(data)
      rest.consume(sentBytes)
      stream.writeBuffer.prepend(rest)
    }
    // Sending may have made others send, and they had to wait.
    if (canSendMore && stream.writeBuffer.byteLength > 0) return stream.processSendQueue()
    if (!canSendMore) {
      stream.writableNeedsDrain = true
      stream.checkWriteBufferLength()
    }
    if (stream.writeBuffer.byteLength === 0 && stream.listenerCount('idle') > 0)
      stream.safeDispatchEvent('idle')
    return canSendMore
  }
}

function sendNow(
  stream: StreamInnards,
  data: Bytes,
  sendWhole: SendWhole | undefined,
): { sentBytes: number; canSendMore: boolean } {
  stream.sendingData = true
  try {
    const canSendMore = sendWhole?.(data)
    if (canSendMore !== undefined) return { sentBytes: data.byteLength, canSendMore }
    // A list of its own, for it may be taken apart.
    return stream.sendData(new Uint8ArrayList(data))
  } catch (error) {
    // Whoever waits until all is sent is told by the end of it.
    stream.writeBuffer.prepend(data)
    stream.abort(error)
    throw error
  } finally {
    stream.sendingData = false
  }
}
