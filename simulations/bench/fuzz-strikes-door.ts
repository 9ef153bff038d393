/** Strikes on everything below the streams: the door, the cipher, the muxer, and stream names. */
import { connect } from 'node:net'
import type { BareConnection } from '../../agent/network/bare-peer.ts'
import { formatSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { pick } from '../../protocol/ports/entropy.ts'
import { between, joined, muxerHeader, prefixed } from './fuzz-bytes.ts'
import { MEMBERSHIP, rest, type Session, soon } from './fuzz-session.ts'

const DATA = 0
const WINDOW = 1
const SYN = 1
const GATHERED_BYTES = 1_200_000
const PIECE_BYTES = 60_000
const KNOCK_DEADLINE_MS = 1_000
const CLOSE_DEADLINE_MS = 1_000

/** Bytes on the bare port. */
export async function doorGarbage(session: Session): Promise<void> {
  const lengths = [1, 23, 24, 25, 100, 1_000, between(session.entropy, 2, 20_000)]
  await Promise.all(lengths.map((length) => knock(session, session.entropy.bytes(length))))
}

/** The right words in the wrong language. */
export async function foreignSwarmKey(session: Session): Promise<void> {
  const key = new TextEncoder().encode(formatSwarmKey(session.entropy.bytes(32)))
  const stranger = await session.peer(key)
  session.sent++
  await stranger.connect(session.target.address, soon()).catch(() => {})
}

/** More connections at once than one address may make in a second. */
export async function connectionBurst(session: Session): Promise<void> {
  const count = between(session.entropy, 150, 250)
  const { from } = session
  await Promise.all(Array.from({ length: count }, () => knock(session, new Uint8Array(0), from)))
}

/** Earns a ban and comes back under the same name. */
export async function bannedReturn(session: Session): Promise<void> {
  const peer = await session.peer()
  const connection = await session.enter(peer)
  const stream = await session.link(connection, MEMBERSHIP)
  await session.frames(stream, 80, () => session.entropy.bytes(between(session.entropy, 4, 40)))
  await Promise.race([connection.over, rest(CLOSE_DEADLINE_MS)])
  for (let i = between(session.entropy, 1, 3); i > 0; i--) {
    session.sent++
    const back = await peer.connect(session.target.address, soon()).catch(() => undefined)
    await Promise.race([back?.over, rest(CLOSE_DEADLINE_MS)])
  }
}

/** Inside the swarm key, where only encrypted messages should be. */
export async function cipherGarbage(session: Session): Promise<void> {
  const connection = await session.enter()
  // Before the victim has its end of the connection ready, this would be a handshake that failed.
  await session.heardOut(connection)
  session.sent++
  const body = session.entropy.bytes(between(session.entropy, 40, 500))
  connection.writeToCipher(joined(Uint8Array.of(body.length >> 8, body.length & 255), body))
  await closed(connection)
}

/** Inside the encryption, where only the muxer's frames should be. */
export async function muxerGarbage(session: Session): Promise<void> {
  const { entropy } = session
  const connection = await session.enter()
  const bad = [
    () => joined(Uint8Array.of(between(entropy, 1, 255)), entropy.bytes(40)),
    () => muxerHeader(between(entropy, 4, 255), 0, 1, 0),
    () => muxerHeader(DATA, SYN, 2 * between(entropy, 1, 1_000), 0),
    () => muxerHeader(2, SYN | 2, 0, 77),
    () => muxerHeader(DATA, 0, 0, 0),
  ]
  session.sent++
  connection.writeToMuxer((pick(entropy, bad) as () => Uint8Array)())
  await closed(connection)
}

/** A muxer frame that claims gigabytes, and then comes. */
export async function muxerOversized(session: Session): Promise<void> {
  const connection = await session.enter()
  const claimed = between(session.entropy, 2 ** 24, 2 ** 32 - 1)
  session.sent++
  connection.writeToMuxer(muxerHeader(DATA, SYN, 1_001, claimed))
  const piece = session.entropy.bytes(PIECE_BYTES)
  for (let sent = 0; sent < GATHERED_BYTES && connection.open; sent += piece.length) {
    connection.writeToMuxer(piece)
    await rest(1)
  }
  await closed(connection)
}

/** Protocols that nobody has heard of. */
export async function unknownPurpose(session: Session): Promise<void> {
  const connection = await session.enter()
  const names = ['/skein/membership/2', '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/skein/x/9']
  for (const name of names) {
    session.sent++
    await connection.stream(name, soon()).catch(() => {})
  }
}

/** More streams of one purpose than anybody needs. */
export async function streamFlood(session: Session): Promise<void> {
  const connection = await session.enter()
  const count = between(session.entropy, 10, 40)
  for (let i = 0; i < count && connection.open; i++) {
    session.sent++
    const stream = await connection.stream(MEMBERSHIP, soon()).catch(() => undefined)
    await stream?.write(prefixed(session.entropy.bytes(3)).subarray(0, 2))
  }
}

/** Streams that are opened and never named, as many as a connection can hold and more. */
export async function namelessStreams(session: Session): Promise<void> {
  const connection = await session.enter()
  const count = between(session.entropy, 80, 200)
  for (let i = 0; i < count && connection.open; i++) {
    session.sent++
    connection.writeToMuxer(muxerHeader(WINDOW, SYN, 10_001 + 2 * i, 0))
  }
  // One more, by its name: its refusal says that those before it have been read.
  await session.heardOut(connection)
}

async function closed(connection: BareConnection): Promise<void> {
  await Promise.race([connection.over, rest(CLOSE_DEADLINE_MS)])
  connection.cut()
}

function knock(session: Session, bytes: Uint8Array, localAddress = session.from): Promise<void> {
  session.sent++
  return new Promise((resolve) => {
    const { host, port } = session.target
    const socket = connect({ host, port, localAddress })
    socket.setTimeout(KNOCK_DEADLINE_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.resume()
    socket.end(bytes)
  })
}
