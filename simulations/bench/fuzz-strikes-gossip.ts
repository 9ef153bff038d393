/** Strikes on gossipsub, in its own protobuf: RPCs with subscriptions, messages and control. */
import { pick } from '../../protocol/ports/entropy.ts'
import {
  between,
  joined,
  lengthField,
  mutated,
  prefixed,
  textField,
  varint,
  varintField,
} from './fuzz-bytes.ts'
import { MESHSUB, rest, type Session, soon } from './fuzz-session.ts'

const RPC_BYTES_MAX = 4 * 1_024 * 1_024
const CLOSE_DEADLINE_MS = 1_000
/** What one RPC may hold. */
const SUBSCRIPTIONS_MAX = 64

async function rpcs(session: Session, count: number, make: () => Uint8Array): Promise<void> {
  const connection = await session.enter()
  const stream = await connection.stream(MESHSUB, soon())
  await session.frames(stream, count, make)
  await session.heardOut(connection)
}

/** Topics without end, in RPCs of a size that is allowed. */
export async function gossipSubscriptions(session: Session): Promise<void> {
  await rpcs(session, 100, () => subscriptions(session, SUBSCRIPTIONS_MAX))
}

/** Messages on topics that are not ours, in others' names, unsigned or signed with noise. */
export async function gossipMessages(session: Session): Promise<void> {
  await rpcs(session, 50, () => message(session))
}

export async function gossipGarbage(session: Session): Promise<void> {
  const { entropy } = session
  const connection = await session.enter()
  const stream = await connection.stream(MESHSUB, soon())
  // Announces a field that is longer than what comes.
  const torn = joined(Uint8Array.of(0x12), varint(between(entropy, 500, 5_000)), entropy.bytes(60))
  await session.write(stream, prefixed(torn))
  await Promise.race([connection.over, rest(CLOSE_DEADLINE_MS)])
}

/** Too many entries in one RPC, or a length that nobody gathers. */
export async function gossipOversized(session: Session): Promise<void> {
  const { entropy } = session
  const connection = await session.enter()
  const stream = await connection.stream(MESHSUB, soon())
  const oversized = [
    () => prefixed(subscriptions(session, between(entropy, SUBSCRIPTIONS_MAX + 1, 2_000))),
    () => joined(varint(between(entropy, RPC_BYTES_MAX + 1, 2 ** 40)), entropy.bytes(100)),
  ]
  await session.write(stream, (pick(entropy, oversized) as () => Uint8Array)())
  await Promise.race([connection.over, rest(CLOSE_DEADLINE_MS)])
}

export async function gossipMutated(session: Session): Promise<void> {
  const { entropy } = session
  await rpcs(session, 60, () => {
    const whole = pick(entropy, [subscriptions(session, 5), message(session), control(session)])
    return mutated(entropy, whole as Uint8Array)
  })
}

function subscriptions(session: Session, count: number): Uint8Array {
  return joined(
    ...Array.from({ length: count }, () =>
      lengthField(1, joined(varintField(1, 1), textField(2, topic(session)))),
    ),
  )
}

function message(session: Session): Uint8Array {
  const { entropy } = session
  const from = joined(Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20), entropy.bytes(32))
  return lengthField(
    2,
    joined(
      lengthField(1, from),
      lengthField(2, entropy.bytes(between(entropy, 0, 500))),
      lengthField(3, entropy.bytes(8)),
      textField(4, topic(session)),
      lengthField(5, entropy.bytes(64)),
    ),
  )
}

/** What was heard, what is wanted, and who joins and leaves a mesh that there is not. */
function control(session: Session): Uint8Array {
  const ids = joined(...Array.from({ length: 20 }, () => lengthField(2, session.entropy.bytes(20))))
  const have = lengthField(1, joined(textField(1, topic(session)), ids))
  const want = lengthField(2, lengthField(1, session.entropy.bytes(20)))
  const graft = lengthField(3, textField(1, topic(session)))
  const prune = lengthField(4, textField(1, topic(session)))
  return lengthField(3, joined(have, want, graft, prune))
}

function topic(session: Session): string {
  return `fuzz/${session.entropy.uint32()}`.padEnd(between(session.entropy, 8, 200), 'x')
}
