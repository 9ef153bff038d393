/**
 * Other hosts, as the core sees them.
 *
 * What may be relied on: a frame arrives whole or not at all, from the peer it says it is from;
 * frames of one stream arrive in the order sent. What may not: that a frame arrives. A stream can
 * end at any moment and take everything still in flight with it, and only the receiver's answer
 * proves that something got through.
 */
import type { PeerId } from '../identity/peer-id.ts'

/**
 * What a stream is for. Each purpose has streams of its own, so that consensus and the emergency
 * stop never wait behind gossip. The number is the protocol's version.
 */
export type Purpose = `/skein/${string}/${number}`

/** Why a stream or a connection is no more. */
export type CloseReason =
  | 'closedHere'
  | 'closedThere'
  | 'connectionLost'
  | 'frameTooLarge'
  | 'garbage'
  /** Its peer may not have it, or has others: it was opened for nothing. */
  | 'unwanted'
  | 'shutdown'

/** Why a peer could not be reached. */
export type UnreachableCode =
  | 'unknownAddress'
  | 'refused'
  | 'timedOut'
  | 'handshakeFailed'
  | 'wrongPeer'
  | 'purposeUnsupported'
  | 'limitReached'
  | 'banned'
  | 'aborted'

/** An answer, and a common one where hosts fail: it does not look where in our code it was made. */
export class Unreachable extends Error {
  readonly code: UnreachableCode
  constructor(code: UnreachableCode, message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'Unreachable'
    this.code = code
  }
}

/** One kept, framed, ordered stream to a peer. Both ends may send. */
export interface Stream {
  readonly peer: PeerId
  readonly purpose: Purpose
  /**
   * Hands a frame over. False means that the peer reads more slowly than we write: wait for
   * `drained` before the next, or be refused when `streamBufferBytesMax` is reached (the stream
   * is then aborted). Sending on a closed stream does nothing.
   */
  send(frame: Uint8Array): boolean
  /** Resolves when `send` would return true again, or when the stream has closed. */
  drained(): Promise<void>
  /** Bytes accepted by `send` and not yet handed to the connection. */
  readonly bufferedBytes: number
  /** Set once, synchronously, by whoever was given the stream. The frame is the callee's to keep. */
  onFrame: (frame: Uint8Array) => void
  /** Called once. No frame follows. */
  onClose: (reason: CloseReason) => void
  /** Stop and resume the delivery of frames; the peer feels it as back-pressure. */
  pause(): void
  resume(): void
  /** Ends the stream after what was sent. */
  close(): void
  /** Ends the stream now and drops what was not yet sent. */
  abort(reason: CloseReason): void
  readonly open: boolean
}

export interface PeerConnectionEvent {
  peer: PeerId
  kind: 'connected' | 'disconnected'
}

export interface TopicMessage {
  topic: string
  /** The peer that signed the message, which need not be the one that passed it on. */
  from: PeerId
  data: Uint8Array
}

/** What the network has refused, counted by reason since it started. */
export type RefusalCounts = Readonly<Record<string, number>>

export interface Network {
  readonly self: PeerId
  /** Addresses on which others can reach this host, e.g. `/ip4/10.0.0.5/tcp/4130`. */
  addresses(): string[]
  /** Remember where a peer may be found. Replaces what was known. */
  learn(peer: PeerId, addresses: readonly string[]): void
  /** Dials an address whose owner is not known yet. Rejects with `Unreachable`. */
  dial(address: string, signal: AbortSignal): Promise<PeerId>
  /** Opens a stream, connecting first if need be. Rejects with `Unreachable`. */
  open(peer: PeerId, purpose: Purpose, signal: AbortSignal): Promise<Stream>
  /** Accepts streams of this purpose. The handler must set `onFrame` before it returns. */
  accept(purpose: Purpose, handler: (stream: Stream) => void): void
  /** Takes no more streams of this purpose, until it is accepted again. Open ones stay. */
  refuse(purpose: Purpose): void
  /** Peers with a live connection. */
  connected(): PeerId[]
  onConnection: (event: PeerConnectionEvent) => void
  /** Closes the connection and its streams. */
  disconnect(peer: PeerId): void
  /** The same, with one that had no business here: where it came from, nobody comes again as soon. */
  showOut(peer: PeerId): void
  /** Refuses a peer for a while: closes its connections and its next attempts. */
  ban(peer: PeerId, forMs: number, why: string): void
  /** Spreads to all who subscribe, with no promise that any of them hears it. */
  publish(topic: string, data: Uint8Array): void
  subscribe(topic: string, handler: (message: TopicMessage) => void): void
  refusals(): RefusalCounts
  /** Bytes sent and received over the wire since start, all purposes and overheads included. */
  traffic(): { sentBytes: number; receivedBytes: number }
}
