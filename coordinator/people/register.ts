/**
 * Who is known to the mesh, and whose certificate was taken back: in the ledger, so that every agent
 * that hears of it turns them away. A person is believed by certificate alone; the register is for
 * names (each is one person's, and each key has one) and for taking back.
 */
import { grantIn } from '../../protocol/identity/certificate.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, field, message, nested } from '../../protocol/wire/schema.ts'

/** Namespaces of the ledger's keys and values that are this folder's alone. */
export const registerNamespaces = ['people', 'revoked'] as const
const [PEOPLE, REVOKED] = registerNamespaces

const Record = message('PersonRecord', {
  credential: field(1, nested(Credential)),
})
const Revocation = message('Revocation', { reason: field(1, bytes(1_024)) })

type Holder = NonNullable<ReturnType<typeof grantIn>>

export interface Person {
  holder: Holder
  /** At which the record may be changed. */
  revision: number
  isRevoked: boolean
}

/** Asked with every request: one look into the state that this agent holds. */
export function isRevokedIn(state: LedgerState, serial: string): boolean {
  return read(state, { kind: 'kvGet', namespace: REVOKED, key: serial }).value !== undefined
}

export function personNamed(state: LedgerState, name: string): Person | undefined {
  const { value: item } = read(state, { kind: 'kvGet', namespace: PEOPLE, key: keyOf(name) })
  return item === undefined ? undefined : personIn(state, item.value, item.revision)
}

export function* people(state: LedgerState): Generator<Person> {
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const from = after === undefined ? {} : { after }
    const { value } = read(state, { kind: 'kvList', namespace: PEOPLE, prefix: '', ...from })
    for (const { value: bytes, revision } of value.items) {
      const person = personIn(state, bytes, revision)
      if (person !== undefined) yield person
    }
    after = value.next
  }
}

/** Only if the record is still at that revision; 0: only if there is none. */
export function recordPerson(credential: Credential, expect: number): SimpleCommand {
  const holder = grantIn(credential.leaf)
  const value = encode(Record, { credential })
  const key = keyOf(holder?.name ?? '')
  return { kind: 'kvPut', value: { namespace: PEOPLE, key, value, expect } }
}

export function recordRevocation(serial: string, reason: string): SimpleCommand {
  const value = encode(Revocation, { reason: new Uint8Array(Buffer.from(reason)) })
  return { kind: 'kvPut', value: { namespace: REVOKED, key: serial, value } }
}

function personIn(state: LedgerState, bytes: Uint8Array, revision: number): Person | undefined {
  const read = decode(Record, bytes)
  const holder = read.ok ? grantIn(read.value.credential.leaf) : undefined
  if (holder === undefined) return undefined
  return { holder, revision, isRevoked: isRevokedIn(state, holder.serial) }
}

/** Any name fits a key of the ledger this way. */
function keyOf(name: string): string {
  return Buffer.from(name).toString('hex')
}
