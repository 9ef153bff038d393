/**
 * A host that keeps no rule: bare libp2p, on whose connections and streams whoever holds it writes
 * what it likes. It is here for fuzzers and attacks in the laboratory, because libp2p is touched in
 * this folder only; no part of an agent imports it.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { parseAddress } from './addresses.ts'
import { quietLogger } from './quiet-logger.ts'
import { swarmProtector } from './swarm.ts'
import { SwarmKeys } from './swarm-keys.ts'

export interface BareStream {
  readonly open: boolean
  /** Resolves when it has ended, whoever ended it. */
  readonly over: Promise<void>
  /** Writes bytes as they are, and waits while the other side takes none. False: it is over. */
  write(bytes: Uint8Array): Promise<boolean>
  /** What the other side sends, in the pieces that it comes in. */
  onData(heard: (bytes: Uint8Array) => void): void
  /** Says that nothing more will be written. */
  end(): Promise<void>
  reset(): void
}

export interface BareConnection {
  readonly open: boolean
  /** Resolves when it has ended, whoever ended it. */
  readonly over: Promise<void>
  /** Rejects when the other side does not agree on the protocol. */
  stream(protocol: string, signal: AbortSignal): Promise<BareStream>
  /** Bytes where the muxer's frames would be, inside the encryption. */
  writeToMuxer(bytes: Uint8Array): void
  /** Bytes where the encrypted messages would be, inside the swarm key. */
  writeToCipher(bytes: Uint8Array): void
  /** Cut, not closed. */
  cut(): void
}

export interface BarePeer {
  readonly id: PeerId
  connect(address: string, signal: AbortSignal): Promise<BareConnection>
  /** Takes the streams that the other side opens. */
  accept(protocol: string, taken: (stream: BareStream) => void): Promise<void>
  stop(): Promise<void>
}

export interface BarePeerOptions {
  /** 32 bytes. */
  privateKeySeed: Uint8Array
  /** The bytes of a swarm key file. */
  swarmKey: Uint8Array
  /** The address of this host that it comes from. */
  from?: string
}

/** Whoever writes into a connection that is being cut must expect errors, and gets none from here. */
export async function startBarePeer(options: BarePeerOptions): Promise<BarePeer> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.privateKeySeed)
  const node = await createLibp2p({
    logger: quietLogger,
    privateKey,
    transports: [
      tcp(options.from === undefined ? {} : { dialOpts: { localAddress: options.from } as object }),
    ],
    streamMuxers: [yamux()],
    connectionEncrypters: [noise()],
    // Ours, because a cipher without bounds spoils the memory that it shares with all others.
    connectionProtector: swarmProtector(SwarmKeys.ofFile(options.swarmKey)),
    connectionMonitor: { enabled: false },
  })
  return {
    id: privateKey.publicKey.toString() as PeerId,
    connect: async (address, signal) =>
      bareConnection(await node.dial(parseAddress(address).target, { signal })),
    accept: (protocol, taken) =>
      node.handle(protocol, (stream) => taken(bareStream(stream)), { maxInboundStreams: 64 }),
    stop: async () => {
      const cut = (connection: Connection): void => connection.abort(new Error('stopped'))
      // Also what is still on its way: nothing is closed politely, which may take for ever.
      node.addEventListener('connection:open', ({ detail }) => cut(detail))
      for (const connection of node.getConnections()) cut(connection)
      await node.stop()
    },
  }
}

function bareConnection(connection: Connection): BareConnection {
  const { muxer } = connection as unknown as {
    muxer: {
      status: string
      send(bytes: Uint8Array): boolean
      maConn: { stream: { send(b: Uint8Array): boolean } }
    }
  }
  assert(typeof muxer?.send === 'function', 'a connection has a muxer to write to')
  assert(typeof muxer.maConn?.stream?.send === 'function', 'and a cipher below it')
  return {
    get open() {
      // The other side may have ended the muxer, and nothing can be opened then.
      return connection.status === 'open' && muxer.status === 'open'
    },
    over: overOf(connection),
    stream: async (protocol, signal) =>
      bareStream(await connection.newStream(protocol, { signal })),
    writeToMuxer: (bytes) => ignoringErrors(() => muxer.send(bytes)),
    writeToCipher: (bytes) => ignoringErrors(() => muxer.maConn.stream.send(bytes)),
    cut: () => connection.abort(new Error('cut')),
  }
}

function bareStream(stream: Stream): BareStream {
  return {
    get open() {
      return stream.status === 'open'
    },
    over: overOf(stream),
    write: async (bytes) => {
      if (stream.status !== 'open') return false
      let more = false
      ignoringErrors(() => {
        more = stream.send(bytes)
      })
      if (!more) await takenOrOver(stream)
      return stream.status === 'open'
    },
    onData: (heard) =>
      stream.addEventListener('message', ({ data }) => {
        heard(data instanceof Uint8Array ? data : data.subarray())
      }),
    end: () => stream.close({ signal: AbortSignal.timeout(endTimeoutMs) }).catch(() => {}),
    reset: () => stream.abort(new Error('reset')),
  }
}

function overOf(it: {
  status: string
  addEventListener(kind: 'close', listener: () => void): void
}): Promise<void> {
  if (it.status !== 'open') return Promise.resolve()
  return new Promise((resolve) => it.addEventListener('close', () => resolve()))
}

const endTimeoutMs = 1_000

function takenOrOver(stream: Stream): Promise<void> {
  if (!stream.writableNeedsDrain || stream.status !== 'open') return Promise.resolve()
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      resolve()
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
  })
}

/** What is cut in the middle of a write throws, and that is what this host lives from. */
function ignoringErrors(write: () => void): void {
  try {
    write()
  } catch {
    // The other side has hung up.
  }
}
