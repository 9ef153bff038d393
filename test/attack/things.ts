/**
 * All that is signed, sealed or named by its hash and comes from others: for each an example in good
 * form, and what the very code that looks at it would believe of any bytes in its place.
 */
import { createHash } from 'node:crypto'
import { judgeWord } from '../../protocol/estop/judge.ts'
import { readWord, StopWord, wordId } from '../../protocol/estop/word.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { Envelope, openEnvelope } from '../../protocol/identity/envelope.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import { verify } from '../../protocol/identity/peer-id.ts'
import { judgeRevocation } from '../../protocol/identity/revocation.ts'
import { sealedTo, sealingKeyFrom } from '../../protocol/identity/sealing.ts'
import { mintToken, openToken } from '../../protocol/identity/token.ts'
import { judgeJoin } from '../../protocol/joining/judging.ts'
import { claimBytes, JoinFrame } from '../../protocol/joining/messages.ts'
import { formatJoinToken, joinTokenId, parseJoinToken } from '../../protocol/joining/token.ts'
import { AuditHead, isHeadOf, signHead } from '../../protocol/ledger/audit-heads.ts'
import { toOctets } from '../../protocol/ledger/octets.ts'
import {
  type Digest,
  packProfile,
  profileHash,
  Signed,
  sealWith,
} from '../../protocol/membership/digest.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  admin,
  one,
  operator,
  otherAdmin,
  raiseOf,
  releaseOf,
  signed,
  two,
} from '../estop/words.ts'
import {
  acquaintances,
  ada,
  credentialOf,
  envelopeOf,
  keyNumber,
  mesh,
  nowMs,
  trust,
} from '../identity/parties.ts'
import { revoking } from '../identity/revoking.ts'

export interface Thing {
  readonly name: string
  readonly bytes: Uint8Array
  /** What it would be taken for; undefined where it is refused. */
  believed(bytes: Uint8Array): string | undefined
  /** Bits that stand for nothing: with any of them flipped it says what it said. */
  readonly idleBits?: number
}

const host = keyNumber(7)
const joiner = keyNumber(21).id
const tokenKey = keyNumber(20)
const here = '127.0.0.1:4131'
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const bytesOf = (words: string): Uint8Array => new Uint8Array(Buffer.from(words, 'latin1'))
const told = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? [...each] : each))

const seal = sealWith({ sign: (bytes) => host.sign(bytes), verify })
const profile = {
  owner: host.id,
  name: 'n7',
  addresses: ['/ip4/10.0.0.7/tcp/4130'],
  labels: { zone: 'a' },
  agentVersion: '0.1.0',
  platform: 'linux',
  cores: 2,
  memoryBytes: 1_000,
  incarnation: 1,
}
const packed = packProfile(profile)
const digest: Digest = {
  owner: host.id,
  incarnation: 1,
  sequence: 2,
  left: false,
  wireVersion: 1,
  agentVersion: '0.1.0',
  profileHash: profileHash(packed),
  labelsHash: new Uint8Array(8),
  localHealth: 0,
  runningAttempts: 0,
  intervalMs: 1_000,
}
const nameOfProfile = Buffer.from(profileHash(packed)).toString('hex')

const claim = {
  mesh,
  token: joinTokenId(tokenKey.id),
  joiner,
  asked: host.id,
  nonce: new Uint8Array(32).fill(7),
  name: 'edge-1',
}
const record = {
  key: tokenKey.id,
  role: 'agent' as const,
  labels: {},
  uses: 1,
  expiresMs: nowMs + 60_000,
  isRevoked: false,
  used: [],
}

function believedWord(bytes: Uint8Array, rules = one): string | undefined {
  const word = readWord(bytes)
  const judged = word && judgeWord(word, trust, nowMs, rules)
  if (!judged?.ok || !judged.isWhole) return undefined
  const { people, saying } = judged.judged
  return told([wordId(judged.judged.word.body), people, saying])
}

function met(bytes: Uint8Array): string | undefined {
  const peers = acquaintances()
  return peers.meet(host.id, bytes) === undefined ? told(peers.holderOf(host.id)) : undefined
}

export async function allThings(): Promise<Thing[]> {
  const wish = { mesh, audience: here, issuedMs: nowMs, expiresMs: nowMs + 60_000 }
  const token = bytesOf(await mintToken(wish, credentialOf(ada), ada))
  const joinToken = formatJoinToken({
    mesh,
    seed: new Uint8Array(32).fill(20),
    swarmKey: new Uint8Array(32).fill(5),
    expiresMs: nowMs,
    addresses: ['/ip4/10.0.0.7/tcp/4130'],
  })
  const asPeer = { kind: 'peer', name: 'n7', roles: ['agent' as const] } as const
  const head = signHead({ sequence: 9, hash: toOctets(new Uint8Array(32).fill(3)) }, host)
  const release = releaseOf({ covers: [{ id: 'ab'.repeat(16), epoch: 1 }] })
  const sealing = sealingKeyFrom(new Uint8Array(32).fill(1))
  const chance = new Uint8Array(44).fill(9)
  const things: Thing[] = [
    {
      name: 'what a peer shows',
      bytes: encode(Introduction, { credential: credentialOf(host, asPeer) }),
      believed: met,
    },
    {
      name: 'a person’s certificate',
      bytes: encode(Credential, credentialOf(ada)),
      believed(bytes) {
        const read = decode(Credential, bytes)
        const found = read.ok ? believe(read.value, trust, nowMs) : undefined
        return found?.ok ? told(found.holder) : undefined
      },
    },
    {
      name: 'a signed command',
      bytes: encode(Envelope, envelopeOf({ object: 'r7' })),
      believed(bytes) {
        const read = decode(Envelope, bytes)
        const opened = read.ok ? openEnvelope(read.value, trust, nowMs) : undefined
        return opened?.ok ? told([opened.command, opened.by]) : undefined
      },
    },
    {
      name: 'a sign-in token',
      bytes: token,
      // The last letter of a signature in base64 holds two bits, and has room for six.
      idleBits: 4,
      believed(bytes) {
        const opened = openToken(text(bytes), here, trust, nowMs)
        return opened.ok ? told(opened) : undefined
      },
    },
    {
      name: 'a join token',
      bytes: bytesOf(joinToken),
      believed(bytes) {
        const parsed = parseJoinToken(text(bytes))
        return parsed.ok ? told(parsed.token) : undefined
      },
    },
    {
      name: 'what proves a join token',
      bytes: encode(JoinFrame, {
        kind: 'request',
        value: {
          token: claim.token,
          name: claim.name,
          signature: tokenKey.sign(claimBytes(claim)),
        },
      }),
      believed(bytes) {
        const read = decode(JoinFrame, bytes)
        if (!read.ok || read.value.kind !== 'request') return undefined
        const { signature, ...asked } = read.value.value
        const known = asked.token === claim.token ? record : undefined
        const verdict = judgeJoin(known, { ...claim, ...asked }, signature, nowMs, () => false)
        return verdict.ok ? told(asked) : undefined
      },
    },
    {
      name: 'the raise of a stop',
      bytes: encode(StopWord, signed(raiseOf(), operator)),
      believed: (bytes) => believedWord(bytes),
    },
    {
      name: 'a release by two people',
      bytes: encode(StopWord, signed(release, admin, otherAdmin)),
      believed: (bytes) => believedWord(bytes, two),
    },
    {
      name: 'the word that takes a key back',
      bytes: revoking(keyNumber(8).id),
      believed(bytes) {
        const judged = judgeRevocation(bytes, trust, { kind: 'heard', nowMs })
        return judged.ok ? told(judged.revoked) : undefined
      },
    },
    {
      name: 'the head of an audit log',
      bytes: encode(AuditHead, head),
      believed(bytes) {
        const read = decode(AuditHead, bytes)
        if (!read.ok || !isHeadOf({ ...read.value, peer: host.id })) return undefined
        return told([read.value.sequence, read.value.hash])
      },
    },
    {
      name: 'a digest',
      bytes: encode(Signed, seal.seal(digest)),
      believed(bytes) {
        const read = decode(Signed, bytes)
        const opened = read.ok ? seal.openDigest(read.value) : 'garbled'
        return typeof opened === 'string' ? undefined : told(opened)
      },
    },
    {
      name: 'a profile',
      bytes: packed,
      believed(bytes) {
        const opened = seal.openProfile(bytes)
        const name = opened && Buffer.from(opened.hash).toString('hex')
        return name === nameOfProfile ? told(opened?.profile) : undefined
      },
    },
    {
      name: 'a sealed secret',
      bytes: sealedTo(sealing.publicKey, bytesOf('a value'), 'secret a', chance),
      believed(bytes) {
        const opened = sealing.open(bytes, 'secret a')
        return opened && createHash('sha256').update(opened).digest('hex')
      },
    },
  ]
  return things
}
