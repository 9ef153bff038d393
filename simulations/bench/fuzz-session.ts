/**
 * One visit of a misbehaving peer: an identity of its own, its chance, what it has sent, and the
 * way to a stream on which it may begin. Whatever it does, `end` leaves nothing behind.
 */

import { linkLimits } from '../../agent/links/limits.ts'
import {
  type BareConnection,
  type BarePeer,
  type BareStream,
  startBarePeer,
} from '../../agent/network/bare-peer.ts'
import { introductionPurpose } from '../../agent/trust/purposes.ts'
import { issuerIn } from '../../coordinator/host/mesh-keys.ts'
import { type Grant, issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import { serialFrom } from '../../protocol/identity/issuing.ts'
import { type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { FrameDecoder } from '../../protocol/wire/frame.ts'
import { Hello, helloOf } from '../../protocol/wire/versions.ts'
import { between, prefixed } from './fuzz-bytes.ts'
import { envelope, ping } from './fuzz-forgeries.ts'

export interface FuzzTarget {
  /** Where the victim listens for peers. */
  address: string
  host: string
  port: number
  apiAddress: string
  dataDirectory: string
  /** Its id, and that of the honest agent beside it. */
  id: string
  witness: string
  swarmKey: Uint8Array
  /** The text of the mesh's issuing key: most abuse is tried by peers that are of the mesh. */
  issuerKey: string
}

export const MEMBERSHIP = '/skein/membership/1'
export const CALLS = '/skein/calls/1'
export const WORK = '/skein/work/1'
export const CONSENSUS = '/skein/consensus/1'
export const ESTOP = '/skein/estop/1'
export const MESHSUB = '/meshsub/1.2.0'

/** The year 2255. */
const NEVER_MS = 9e12
const CONNECT_DEADLINE_MS = 3_000
const CONNECT_AGAIN_MS = 100
/** For anything that the victim should answer at once. */
const ANSWER_DEADLINE_MS = 3_000

/** Without a word on it, each peer of a session is somebody new, from somewhere else. */
export interface Who {
  /** The address of this host that all come from. */
  readonly from?: string
  /** 32 bytes, of the one identity that there is; its connection is kept for as long as it lasts. */
  readonly seed?: Uint8Array
}

export class Session {
  readonly entropy: Entropy
  readonly target: FuzzTarget
  /** Frames, or what stands for one: connections, streams, writes below the streams. */
  sent = 0
  private readonly peers: BarePeer[] = []
  private readonly credentials = new Map<BarePeer, Credential>()
  private readonly who: Who
  private kept: { peer: BarePeer; connection?: BareConnection } | undefined

  constructor(target: FuzzTarget, entropy: Entropy, who: Who = {}) {
    this.target = target
    this.entropy = entropy
    this.who = who
  }

  async peer(swarmKey = this.target.swarmKey, seed?: Uint8Array): Promise<BarePeer> {
    if (seed !== undefined || this.who.seed === undefined) return this.newPeer(swarmKey, seed)
    this.kept ??= { peer: await this.newPeer(swarmKey, this.who.seed) }
    return this.kept.peer
  }

  private async newPeer(swarmKey: Uint8Array, given: Uint8Array | undefined): Promise<BarePeer> {
    const seed = given ?? this.entropy.bytes(32)
    const peer = await startBarePeer({ privateKeySeed: seed, swarmKey, from: this.from })
    this.peers.push(peer)
    this.credentials.set(peer, this.credentialOf(signerFromSeed(seed)))
    return peer
  }

  /** The address of this host that the next connection comes from. */
  get from(): string {
    return this.who.from ?? someLoopbackAddress(this.entropy)
  }

  /** What a peer of the mesh shows; with a change, what one shows that is none. */
  credentialOf(subject: Signer, change: Partial<Grant> = {}, signer?: Signer): Credential {
    const issuer = issuerIn(this.target.issuerKey)
    if (issuer === undefined) throw new Error('the target has no issuing key')
    const times = { notBeforeMs: 0, notAfterMs: NEVER_MS }
    const serial = serialFrom(this.entropy.bytes(16))
    const named = { mesh: issuer.mesh, serial, subject: subject.id, name: 'fuzz', labels: {} }
    const grant: Grant = { ...named, kind: 'peer', roles: ['agent'], ...times, ...change }
    const leaf = issueCertificate(grant, signer ?? issuer.signer)
    return { leaf, issuer: issuer.certificate }
  }

  /** Comes in, and shows that it is of the mesh. */
  async enter(peer?: BarePeer): Promise<BareConnection> {
    const visitor = peer ?? (await this.peer())
    const kept = this.kept?.peer === visitor ? this.kept : undefined
    if (kept?.connection?.open) return kept.connection
    const connection = await this.knock(visitor)
    if (kept) kept.connection = connection
    const credential = this.credentials.get(visitor)
    if (credential) await this.introduce(connection, encode(Introduction, { credential }))
    return connection
  }

  /** Shows something, and waits for what the other side has to say to it. */
  async introduce(connection: BareConnection, shown: Uint8Array): Promise<void> {
    const stream = await connection.stream(introductionPurpose, soon())
    const heard = new Promise<void>((resolve) => stream.onData(() => resolve()))
    this.sent++
    await stream.write(prefixed(shown))
    await Promise.race([heard, stream.over, connection.over, rest(ANSWER_DEADLINE_MS)])
    await stream.end()
  }

  /** Comes in, a stranger; the door may be closed for a moment after a burst of others. */
  async knock(visitor: BarePeer): Promise<BareConnection> {
    const deadlineMs = performance.now() + CONNECT_DEADLINE_MS
    for (;;) {
      try {
        return await visitor.connect(this.target.address, soon())
      } catch (error) {
        if (performance.now() > deadlineMs) throw error
        await rest(CONNECT_AGAIN_MS)
      }
    }
  }

  /** A stream whose greetings are over, so that what comes next is taken for frames. */
  async link(connection: BareConnection, purpose: string): Promise<BareStream> {
    const stream = await connection.stream(purpose, soon())
    await greeted(stream)
    return stream
  }

  /** A link in one step, under a new identity. */
  async fresh(purpose: string): Promise<{ connection: BareConnection; stream: BareStream }> {
    const connection = await this.enter()
    return { connection, stream: await this.link(connection, purpose) }
  }

  /** Bytes as they are. False when the other side has hung up. */
  async write(stream: BareStream, bytes: Uint8Array): Promise<boolean> {
    if (!stream.open) return false
    this.sent++
    return stream.write(bytes)
  }

  /** One frame after another, until one is not taken. */
  async frames(stream: BareStream, count: number, make: () => Uint8Array): Promise<void> {
    for (let i = 0; i < count; i++) if (!(await this.write(stream, prefixed(make())))) return
  }

  /** Makes sure that what was written has been read, if anybody still listens. */
  async heardOut(connection: BareConnection): Promise<void> {
    if (!connection.open) return
    const stream = await connection.stream(CALLS, soon()).catch(() => undefined)
    if (stream) await greeted(stream)
  }

  async end(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.stop()))
  }
}

export function soon(): AbortSignal {
  return AbortSignal.timeout(ANSWER_DEADLINE_MS)
}

export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function hello(): Uint8Array {
  return encode(Hello, helloOf('0.0.0', 'fuzz'))
}

/** Says Hello, and waits for the other's or for the end of the stream. */
async function greeted(stream: BareStream): Promise<void> {
  const heard = new Promise<void>((resolve) => stream.onData(() => resolve()))
  await stream.write(prefixed(hello()))
  await Promise.race([heard, stream.over, rest(ANSWER_DEADLINE_MS)])
}

/**
 * Lets the victim open its own stream to us, by a ping that it has to acknowledge, and hands over
 * the frames that it sends there.
 */
export function takeStreams(
  peer: BarePeer,
  purpose: string,
  heard: (frame: Uint8Array, stream: BareStream) => void,
): Promise<void> {
  return peer.accept(purpose, (stream) => {
    let greetedThem = false
    const decoder = new FrameDecoder({ frameBytesMax: linkLimits.frameBytesMax }, (frame) => {
      if (greetedThem) return heard(frame, stream)
      greetedThem = true
      void stream.write(prefixed(hello()))
    })
    stream.onData((bytes) => void decoder.push(bytes))
  })
}

export function pingEnvelope(seq: number): Uint8Array {
  return envelope(ping(seq))
}

/**
 * Each of its peers comes from another address, as if it had many hosts: an agent lets one address
 * come seldom, and would see little of it otherwise. Where this host has but one, from that.
 */
function someLoopbackAddress(entropy: Entropy): string {
  if (process.platform !== 'linux') return '127.0.0.1'
  return `127.${between(entropy, 1, 255)}.${between(entropy, 0, 255)}.${between(entropy, 1, 254)}`
}
