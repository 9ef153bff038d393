/**
 * What members say, made without any member: valid digests, profiles and frames under identities
 * of the fuzzer's own, to be sent as they are, wounded, or with a lie in them. The same entropy
 * gives the same bytes.
 */

import { RaftFrame } from '../../protocol/consensus/messages.ts'
import { estopLimits } from '../../protocol/estop/limits.ts'
import { handOf, type StopWord, sayWord } from '../../protocol/estop/word.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import {
  type PeerId,
  peerIdFromPublicKey,
  type Signer,
  signerFromSeed,
} from '../../protocol/identity/peer-id.ts'
import { Digest, Profile } from '../../protocol/membership/digest.ts'
import {
  type CarriedDigest,
  MembershipFrame,
  type News,
} from '../../protocol/membership/messages.ts'
import { below, type Entropy, pick } from '../../protocol/ports/entropy.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { WorkFrame } from '../../protocol/work/messages.ts'
import { between, joined, lengthField, textField, varintField } from './fuzz-bytes.ts'

const nobodysNews: News = { claims: [], digests: [] }

export class Forger {
  readonly signer: Signer
  private readonly entropy: Entropy

  static of(seed: Uint8Array, entropy: Entropy): Forger {
    return new Forger(entropy, signerFromSeed(seed))
  }

  constructor(entropy: Entropy, signer = signerFromSeed(entropy.bytes(32))) {
    this.entropy = entropy
    this.signer = signer
  }

  profile(): Uint8Array {
    return encode(Profile, {
      owner: this.signer.id,
      name: `fuzz-${this.signer.id.slice(-6)}`,
      addresses: ['/ip4/127.0.0.1/tcp/9'],
      labels: { fuzz: 'yes' },
      agentVersion: '0.0.0',
      platform: 'linux-x64',
      cores: between(this.entropy, 1, 64),
      memoryBytes: this.entropy.uint32(),
      incarnation: 1,
    })
  }

  /** Of this forger itself, so that it can be signed well, or badly. */
  digest(sequence = between(this.entropy, 1, 1_000)): CarriedDigest {
    const body = encode(Digest, {
      owner: this.signer.id,
      incarnation: 1,
      sequence,
      left: false,
      wireVersion: 1,
      agentVersion: '0.0.0',
      profileHash: this.entropy.bytes(16),
      labelsHash: this.entropy.bytes(8),
      localHealth: 0,
      runningAttempts: below(this.entropy, 10),
      intervalMs: 1_000,
    })
    const context = new TextEncoder().encode('skein digest v1\n')
    const signature = this.signer.sign(joined(context, body))
    return {
      owner: this.signer.id,
      incarnation: 1,
      sequence,
      signed: { body, signature },
      ageMs: below(this.entropy, 5_000),
    }
  }

  forgedDigest(): CarriedDigest {
    const digest = this.digest()
    const signature = digest.signed.signature.slice()
    const at = below(this.entropy, signature.length)
    signature[at] = (signature[at] ?? 0) ^ between(this.entropy, 1, 255)
    return { ...digest, signed: { ...digest.signed, signature } }
  }

  /** What stands outside is not what was signed inside. */
  garbledDigest(): CarriedDigest {
    const digest = this.digest()
    const other = this.stranger()
    const lies: CarriedDigest[] = [
      { ...digest, owner: other },
      { ...digest, incarnation: between(this.entropy, 2, 1_000) },
      { ...digest, sequence: digest.sequence + between(this.entropy, 1, 1_000) },
      { ...digest, signed: { ...digest.signed, body: this.entropy.bytes(40) } },
    ]
    return pick(this.entropy, lies) as CarriedDigest
  }

  /** Nobody's id: its key would have to be found first. */
  stranger(): PeerId {
    return peerIdFromPublicKey(this.entropy.bytes(32))
  }

  gossip(news: Partial<News>): Uint8Array {
    return encode(MembershipFrame, {
      kind: 'gossip',
      value: { news: { ...nobodysNews, ...news } },
    })
  }

  /** A frame of any kind that members know, in good form. */
  anyFrame(): Uint8Array {
    const seq = this.entropy.uint32()
    const news: News = {
      claims: [{ about: this.stranger(), rank: 1, incarnation: seq, by: this.signer.id }],
      digests: [this.forgedDigest()],
    }
    const entry = { about: this.stranger(), incarnation: 1, sequence: seq, rank: 0 }
    const frames: MembershipFrame[] = [
      { kind: 'ping', value: { seq, news } },
      { kind: 'ack', value: { seq, news } },
      { kind: 'pingRequest', value: { seq, target: this.stranger(), news } },
      { kind: 'nack', value: { seq } },
      { kind: 'gossip', value: { news } },
      { kind: 'summary', value: { first: '', end: '', entries: [entry] } },
      { kind: 'repair', value: { news, profiles: [], want: [this.stranger()] } },
      { kind: 'fetch', value: { profilesOf: [this.stranger()] } },
      { kind: 'profiles', value: { profiles: [] } },
    ]
    return encode(MembershipFrame, pick(this.entropy, frames) as MembershipFrame)
  }
}

/** Everything that is known, please: an empty summary of all ids. */
export function askForEverything(): Uint8Array {
  const value = { first: '', end: '', entries: [] }
  return encode(MembershipFrame, { kind: 'summary', value })
}

export function ping(seq: number): Uint8Array {
  return encode(MembershipFrame, { kind: 'ping', value: { seq, news: nobodysNews } })
}

export function nack(seq: number): Uint8Array {
  return encode(MembershipFrame, { kind: 'nack', value: { seq } })
}

/** `profiles` with one profile; by hand, because an honest sender would not sign it so. */
export function profiles(packed: Uint8Array): Uint8Array {
  return lengthField(9, lengthField(1, packed))
}

/** What only a leader says: here is work for you. */
export function work(entropy: Entropy): Uint8Array {
  const term = between(entropy, 1, 1_000_000)
  const assignment: Assignment = {
    id: { run: 'fuzz', stage: `s${entropy.uint32()}`, attempt: 1 },
    fence: { term, index: 1 },
    step: { kind: 'program', value: { argv: ['/bin/true'] } },
    workflow: 'fuzz',
    env: {},
    secrets: {},
    secretFiles: {},
    artifacts: [],
    artifactsFrom: [],
    timeouts: {},
    resources: { custom: {} },
  }
  return encode(WorkFrame, { kind: 'assign', value: { term, assignments: [assignment] } })
}

/** What only coordinators say of the log: of a term that is not there yet. */
export function ballot(entropy: Entropy): Uint8Array {
  const term = between(entropy, 1_000, 1_000_000)
  const at = { lastIndex: between(entropy, 1, 1_000_000), lastTerm: term }
  const meant = { prevIndex: 0, prevTerm: 0, commit: at.lastIndex, entries: [] }
  const ballots: RaftFrame[] = [
    { kind: 'preVoteRequest', value: { term, ...at } },
    { kind: 'voteRequest', value: { term, ...at, handover: true } },
    { kind: 'voteAnswer', value: { term, storage: entropy.uint32(), granted: true } },
    { kind: 'append', value: { term, ...meant } },
    { kind: 'heartbeat', value: { term, commit: at.lastIndex, round: 1 } },
    { kind: 'commitNotice', value: { term, commit: at.lastIndex } },
    { kind: 'timeoutNow', value: { term } },
  ]
  return encode(RaftFrame, pick(entropy, ballots) as RaftFrame)
}

/** A raise or a release, of all that is, by the hand of whoever holds that key. */
export function stopWord(
  entropy: Entropy,
  mesh: MeshId,
  credential: Credential,
  signer: Signer,
): StopWord {
  const said = {
    mesh,
    scope: { kind: 'mesh' } as const,
    epoch: between(entropy, 1, 1_000),
    reason: 'fuzz',
    nonce: entropy.bytes(estopLimits.nonceBytes),
    issuedMs: 0,
  }
  const raises = below(entropy, 2) === 0
  const id = Buffer.from(entropy.bytes(estopLimits.idBytes)).toString('hex')
  const covers = { covers: [{ id, epoch: said.epoch }], floor: 0 }
  const body = sayWord(
    raises ? { ...said, act: 'raise', mode: 'kill' } : { ...said, act: 'release', ...covers },
  )
  return { body, hands: below(entropy, 4) === 0 ? [] : [handOf(body, credential, signer)] }
}

// ── Around what is said ─────────────────────────────────────────────────────────────────────────

export function envelope(
  payload: Uint8Array | undefined,
  ids: { requestId?: number; responseTo?: number; refusal?: string } = {},
): Uint8Array {
  return joined(
    ...(ids.requestId === undefined ? [] : [varintField(1, ids.requestId)]),
    ...(ids.responseTo === undefined ? [] : [varintField(2, ids.responseTo)]),
    ...(payload === undefined ? [] : [lengthField(3, payload)]),
    ...(ids.refusal === undefined ? [] : [textField(4, ids.refusal)]),
  )
}

/** A question to a service, as `Calls` words it. */
export function call(service: string, body: Uint8Array): Uint8Array {
  return lengthField(1, joined(textField(1, service), lengthField(2, body)))
}
