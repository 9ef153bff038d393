import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type PeerId, signerFromSeed, verify } from '../../protocol/identity/peer-id.ts'
import { Membership } from '../../protocol/membership/core.ts'
import {
  type Digest,
  labelsHash,
  packProfile,
  profileHash,
  type Seal,
  sealWith,
} from '../../protocol/membership/digest.ts'
import { limits } from '../../protocol/membership/limits.ts'
import { MembershipFrame } from '../../protocol/membership/messages.ts'
import { rankOf } from '../../protocol/membership/roster.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const signers = [1, 2, 3, 4].map((byte) => signerFromSeed(new Uint8Array(32).fill(byte)))
const [self, ...others] = signers as [(typeof signers)[0], ...typeof signers]

function sealOf(signer: (typeof signers)[0]): Seal {
  return sealWith({ sign: (bytes) => signer.sign(bytes), verify })
}

const profile = {
  name: 'n',
  addresses: [],
  labels: {},
  agentVersion: '0.1.0',
  platform: 'test',
  cores: 1,
  memoryBytes: 1,
}

function coreOf(signer = self): Membership {
  return new Membership(
    { id: signer.id, seal: sealOf(signer), profile, wireVersion: 1, incarnation: 1 },
    new SeededEntropy('laws'),
    0,
    { lifeguard: true, probeIntervalMs: 500 },
  )
}

function carried(
  signer: (typeof signers)[0],
  incarnation: number,
  sequence: number,
  left = false,
  owner: PeerId = signer.id,
) {
  const packed = packProfile({ ...profile, owner: signer.id, incarnation: 1 })
  const digest: Digest = {
    owner,
    incarnation,
    sequence,
    left,
    wireVersion: 1,
    agentVersion: '0.1.0',
    profileHash: profileHash(packed),
    labelsHash: labelsHash({}),
    localHealth: 0,
    runningAttempts: 0,
    intervalMs: 1_000,
  }
  return { owner, incarnation, sequence, signed: sealOf(signer).seal(digest), ageMs: 0 }
}

const digestArbitrary = fc.record({
  who: fc.integer({ min: 0, max: others.length - 1 }),
  incarnation: fc.integer({ min: 0, max: 4 }),
  sequence: fc.integer({ min: 1, max: 4 }),
  left: fc.boolean(),
})
const claimArbitrary = fc.record({
  who: fc.integer({ min: 0, max: others.length }),
  incarnation: fc.integer({ min: 0, max: 5 }),
  rank: fc.integer({ min: 0, max: 5 }),
  by: fc.integer({ min: 0, max: others.length - 1 }),
})
const stepArbitrary = fc.record({
  afterMs: fc.integer({ min: 0, max: 3_000 }),
  digests: fc.array(digestArbitrary, { maxLength: 3 }),
  claims: fc.array(claimArbitrary, { maxLength: 3 }),
})

test('belief in a member only moves forward in incarnation and rank, whatever is heard and when', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 25 }), (steps) => {
      const core = coreOf()
      let nowMs = 0
      const before = new Map<PeerId, { incarnation: number; rank: number }>()
      for (const { afterMs, digests, claims } of steps) {
        nowMs += afterMs
        if (nowMs >= core.wakeAtMs) core.wake(nowMs)
        const news = {
          digests: digests.map(({ who, incarnation, sequence, left }) =>
            carried(others[who] as typeof self, incarnation, sequence, left),
          ),
          claims: claims.map(({ who, incarnation, rank, by }) => ({
            about: who === others.length ? self.id : (others[who]?.id as PeerId),
            incarnation,
            rank,
            by: others[by]?.id as PeerId,
          })),
        }
        core.receive((others[0] as typeof self).id, { kind: 'gossip', value: { news } }, nowMs)
        core.takeOutput()
        for (const member of core.roster.all()) {
          const was = before.get(member.id)
          const is = { incarnation: member.incarnation, rank: rankOf[member.state] }
          if (was) {
            assert.ok(
              is.incarnation > was.incarnation ||
                (is.incarnation === was.incarnation && is.rank >= was.rank),
              `${JSON.stringify(was)} became ${JSON.stringify(is)}`,
            )
          }
          before.set(member.id, is)
        }
      }
    }),
    { numRuns: 300 },
  )
})

function accusedOf(core: Membership, rank: number, incarnation: number): void {
  const by = (others[0] as typeof self).id
  const news = { digests: [], claims: [{ about: self.id, rank, incarnation, by }] }
  core.receive(by, { kind: 'gossip', value: { news } }, 10)
}

for (const rank of [rankOf.suspect, rankOf.dead]) {
  test(`a node that is called ${rank === rankOf.dead ? 'dead' : 'suspect'} answers with a higher incarnation`, () => {
    const core = coreOf()
    accusedOf(core, rank, 1)
    assert.equal(core.digest.incarnation, 2)
  })
}

test('an incarnation that nobody can have signed changes nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }), (incarnation) => {
      const core = coreOf()
      accusedOf(core, rankOf.dead, incarnation)
      assert.equal(core.digest.incarnation, 1)
      assert.equal(core.ignored.claimAheadOfDigest, 1)
    }),
  )
})

test('numbers at the end of what a number holds neither stop a node nor travel on', () => {
  const other = others[0] as typeof self
  const most = Number.MAX_SAFE_INTEGER
  for (const digest of [
    carried(other, most, 1),
    carried(other, 1, most),
    { ...carried(other, 1, 1), ageMs: most },
  ]) {
    const core = coreOf()
    core.receive(
      other.id,
      { kind: 'gossip', value: { news: { claims: [], digests: [digest] } } },
      10,
    )
    for (let nowMs = 20; nowMs < 3_000; nowMs += 10) core.wake(nowMs)
    for (const { frame } of core.takeOutput().sends) encode(MembershipFrame, frame)
  }
})

test('an accuser that missed the refutation is told again', () => {
  const core = coreOf()
  accusedOf(core, rankOf.suspect, 1)
  core.takeOutput()
  accusedOf(core, rankOf.suspect, 1)
  const told = core
    .takeOutput()
    .sends.flatMap(({ to, frame }) =>
      to === others[0]?.id && frame.kind === 'gossip' ? frame.value.news.digests : [],
    )
  assert.deepEqual(
    told.map(({ owner, incarnation }) => [owner, incarnation]),
    [[self.id, 2]],
  )
})

test('a digest in another’s name, or changed on the way, is refused and its bearer named', () => {
  const [bearer, victim] = others as [typeof self, typeof self]
  const forged = carried(bearer, 9, 9, false, victim.id)
  const genuine = carried(victim, 3, 1)
  const changed = new Uint8Array(genuine.signed.body)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  const tampered = { ...genuine, signed: { ...genuine.signed, body: changed } }
  const mislabelled = { ...genuine, incarnation: 7 }
  for (const digest of [forged, tampered, mislabelled]) {
    const core = coreOf()
    core.receive(
      bearer.id,
      { kind: 'gossip', value: { news: { claims: [], digests: [digest] } } },
      10,
    )
    assert.equal(core.roster.get(victim.id), undefined)
    assert.equal(core.takeOutput().faults[0]?.peer, bearer.id)
  }
})

test('a roster that is full turns strangers away and keeps whom it knows', () => {
  const core = coreOf()
  const [first] = others as [typeof self]
  const hear = (signer: typeof self) => {
    const news = { claims: [], digests: [carried(signer, 1, 1)] }
    core.receive(first.id, { kind: 'gossip', value: { news } }, 10)
    core.takeOutput()
  }
  hear(first)
  for (let i = 0; core.roster.size < limits.membersMax; i++) {
    const seed = new Uint8Array(32)
    new DataView(seed.buffer).setUint32(0, i + 1_000)
    hear(signerFromSeed(seed))
  }
  hear(others[1] as typeof self)
  assert.equal(core.roster.size, limits.membersMax)
  assert.equal(core.roster.get((others[1] as typeof self).id), undefined)
  assert.ok(core.roster.get(first.id))
  assert.ok((core.ignored.rosterFull ?? 0) >= 1)
})

test('however many say that they got no answer, a node doubts itself by whole numbers', () => {
  const core = coreOf()
  for (const signer of others) {
    const news = { claims: [], digests: [carried(signer, 1, 1)] }
    core.receive(signer.id, { kind: 'gossip', value: { news } }, 10)
  }
  let asked = 0
  for (let nowMs = 10; nowMs < 10_000; nowMs = core.wakeAtMs) {
    core.wake(nowMs)
    for (const { to, frame } of core.takeOutput().sends) {
      if (frame.kind !== 'pingRequest') continue
      asked++
      const nack: MembershipFrame = { kind: 'nack', value: { seq: frame.value.seq } }
      for (let i = 0; i < 10; i++) core.receive(to, nack, nowMs)
    }
    assert.ok(Number.isInteger(core.health.score) && core.health.score >= 0)
  }
  assert.ok(asked > 0)
})

test('every kind of frame is answered without throwing, from a stranger too', () => {
  const from = (others[0] as typeof self).id
  const news = { claims: [], digests: [] }
  const frames: MembershipFrame[] = [
    { kind: 'ping', value: { seq: 1, news } },
    { kind: 'ack', value: { seq: 99, news } },
    { kind: 'pingRequest', value: { seq: 1, target: self.id, news } },
    { kind: 'nack', value: { seq: 5 } },
    { kind: 'gossip', value: { news } },
    { kind: 'summary', value: { first: '', end: '', entries: [] } },
    { kind: 'repair', value: { news, profiles: [], want: [self.id, from] } },
    { kind: 'fetch', value: { profilesOf: [self.id, from] } },
    { kind: 'profiles', value: { profiles: [] } },
  ]
  for (const frame of frames) {
    const core = coreOf()
    core.receive(from, frame, 10)
    core.takeOutput()
  }
})
