/**
 * What everybody may know of the issuing keys, as the ledger has it: whose certificate the key of now
 * has, and which ones are being retired. A retiring key makes nothing any more; what it has made is
 * believed until its certificate is taken back. Those rows stay: there are as many as there were
 * rotations, and by them the leader knows whose certificate is not to be given back.
 */
import { createHash } from 'node:crypto'
import { assert } from '../../protocol/assert.ts'
import { Certificate, type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { certificateLimits } from '../../protocol/identity/limits.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import type { KvItem } from '../../protocol/ledger/queries.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, field, message, nested, text, uint } from '../../protocol/wire/schema.ts'
import { isRevokedIn } from '../people/register.ts'
import { ISSUER_KEY, ISSUING } from './wire.ts'

/** 128 bits: nobody finds a host with the digest of another. */
const digestBytes = 16
/** As many as a mesh has members. */
const hostsMax = 4_096

assert(
  hostsMax * digestBytes + 2 * certificateLimits.bodyBytesMax < stateLimits.kvValueBytesMax,
  'all hosts of a mesh must fit the row of a retiring key',
)

const CERTIFICATE = 'certificate'
const RETIRING_PREFIX = 'retiring/'

const RetiringRow = message('RetiringIssuer', {
  certificate: field(1, nested(Certificate)),
  by: field(2, text(Math.max(stateLimits.noteBytesMax, certificateLimits.nameBytesMax))),
  atMs: field(3, uint()),
  /** Digests of those who may be renewed, one behind the other. */
  hosts: field(4, bytes(stateLimits.kvValueBytesMax)),
})

/** One in whose place another has been put. */
export interface RetiringIssuer {
  readonly grant: Grant
  readonly by: string
  readonly atMs: number
}

/** The key of now; undefined also where the ledger had it before it kept this. */
export function currentIssuer(state: LedgerState): Grant | undefined {
  const row = rowOf(state, CERTIFICATE)
  const certificate = row && decode(Certificate, row.value)
  return certificate?.ok ? grantIn(certificate.value) : undefined
}

/** Whether another was put in its place, and its certificate is not taken back yet. */
export function isRetiring(state: LedgerState, serial: string): boolean {
  return rowOf(state, RETIRING_PREFIX + serial) !== undefined && !isRevokedIn(state, serial)
}

export function* retiringIssuers(state: LedgerState): Generator<RetiringIssuer> {
  for (const { key, value } of kvRows(state, ISSUING, RETIRING_PREFIX)) {
    const row = decode(RetiringRow, value)
    const grant = row.ok ? grantIn(row.value.certificate) : undefined
    if (!row.ok || grant === undefined) continue
    if (isRetiring(state, key.slice(RETIRING_PREFIX.length))) yield { ...row.value, grant }
  }
}

/** Certificates never change; each agent asks again and again what its own says. */
const grants = new WeakMap<Certificate, Grant | undefined>()

/** The issuing key that stands behind a credential. */
export function issuerBehind({ issuer }: Credential): Grant | undefined {
  if (issuer === undefined) return undefined
  if (!grants.has(issuer)) grants.set(issuer, grantIn(issuer))
  return grants.get(issuer)
}

/** Whether that is the certificate of an issuing key: the one of now, one before, or the one behind this. */
export function isIssuers(state: LedgerState, own: Credential, serial: string): boolean {
  return (
    serial === currentIssuer(state)?.serial ||
    serial === issuerBehind(own)?.serial ||
    rowOf(state, RETIRING_PREFIX + serial) !== undefined
  )
}

/** Whether a new certificate by the key of now is to take its place. */
export function isSuperseded(state: LedgerState, credential: Credential): boolean {
  const issuer = issuerBehind(credential)
  return issuer !== undefined && isRetiring(state, issuer.serial)
}

export function issuerRow(state: LedgerState): { value: Uint8Array; revision: number } | undefined {
  return rowOf(state, ISSUER_KEY)
}

/** Only where the row of the key is still at that revision; 0: only where there is none. */
export function recordIssuer(
  sealed: Uint8Array,
  certificate: Certificate,
  expect: number,
): SimpleCommand[] {
  return [put(ISSUER_KEY, sealed, expect), put(CERTIFICATE, encode(Certificate, certificate))]
}

/** `hosts`: who was of the mesh when another took its place, and may be certified anew. */
export function recordRetiring(
  certificate: Certificate,
  { by, atMs, hosts }: { by: string; atMs: number; hosts: readonly RenewableHost[] },
): SimpleCommand {
  const serial = grantIn(certificate)?.serial ?? ''
  const listed = Buffer.concat(hosts.slice(0, hostsMax).map(digestOf))
  return put(
    RETIRING_PREFIX + serial,
    encode(RetiringRow, { certificate, by, atMs, hosts: listed }),
  )
}

/**
 * A host with its certificate, as it was known then; without one, where it was only known to be there:
 * then it may be an agent again, and nothing more.
 */
export interface RenewableHost {
  readonly subject: string
  readonly serial?: string | undefined
  readonly roles: readonly string[]
}

/**
 * Whether a host with that certificate was of the mesh when the key behind it was replaced. Whoever
 * has stolen that key can make others, and would have them certified by the key of now.
 */
export function mayBeRenewed(state: LedgerState, issuer: string, holder: Grant): boolean {
  const found = rowOf(state, RETIRING_PREFIX + issuer)
  const row = found && decode(RetiringRow, found.value)
  if (!row?.ok) return false
  const { subject, serial, roles } = holder
  const isAgent = roles.every((role) => role === 'agent')
  const wanted = [digestOf({ subject, serial, roles })]
  if (isAgent) wanted.push(digestOf({ subject, roles }))
  const { hosts } = row.value
  for (let at = 0; at < hosts.length; at += digestBytes) {
    const listed = hosts.subarray(at, at + digestBytes)
    if (wanted.some((digest) => Buffer.compare(digest, listed) === 0)) return true
  }
  return false
}

function digestOf({ subject, serial = '', roles }: RenewableHost): Buffer {
  const text = [subject, serial, ...[...roles].sort()].join('\n')
  return createHash('sha256').update(text).digest().subarray(0, digestBytes)
}

function put(key: string, value: Uint8Array, expect?: number): SimpleCommand {
  return kvPut(ISSUING, key, value, expect)
}

function rowOf(state: LedgerState, key: string): KvItem | undefined {
  return kvRow(state, ISSUING, key)
}
