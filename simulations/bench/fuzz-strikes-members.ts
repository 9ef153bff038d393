/**
 * Strikes with words that are well-formed: forged records, old news, false claims, questions that
 * nobody serves and answers that nobody asked for.
 */

import { envelopeSchema } from '../../agent/links/envelope.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { News } from '../../protocol/membership/messages.ts'
import { pick } from '../../protocol/ports/entropy.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { look } from '../mesh/looking.ts'
import { between, lengthField, prefixed } from './fuzz-bytes.ts'
import { askForEverything, call, envelope, Forger, profiles } from './fuzz-forgeries.ts'
import { CALLS, MEMBERSHIP, rest, type Session, takeStreams } from './fuzz-session.ts'

/** The victim says what it knows in a frame or two. */
const RECORDED = 2
const RECORD_MS = 1_000
const ASK_DEADLINE_MS = 2_000

async function said(session: Session, count: number, make: () => Uint8Array): Promise<void> {
  const { connection, stream } = await session.fresh(MEMBERSHIP)
  await session.frames(stream, count, () => envelope(make()))
  await session.heardOut(connection)
}

/** Records what the victim says of itself and of others, and says it back, again and again. */
export async function replayedFrame(session: Session): Promise<void> {
  const peer = await session.peer()
  const recorded: Uint8Array[] = []
  const complete = Promise.withResolvers<void>()
  await takeStreams(peer, MEMBERSHIP, (frame) => {
    recorded.push(frame)
    if (recorded.length >= RECORDED) complete.resolve()
  })
  const connection = await session.enter(peer)
  const stream = await session.link(connection, MEMBERSHIP)
  await session.write(stream, prefixed(envelope(askForEverything())))
  await Promise.race([complete.promise, rest(RECORD_MS)])
  if (recorded.length === 0) throw new Error('the victim said nothing to be replayed')
  for (let round = between(session.entropy, 10, 30); round > 0; round--) {
    await session.frames(stream, 1, () => pick(session.entropy, recorded) as Uint8Array)
  }
  await session.heardOut(connection)
}

/** A signature that is none. */
export async function forgedDigest(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  await said(session, 3, () => forger.gossip({ digests: [forger.forgedDigest()] }))
}

/** An envelope that tells another story than the letter. */
export async function garbledDigest(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  await said(session, 3, () => forger.gossip({ digests: [forger.garbledDigest()] }))
}

/** A profile that the digest of its owner does not vouch for. */
export async function forgedProfile(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  const { connection, stream } = await session.fresh(MEMBERSHIP)
  const known = envelope(forger.gossip({ digests: [forger.digest()] }))
  await session.frames(stream, 1, () => known)
  await session.frames(stream, 5, () => envelope(profiles(forger.profile())))
  await session.heardOut(connection)
}

/** Claims about nobody, and claims of no known kind. */
export async function strangeClaim(session: Session): Promise<void> {
  const { entropy } = session
  const forger = new Forger(entropy)
  await said(session, 20, () => {
    const known = between(entropy, 0, 1) === 1
    const about = (known ? session.target.witness : forger.stranger()) as PeerId
    const rank = known ? between(entropy, 4, 2 ** 30) : between(entropy, 1, 2)
    return forger.gossip({
      claims: [{ about, rank, incarnation: entropy.uint32(), by: forger.signer.id }],
    })
  })
}

/** The victim and its neighbour are said to be suspect or dead, in this life or in later ones. */
export async function falseClaim(session: Session): Promise<void> {
  const { entropy, target } = session
  const forger = new Forger(entropy)
  await said(session, between(entropy, 1, 3), () => {
    const about = pick(entropy, [target.id, target.witness]) as PeerId
    const incarnation = pick(entropy, [0, 1, between(entropy, 2, 50)]) as number
    const rank = between(entropy, 1, 2)
    return forger.gossip({ claims: [{ about, rank, incarnation, by: forger.signer.id }] })
  })
}

/** Every number as large as it can be, where somebody is going to reckon with it. */
export async function extremeNumbers(session: Session): Promise<void> {
  const { entropy, target } = session
  const forger = new Forger(entropy)
  const most = Number.MAX_SAFE_INTEGER
  const by = forger.signer.id
  await said(session, 10, () => {
    const about = pick(entropy, [target.id, target.witness, by]) as PeerId
    const rank = between(entropy, 1, 2)
    const words = [
      { claims: [{ about, rank, incarnation: most - between(entropy, 0, 2), by }] },
      { digests: [{ ...forger.digest(), ageMs: most }] },
      { digests: [forger.digest(most)] },
    ]
    return forger.gossip(pick(entropy, words) as Partial<News>)
  })
}

// ── Questions and answers ───────────────────────────────────────────────────────────────────────

/** A question where only statements are made. */
export async function notServed(session: Session): Promise<void> {
  const forger = new Forger(session.entropy)
  const { connection, stream } = await session.fresh(MEMBERSHIP)
  await session.frames(stream, 20, () =>
    envelope(forger.anyFrame(), { requestId: session.entropy.uint32() }),
  )
  await session.heardOut(connection)
}

export async function unknownService(session: Session): Promise<void> {
  const { entropy } = session
  const { connection, stream } = await session.fresh(CALLS)
  const names = ['', 'root', '__proto__', 'constructor', 'toString', 'node/../../etc/passwd']
  await session.frames(stream, 20, () =>
    envelope(call(pick(entropy, names) as string, entropy.bytes(between(entropy, 0, 200))), {
      requestId: entropy.uint32(),
    }),
  )
  await session.heardOut(connection)
}

/** One question, many times: it is taken once. */
export async function replayedRequest(session: Session): Promise<void> {
  const { entropy } = session
  const { connection, stream } = await session.fresh(CALLS)
  const question = envelope(call('node', entropy.bytes(20)), { requestId: entropy.uint32() })
  await session.frames(stream, 20, () => question)
  await session.heardOut(connection)
}

/** To services that there are, bytes that make no sense there. */
export async function garbageQuestion(session: Session): Promise<void> {
  const { entropy } = session
  const { connection, stream } = await session.fresh(CALLS)
  const names = ['ledger/append', 'api', 'secrets', 'runs/history']
  await session.frames(stream, 20, () =>
    envelope(call(pick(entropy, names) as string, entropy.bytes(between(entropy, 1, 200))), {
      requestId: entropy.uint32(),
    }),
  )
  await session.heardOut(connection)
}

/** A statement where only questions are asked. */
export async function unaskedMessage(session: Session): Promise<void> {
  const { entropy } = session
  const { connection, stream } = await session.fresh(CALLS)
  await session.frames(stream, 20, () => envelope(call('node', entropy.bytes(20))))
  await session.heardOut(connection)
}

export async function unaskedAnswer(session: Session): Promise<void> {
  const { entropy } = session
  const { connection, stream } = await session.fresh(CALLS)
  await session.frames(stream, 40, () =>
    envelope(lengthField(2, lengthField(1, entropy.bytes(20))), { responseTo: entropy.uint32() }),
  )
  await session.heardOut(connection)
}

/** Joins in good form, is asked something for a person, and answers with garbage. */
export async function garbageAnswer(session: Session): Promise<void> {
  const { target } = session
  // What is drawn when the victim asks must not shift what is drawn in between.
  const entropy = session.entropy.stream('answers')
  const seed = session.entropy.bytes(32)
  const peer = await session.peer(target.swarmKey, seed)
  const forger = Forger.of(seed, session.entropy)
  const connection = await session.enter(peer)
  const stream = await session.link(connection, MEMBERSHIP)
  const Envelope = envelopeSchema(1_024 * 1_024)
  const answers = await session.link(connection, CALLS)
  await takeStreams(peer, MEMBERSHIP, () => {})
  await takeStreams(peer, CALLS, (frame) => {
    const asked = decode(Envelope, frame)
    if (!asked.ok || asked.value.requestId === undefined) return
    const ids = { responseTo: asked.value.requestId }
    const garbage = [
      () => envelope(entropy.bytes(between(entropy, 1, 100)), ids),
      () => envelope(call('node', entropy.bytes(10)), ids),
      () => envelope(undefined, ids),
      () => envelope(lengthField(77, entropy.bytes(5)), ids),
    ]
    const answer = (pick(entropy, garbage) as () => Uint8Array)()
    void session.frames(answers, 1, () => answer)
  })
  await session.frames(stream, 1, () => envelope(forger.gossip({ digests: [forger.digest()] })))
  await session.heardOut(connection)
  for (let i = 0; i < 4; i++) {
    const signal = AbortSignal.timeout(ASK_DEADLINE_MS)
    const asked = await look(target, `/api/v1/nodes/${peer.id}`, signal)
    await asked.arrayBuffer()
  }
}
