/** Strikes by peers that have the swarm key, and are not of the mesh or not what they claim. */
import type { BarePeer } from '../../agent/network/bare-peer.ts'
import { issuerIn } from '../../coordinator/host/mesh-keys.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { below, pick } from '../../protocol/ports/entropy.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { between, prefixed } from './fuzz-bytes.ts'
import { ballot, envelope, Forger, stopWord, work } from './fuzz-forgeries.ts'
import {
  CALLS,
  CONSENSUS,
  ESTOP,
  MEMBERSHIP,
  rest,
  type Session,
  soon,
  WORK,
} from './fuzz-session.ts'

/** More than are held for whoever is yet to show who it is. */
const STREAMS = 24
const CLOSE_DEADLINE_MS = 1_000

/** Speaks without having shown anything, on every stream that there is. */
export async function speechlessStranger(session: Session): Promise<void> {
  const connection = await session.knock(await session.peer())
  const forger = new Forger(session.entropy)
  for (let i = 0; i < STREAMS && connection.open; i++) {
    const purpose = [MEMBERSHIP, CALLS, WORK][i % 3] as string
    const stream = await connection.stream(purpose, soon()).catch(() => undefined)
    if (stream) await session.write(stream, prefixed(envelope(forger.anyFrame())))
  }
  await Promise.race([connection.over, rest(CLOSE_DEADLINE_MS)])
}

/** Signed by a key that the root knows nothing of, or with one bit that is not as it was signed. */
export async function forgedCredential(session: Session): Promise<void> {
  const { entropy } = session
  await shows(session, (seed) => {
    const subject = signerFromSeed(seed)
    const forger = signerFromSeed(entropy.bytes(32))
    if (below(entropy, 2) === 0) return session.credentialOf(subject, {}, forger)
    const credential = session.credentialOf(subject, { roles: ['coordinator'] })
    const signature = credential.leaf.signature.slice()
    const at = below(entropy, signature.length)
    signature[at] = (signature[at] as number) ^ (1 << below(entropy, 8))
    return { ...credential, leaf: { ...credential.leaf, signature } }
  })
}

export async function expiredCredential(session: Session): Promise<void> {
  const past = between(session.entropy, 1, 1_000_000)
  await shows(session, (seed) => session.credentialOf(signerFromSeed(seed), { notAfterMs: past }))
}

/** Good, of another mesh. */
export async function foreignCredential(session: Session): Promise<void> {
  const mesh = meshIdOf(signerFromSeed(session.entropy.bytes(32)).id)
  await shows(session, (seed) => session.credentialOf(signerFromSeed(seed), { mesh }))
}

/** Good, and somebody else's. */
export async function stolenCredential(session: Session): Promise<void> {
  const other = signerFromSeed(session.entropy.bytes(32))
  await shows(session, () => session.credentialOf(other))
}

export async function truncatedCredential(session: Session): Promise<void> {
  const { entropy } = session
  const seed = entropy.bytes(32)
  const peer = await session.peer(session.target.swarmKey, seed)
  const credential = session.credentialOf(signerFromSeed(seed))
  const whole = encode(Introduction, { credential })
  const cut = whole.subarray(0, between(entropy, 1, whole.length - 1))
  await session.introduce(await session.knock(peer), cut)
}

/** Of the mesh, and no coordinator: assigns work, in the name of a leader that it is not. */
export async function assigningAgent(session: Session): Promise<void> {
  const { connection, stream } = await session.fresh(WORK)
  await session.frames(stream, 10, () => envelope(work(session.entropy)))
  await session.heardOut(connection)
}

/** Of the mesh, and no coordinator: stands, votes, appends, commits and hands over, in a term to come. */
export async function votingAgent(session: Session): Promise<void> {
  const { connection, stream } = await session.fresh(CONSENSUS)
  await session.frames(stream, 10, () => envelope(ballot(session.entropy)))
  await session.heardOut(connection)
}

/** Of the mesh: says stops and releases that no person has signed, or not in a way that counts. */
export async function forgedStops(session: Session): Promise<void> {
  const { entropy, target } = session
  const { connection, stream } = await session.fresh(ESTOP)
  const { mesh, certificate, signer } = issuerIn(target.issuerKey) as NonNullable<
    ReturnType<typeof issuerIn>
  >
  const forger = signerFromSeed(entropy.bytes(32))
  const grants = {
    host: session.credentialOf(forger, { kind: 'peer', roles: ['coordinator'] }),
    viewer: session.credentialOf(forger, { kind: 'person', roles: ['viewer'] }),
    stranger: session.credentialOf(forger, { kind: 'person', roles: ['admin'] }, forger),
    forged: session.credentialOf(forger, { kind: 'person', roles: ['admin'] }, forger),
  }
  // As if the issuing key had signed it.
  grants.forged = { leaf: { ...grants.forged.leaf, issuer: signer.id }, issuer: certificate }
  await session.frames(stream, 10, () => {
    const credential = pick(entropy, Object.values(grants)) as Credential
    const word = stopWord(entropy, mesh, credential, forger)
    return envelope(encode(EstopFrame, { kind: 'words', value: { words: [word] } }))
  })
  await session.heardOut(connection)
}

async function shows(session: Session, make: (seed: Uint8Array) => Credential): Promise<void> {
  const seed = session.entropy.bytes(32)
  const peer: BarePeer = await session.peer(session.target.swarmKey, seed)
  const credential = make(seed)
  await session.introduce(await session.knock(peer), encode(Introduction, { credential }))
}
