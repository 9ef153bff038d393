/**
 * Strikes on a link: streams that do not begin as they should, and frames that are none, are too
 * long, too short, of another type, or nearly right.
 */
import { below, pick } from '../../protocol/ports/entropy.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { frameHeader } from '../../protocol/wire/frame.ts'
import { Hello } from '../../protocol/wire/versions.ts'
import {
  between,
  cutShort,
  joined,
  lengthField,
  mutated,
  prefixed,
  varint,
  varintField,
} from './fuzz-bytes.ts'
import { envelope, Forger, nack } from './fuzz-forgeries.ts'
import { MEMBERSHIP, pingEnvelope, rest, type Session, soon, takeStreams } from './fuzz-session.ts'

const PURPOSE_BYTES_MAX = 1_024 * 1_024
const MEMBERSHIP_BYTES_MAX = 256 * 1_024
const END_DEADLINE_MS = 1_000
/** More than the burst that one peer is allowed, and what it earns while a busy host sends them. */
const FLOOD_FRAMES = 12_000
const FLOOD_BATCH = 200

// ── The first words ─────────────────────────────────────────────────────────────────────────────

/** A stream that begins with something else. */
export async function noHello(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  await firstWords(session, () => prefixed(envelope(forger.anyFrame())))
}

/** Bytes that are not even cut into frames. */
export async function randomStream(session: Session): Promise<void> {
  await firstWords(session, () => {
    const bytes = session.entropy.bytes(between(session.entropy, 200, 2_000))
    // A first frame short enough to be there in whole: else the victim waits for the rest of it.
    bytes[0] = between(session.entropy, 1, 100)
    return bytes
  })
}

export async function wrongVersion(session: Session): Promise<void> {
  const oldest = between(session.entropy, 2, 1_000)
  await firstWords(session, () =>
    prefixed(encode(Hello, { oldest, newest: oldest, agent: '9.9.9', node: 'fuzz' })),
  )
}

async function firstWords(session: Session, make: () => Uint8Array): Promise<void> {
  const connection = await session.enter()
  for (let i = between(session.entropy, 1, 4); i > 0 && connection.open; i--) {
    const stream = await connection.stream(MEMBERSHIP, soon())
    const answered = new Promise<void>((resolve) => stream.onData(() => resolve()))
    await session.write(stream, make())
    await Promise.race([stream.over, answered, rest(END_DEADLINE_MS)])
  }
}

// ── What is no frame ────────────────────────────────────────────────────────────────────────────

/** A frame of which only the beginning comes before the stream is ended. */
export async function truncatedStream(session: Session): Promise<void> {
  const connection = await session.enter()
  const forger = new Forger(session.entropy)
  for (let i = between(session.entropy, 2, 6); i > 0 && connection.open; i--) {
    const stream = await session.link(connection, MEMBERSHIP)
    await session.write(stream, cutShort(session.entropy, prefixed(envelope(forger.anyFrame()))))
    await stream.end()
    await Promise.race([stream.over, rest(END_DEADLINE_MS)])
  }
}

/** A length over the limit, with nothing behind it. */
export async function oversizedHeader(session: Session): Promise<void> {
  const { entropy } = session
  const connection = await session.enter()
  for (let i = between(entropy, 2, 6); i > 0 && connection.open; i--) {
    const stream = await session.link(connection, MEMBERSHIP)
    const claims = [
      varint(between(entropy, PURPOSE_BYTES_MAX + 1, 2 ** 28 - 1)),
      varint(between(entropy, 2 ** 28, 2 ** 50)),
      new Uint8Array(10).fill(0xff),
    ]
    await session.write(stream, pick(entropy, claims) as Uint8Array)
    await Promise.race([stream.over, rest(END_DEADLINE_MS)])
  }
}

/** A frame that the transport lets through and that is too long for its purpose. */
export async function oversizedFrame(session: Session): Promise<void> {
  const { connection, stream } = await session.fresh(MEMBERSHIP)
  const length = between(session.entropy, MEMBERSHIP_BYTES_MAX + 1, PURPOSE_BYTES_MAX)
  const body = new Uint8Array(length).fill(between(session.entropy, 0, 255))
  for (let i = between(session.entropy, 1, 3); i > 0; i--) {
    if (!(await session.write(stream, joined(frameHeader(length), body)))) break
  }
  await session.heardOut(connection)
}

export async function emptyFrame(session: Session): Promise<void> {
  const { stream } = await session.fresh(MEMBERSHIP)
  await session.write(stream, Uint8Array.of(0))
  await Promise.race([stream.over, rest(END_DEADLINE_MS)])
}

// ── Frames that say nothing, or something else ──────────────────────────────────────────────────

/** Every frame that `make` makes, until the peer is shown the door. */
async function said(
  session: Session,
  purpose: string,
  count: number,
  make: () => Uint8Array,
): Promise<void> {
  const { connection, stream } = await session.fresh(purpose)
  await session.frames(stream, count, make)
  await session.heardOut(connection)
}

export async function truncatedMessage(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  await said(session, MEMBERSHIP, 40, () => cutShort(session.entropy, envelope(forger.anyFrame())))
}

export async function randomFrame(session: Session): Promise<void> {
  const { entropy } = session
  await said(session, MEMBERSHIP, 80, () => entropy.bytes(between(entropy, 1, 300)))
}

/** Fields of another type than theirs, at every level. */
export async function wrongType(session: Session): Promise<void> {
  const { entropy } = session
  const forger = new Forger(entropy)
  const wrong = [
    () => joined(lengthField(1, entropy.bytes(4)), lengthField(3, forger.anyFrame())),
    () => varintField(3, entropy.uint32()),
    () => envelope(varintField(between(entropy, 1, 9), entropy.uint32())),
    () => envelope(lengthField(1, lengthField(1, entropy.bytes(6)))),
    () => envelope(lengthField(5, lengthField(1, varintField(2, 7)))),
    () => envelope(undefined, { refusal: 'nothing was asked' }),
  ]
  await said(session, MEMBERSHIP, 50, () => (pick(entropy, wrong) as () => Uint8Array)())
}

/** Kinds that no version has yet. */
export async function unknownKind(session: Session): Promise<void> {
  const { entropy } = session
  await said(session, MEMBERSHIP, 30, () =>
    envelope(lengthField(between(entropy, 30, 2_000), entropy.bytes(between(entropy, 0, 50)))),
  )
}

/** What was right before it was wounded. */
export async function mutatedFrame(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  await said(session, MEMBERSHIP, 200, () => {
    const whole = envelope(forger.anyFrame())
    return mutated(session.entropy, whole)
  })
}

/** Frames on the stream that is the victim's to send on. */
export async function unexpectedFrame(session: Session): Promise<void> {
  const peer = await session.peer()
  const forger = new Forger(session.entropy)
  const opened = Promise.withResolvers<void>()
  await takeStreams(peer, MEMBERSHIP, (_, stream) => {
    void session.frames(stream, 10, () => envelope(forger.anyFrame())).then(opened.resolve)
  })
  const connection = await session.enter(peer)
  const stream = await session.link(connection, MEMBERSHIP)
  await session.write(stream, prefixed(pingEnvelope(below(session.entropy, 1_000))))
  await Promise.race([opened.promise, rest(END_DEADLINE_MS)])
  await session.heardOut(connection)
}

/** Nothing wrong with any of them but their number. */
export async function frameFlood(session: Session): Promise<void> {
  const { connection, stream } = await session.fresh(MEMBERSHIP)
  for (let sent = 0; sent < FLOOD_FRAMES && stream.open; sent += FLOOD_BATCH) {
    const batch = Array.from({ length: FLOOD_BATCH }, () =>
      prefixed(envelope(nack(session.entropy.uint32()))),
    )
    session.sent += batch.length - 1
    if (!(await session.write(stream, joined(...batch)))) break
  }
  await session.heardOut(connection)
}
