/**
 * What everybody may know of the issuing keys, as the ledger has it: whose certificate the key of now
 * has, and which ones are being retired. A retiring key makes nothing any more; what it has made is
 * believed until its certificate is taken back. Those rows stay: there are as many as there were
 * rotations, and by them the leader knows whose certificate is not to be given back.
 */
import { Certificate, type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { certificateLimits } from '../../protocol/identity/limits.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvRows } from '../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { field, message, nested, text, uint } from '../../protocol/wire/schema.ts'
import { isRevokedIn } from '../people/register.ts'
import { ISSUER_KEY, ISSUING } from './wire.ts'

const CERTIFICATE = 'certificate'
const RETIRING_PREFIX = 'retiring/'

const RetiringRow = message('RetiringIssuer', {
  certificate: field(1, nested(Certificate)),
  by: field(2, text(Math.max(stateLimits.noteBytesMax, certificateLimits.nameBytesMax))),
  atMs: field(3, uint()),
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

/** The issuing key that stands behind a credential. */
export function issuerBehind({ issuer }: Credential): Grant | undefined {
  return issuer && grantIn(issuer)
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

export function recordRetiring(certificate: Certificate, by: string, atMs: number): SimpleCommand {
  const serial = grantIn(certificate)?.serial ?? ''
  return put(RETIRING_PREFIX + serial, encode(RetiringRow, { certificate, by, atMs }))
}

function put(key: string, value: Uint8Array, expect?: number): SimpleCommand {
  const expected = expect === undefined ? {} : { expect }
  return { kind: 'kvPut', value: { namespace: ISSUING, key, value, ...expected } }
}

function rowOf(
  state: LedgerState,
  key: string,
): { value: Uint8Array; revision: number } | undefined {
  return read(state, { kind: 'kvGet', namespace: ISSUING, key }).value
}
