/**
 * What is well signed and all the same not what it is shown as: by an older or another form of
 * signing, with parts left out, put together of several, or of another kind than it is used for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judgeWord } from '../../protocol/estop/judge.ts'
import { sayWord } from '../../protocol/estop/word.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import {
  Certificate,
  type CertificateKind,
  grantIn,
  issueCertificate,
} from '../../protocol/identity/certificate.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { openEnvelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import { type Signer, verify } from '../../protocol/identity/peer-id.ts'
import { judgeRevocation } from '../../protocol/identity/revocation.ts'
import { hasRole, isPeerRole, isPersonRole, type Role } from '../../protocol/identity/roles.ts'
import { mintToken, openToken } from '../../protocol/identity/token.ts'
import { parseJoinToken } from '../../protocol/joining/token.ts'
import { isHeadOf } from '../../protocol/ledger/audit-heads.ts'
import { sealWith } from '../../protocol/membership/digest.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  bytes,
  map,
  message,
  optional,
  repeated,
  type Schema,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { agree, WIRE_VERSION } from '../../protocol/wire/versions.ts'
import { one, raiseOf, releaseOf } from '../estop/words.ts'
import {
  acquaintances,
  ada,
  commandOf,
  credentialOf,
  envelopeOf,
  grantOf,
  issuer,
  issuerCertificate,
  mesh,
  nowMs,
  root,
  trust,
} from '../identity/parties.ts'
import { revoking } from '../identity/revoking.ts'

const here = '127.0.0.1:4131'

// ── What a signature is for ─────────────────────────────────────────────────────────────────────

const contexts = ['certificate', 'command', 'emergency stop', 'join', 'audit head', 'digest']

/** By what is signed: whether a signature over these bytes, in that form, is taken for one of it. */
const signings: Readonly<Record<string, (sign: (body: Uint8Array) => Uint8Array) => boolean>> = {
  certificate(sign) {
    const { leaf } = credentialOf(ada)
    const forged = { ...leaf, signature: sign(leaf.body) }
    return believe({ leaf: forged, issuer: issuerCertificate() }, trust, nowMs).ok
  },
  command(sign) {
    const envelope = envelopeOf()
    return openEnvelope({ ...envelope, signature: sign(envelope.body) }, trust, nowMs).ok
  },
  'emergency stop'(sign) {
    const body = sayWord(raiseOf())
    const hands = [{ credential: credentialOf(ada), signature: sign(body) }]
    return judgeWord({ body, hands }, trust, nowMs, one).ok
  },
  'audit head'(sign) {
    const head = { sequence: 9, hash: new Uint8Array(32) }
    const signature = sign(Buffer.concat([Buffer.from('9\n'), head.hash]))
    return isHeadOf({ ...head, signature, peer: ada.id })
  },
  digest(sign) {
    const seal = sealWith({ sign, verify })
    const signed = seal.seal({
      owner: ada.id,
      incarnation: 1,
      sequence: 1,
      left: false,
      wireVersion: 1,
      agentVersion: '0',
      profileHash: new Uint8Array(16),
      labelsHash: new Uint8Array(8),
      localHealth: 0,
      runningAttempts: 0,
      intervalMs: 1_000,
    })
    return typeof seal.openDigest({ ...signed, signature: sign(signed.body) }) !== 'string'
  },
}

for (const [what, isTaken] of Object.entries(signings)) {
  test(`the right key has signed ${what}, for something else or in another version: nobody takes it`, () => {
    const by = what === 'certificate' ? issuer : ada
    const signedAs = (context: string) =>
      isTaken((body) => by.sign(Buffer.concat([Buffer.from(context), body])))
    assert.equal(signedAs(`skein ${what} v1\n`), true, 'as it should be')
    for (const other of contexts.filter((each) => each !== what)) {
      assert.equal(signedAs(`skein ${other} v1\n`), false, other)
    }
    for (const form of ['', `skein ${what} v0\n`, `skein ${what} v2\n`, `skein ${what} v1`]) {
      assert.equal(signedAs(form), false, JSON.stringify(form))
    }
  })
}

test('older and other versions of what is said first are told apart, and none is spoken', () => {
  const spoken = { oldest: WIRE_VERSION, newest: WIRE_VERSION, agent: '0', node: 'n' }
  for (const [oldest, newest] of [
    [0, 0],
    [0, WIRE_VERSION],
    [2, 1],
    [WIRE_VERSION + 1, 99],
  ]) {
    const theirs = { ...spoken, oldest: oldest as number, newest: newest as number }
    assert.equal(agree(spoken, theirs).ok, false, `${oldest} to ${newest}`)
  }
  for (const prefix of ['skein0.', 'skein2.', 'skein01.', 'SKEIN1.']) {
    assert.equal(parseJoinToken(`${prefix}AAAA`).ok, false, prefix)
  }
})

test('a token that names another algorithm, or says less of itself, signs nobody in', async () => {
  const wish = { mesh, audience: here, issuedMs: nowMs, expiresMs: nowMs + 60_000 }
  const credential = credentialOf(ada)
  const [, body] = (await mintToken(wish, credential, ada)).split('.')
  const claims = JSON.parse(Buffer.from(body ?? '', 'base64url').toString()) as object
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const minted = (head: unknown, change: object, without = '') => {
    const left = Object.entries({ ...claims, ...change }).filter(([key]) => key !== without)
    const signed = `${base64(head)}.${base64(Object.fromEntries(left))}`
    return `${signed}.${Buffer.from(ada.sign(Buffer.from(signed))).toString('base64url')}`
  }
  const isIn = (token: string) => openToken(token, here, trust, nowMs).ok
  const head = { alg: 'EdDSA', typ: 'JWT' }
  assert.equal(isIn(minted(head, {})), true, 'as it should be')
  for (const alg of ['none', 'None', 'HS256', 'RS256', 'ES256', 'Ed25519', '', 1, undefined]) {
    assert.equal(isIn(minted({ ...head, alg }, {})), false, `${alg}`)
  }
  assert.equal(isIn(minted({ ...head, kid: 'x' }, {})), false, 'nothing may be added')
  for (const key of ['aud', 'iat', 'exp', 'mesh', 'credential']) {
    assert.equal(isIn(minted(head, {}, key)), false, `without ${key}`)
  }
  const seconds = nowMs / 1_000
  const wrong = { exp: [seconds - 1, '9e9', null], iat: [seconds + 3_600, null], aud: [[here]] }
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) assert.equal(isIn(minted(head, { [key]: value })), false, key)
  }
})

// ── Parts left out ──────────────────────────────────────────────────────────────────────────────

const LooseGrant = message('LooseGrant', {
  mesh: optional(1, text(64)),
  serial: optional(2, text(32)),
  kind: optional(3, text(16)),
  subject: optional(4, text(128)),
  name: optional(5, text(128)),
  roles: repeated(6, text(16), 8),
  labels: map(7, text(256), text(256), 64),
  notBeforeMs: optional(8, uint()),
  notAfterMs: optional(9, uint()),
})

const LooseCommand = message('LooseCommand', {
  mesh: optional(1, text(64)),
  verb: optional(2, text(64)),
  object: optional(3, text(128)),
  payload: optional(4, bytes(64)),
  nonce: optional(5, bytes(64)),
  issuedMs: optional(6, uint()),
  expiresMs: optional(7, uint()),
})

const LooseWord = message('LooseWord', {
  mesh: optional(1, text(64)),
  mode: optional(2, text(8)),
  scope: optional(3, text(256)),
  epoch: optional(4, uint()),
  floor: optional(6, uint()),
  reason: optional(7, text(512)),
  nonce: optional(8, bytes(64)),
  issuedMs: optional(9, uint()),
})

function without(value: object, key: string, empty: object): never {
  const { [key]: _, ...rest } = value as Record<string, unknown>
  return {
    ...rest,
    ...(key in empty ? { [key]: (empty as Record<string, unknown>)[key] } : {}),
  } as never
}

const contextual = (context: string, body: Uint8Array, by: Signer) =>
  by.sign(Buffer.concat([Buffer.from(`skein ${context} v1\n`), body]))

test('a certificate that says less than it should is none, though the right key has signed it', () => {
  const isBelieved = (value: never) => {
    const body = encode(LooseGrant as Schema<never>, value)
    const leaf = { body, issuer: issuer.id, signature: contextual('certificate', body, issuer) }
    return believe({ leaf, issuer: issuerCertificate() }, trust, nowMs).ok
  }
  const grant = grantOf(ada)
  assert.equal(isBelieved(grant as never), true, 'as it should be')
  const empty = { roles: [], labels: {} }
  for (const key of Object.keys(grant)) {
    const mayLack = key === 'labels'
    assert.equal(isBelieved(without(grant, key, empty)), mayLack, `without ${key}`)
  }
})

test('a command and a word that say less than they should are none', () => {
  const isDone = (value: never) => {
    const body = encode(LooseCommand as Schema<never>, value)
    const signature = contextual('command', body, ada)
    return openEnvelope({ body, credential: credentialOf(ada), signature }, trust, nowMs).ok
  }
  const command = commandOf()
  assert.equal(isDone(command as never), true, 'as it should be')
  for (const key of Object.keys(command))
    assert.equal(isDone(without(command, key, {})), false, key)
  assert.equal(isDone({ ...command, nonce: new Uint8Array(15) } as never), false, 'a short nonce')

  const isHeard = (value: never) => {
    const body = encode(LooseWord as Schema<never>, value)
    const hands = [
      { credential: credentialOf(ada), signature: contextual('emergency stop', body, ada) },
    ]
    return judgeWord({ body, hands }, trust, nowMs, one).ok
  }
  const { mode, epoch, reason, nonce, issuedMs } = raiseOf()
  const word = { mesh, mode, scope: 'mesh', epoch, floor: 0, reason, nonce, issuedMs }
  assert.equal(isHeard(word as never), true, 'as it should be')
  for (const key of Object.keys(word)) assert.equal(isHeard(without(word, key, {})), false, key)
  for (const change of [{ epoch: 0 }, { epoch: 2 ** 52 }, { floor: 1 }, { mode: 'slow' }]) {
    assert.equal(isHeard({ ...word, ...change } as never), false, JSON.stringify(change))
  }
  // By an operator, who may raise: what raises must not become what releases by losing its mode.
  assert.equal(isHeard({ ...word, mode: '' } as never), false)
})

// ── Put together of several ─────────────────────────────────────────────────────────────────────

test('however the parts of several credentials are put together, nobody becomes more than they are', () => {
  const pool: Certificate[] = [
    issueCertificate(grantOf(ada, { name: 'eve', roles: ['viewer'] }), issuer),
    issueCertificate(grantOf(ada, { name: 'bob', roles: ['admin'] }), issuer),
    issueCertificate(grantOf(ada, { roles: ['master'] }), root),
    issueCertificate(grantOf(ada, { kind: 'peer', roles: ['agent'] }), issuer),
    issueCertificate(grantOf(ada, { kind: 'issuer', roles: ['viewer'] }), issuer),
    issuerCertificate(),
    issuerCertificate({ roles: ['viewer'] }),
  ]
  const wholes = new Set(pool.map((one) => hexOf(one)))
  const index = fc.nat(pool.length - 1)
  const anyPart = fc.record({ body: index, issuer: index, signature: index })
  const part = fc.oneof(
    index.map((at) => pool[at] as Certificate),
    anyPart.map((at) => ({
      body: (pool[at.body] as Certificate).body,
      issuer: (pool[at.issuer] as Certificate).issuer,
      signature: (pool[at.signature] as Certificate).signature,
    })),
  )
  // Fields may come twice, and in any order.
  const fields = fc.array(fc.tuple(fc.boolean(), part), { minLength: 1, maxLength: 4 })
  let believed = 0
  fc.assert(
    fc.property(fields, (chosen) => {
      const pieces = chosen.map(([isLeaf, it]) => {
        const leaf = encode(Credential, { leaf: it })
        return isLeaf ? leaf : encode(Credential, { leaf: it, issuer: it }).subarray(leaf.length)
      })
      const read = decode(Credential, new Uint8Array(Buffer.concat(pieces)))
      const found = read.ok ? believe(read.value, trust, nowMs) : undefined
      if (!read.ok || !found?.ok) return
      believed++
      const { leaf, issuer: above } = read.value
      assert.ok(wholes.has(hexOf(leaf)) && (above === undefined || wholes.has(hexOf(above))))
      const granted = above === undefined ? undefined : grantIn(above)
      assert.equal(found.holder.roles.includes('master'), granted === undefined)
      if (granted !== undefined) assert.ok(hasRole(granted.roles, found.holder.roles))
    }),
    { numRuns: 3_000 },
  )
  assert.ok(believed > 0, 'some were whole')
})

const hexOf = (one: Certificate): string => Buffer.from(encode(Certificate, one)).toString('hex')

// ── Of another kind ─────────────────────────────────────────────────────────────────────────────

/** What somebody with such a certificate is let do with it. */
const uses: Readonly<Record<string, (credential: Credential) => boolean | Promise<boolean>>> = {
  'be of the mesh as a peer': (credential) => {
    const peers = acquaintances()
    return peers.meet(ada.id, encode(Introduction, { credential })) === undefined
  },
  'be a coordinator': (credential) => {
    const peers = acquaintances()
    peers.meet(ada.id, encode(Introduction, { credential }))
    return peers.isCoordinator(ada.id)
  },
  'issue for others': (credential) => {
    const leaf = issueCertificate(grantOf(ada, { roles: ['viewer'] }), ada)
    return believe({ leaf, issuer: credential.leaf }, trust, nowMs).ok
  },
  'sign in': async (credential) => {
    const wish = { mesh, audience: here, issuedMs: nowMs, expiresMs: nowMs + 60_000 }
    return openToken(await mintToken(wish, credential, ada), here, trust, nowMs).ok
  },
  'start a run': (credential) =>
    openEnvelope(sealEnvelope(commandOf({ verb: 'run.start' }), credential, ada), trust, nowMs).ok,
  'let a host in as coordinator': (credential) =>
    openEnvelope(
      sealEnvelope(commandOf({ verb: 'token.coordinator' }), credential, ada),
      trust,
      nowMs,
    ).ok,
  'raise a stop': (credential) => heard(raiseOf(), credential),
  'release a stop': (credential) => heard(releaseOf(), credential),
  'take a key back': (credential) => {
    const digest = callDigest({ method: 'POST', path: '/x', query: '', body: new Uint8Array() })
    const command = commandOf({ verb: 'certificate.revoke', object: ada.id, payload: digest })
    return openEnvelope(sealEnvelope(command, credential, ada), trust, nowMs).ok
  },
}

function heard(saying: Parameters<typeof sayWord>[0], credential: Credential): boolean {
  const body = sayWord(saying)
  const hands = [{ credential, signature: contextual('emergency stop', body, ada) }]
  return judgeWord({ body, hands }, trust, nowMs, one).ok
}

const [peer, coordinator, issues, signsIn] = [
  'be of the mesh as a peer',
  'be a coordinator',
  'issue for others',
  'sign in',
] as const
const acts = ['start a run', 'raise a stop']
const admins = [signsIn, ...acts, 'release a stop', 'take a key back']

/** All that each may. What is not here is refused. */
const may: Readonly<Record<string, readonly string[]>> = {
  'peer agent': [peer],
  'peer coordinator': [peer, coordinator],
  'person viewer': [signsIn],
  'person approver': [signsIn],
  'person operator': [signsIn, ...acts],
  'person admin': admins,
  'person master': [...admins, 'let a host in as coordinator'],
  'issuer viewer': [issues],
  'issuer admin': [issues],
  'issuer coordinator': [],
}

test('with a certificate of one kind nobody does what takes another', async () => {
  for (const [who, allowed] of Object.entries(may)) {
    const [kind, role] = who.split(' ') as [CertificateKind, Role]
    const credential = { leaf: issueCertificate(grantOf(ada, { kind, roles: [role] }), root) }
    for (const [use, isDone] of Object.entries(uses)) {
      assert.equal(await isDone(credential), allowed.includes(use), `${who}: ${use}`)
    }
  }
})

test('a certificate cannot be of one kind with the roles of another', () => {
  const loose = LooseGrant as Schema<never>
  for (const kind of ['issuer', 'peer', 'person', 'root', 'Person', '']) {
    for (const role of ['agent', 'coordinator', 'viewer', 'master', 'root', 'Admin', '']) {
      const body = encode(loose, { ...grantOf(ada), kind, roles: [role] } as never)
      const leaf = { body, issuer: root.id, signature: contextual('certificate', body, root) }
      const found = believe({ leaf }, trust, nowMs)
      const fits =
        (kind === 'peer' && isPeerRole(role)) || (kind === 'person' && isPersonRole(role))
      assert.equal(found.ok, fits, `${kind} ${role}`)
    }
  }
})

test('whatever is of another mesh is nothing in this one', () => {
  const elsewhere = { ...trust, mesh: 'f'.repeat(64) as typeof mesh }
  assert.equal(believe(credentialOf(ada), elsewhere, nowMs).ok, false)
  assert.equal(openEnvelope(envelopeOf(), elsewhere, nowMs).ok, false)
  assert.equal(judgeRevocation(revoking(ada.id), elsewhere, { kind: 'heard', nowMs }).ok, false)
  assert.equal(judgeRevocation(revoking(ada.id), elsewhere, { kind: 'decided' }).ok, false)
  const body = sayWord(raiseOf())
  const hands = [
    { credential: credentialOf(ada), signature: contextual('emergency stop', body, ada) },
  ]
  assert.equal(judgeWord({ body, hands }, elsewhere, nowMs, one).ok, false)
})
