/**
 * Who is known to the mesh, and whose certificate was taken back: in the ledger, so that every agent
 * that hears of it turns them away. A person is believed by certificate alone; the register is for
 * names (each is one person's, and each key has one) and for taking back.
 */
import { grantIn } from '../../protocol/identity/certificate.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import { RevocationRow } from '../../protocol/identity/revocation.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import { revokedNamespace } from '../../protocol/ledger/namespaces.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { field, message, nested } from '../../protocol/wire/schema.ts'

/** Namespaces of the ledger's keys and values that are this folder's alone. */
export const registerNamespaces = ['people', revokedNamespace] as const
const [PEOPLE, REVOKED] = registerNamespaces

const Record = message('PersonRecord', {
  credential: field(1, nested(Credential)),
})

type Holder = NonNullable<ReturnType<typeof grantIn>>

export interface Person {
  holder: Holder
  /** As it was recorded. */
  credential: Credential
  /** At which the record may be changed. */
  revision: number
  isRevoked: boolean
}

/** Asked with every request: one look into the state that this agent holds. */
export function isRevokedIn(state: LedgerState, serial: string): boolean {
  return kvRow(state, REVOKED, serial) !== undefined
}

export function personNamed(state: LedgerState, name: string): Person | undefined {
  const item = kvRow(state, PEOPLE, keyOf(name))
  return item === undefined ? undefined : personIn(state, item.value, item.revision)
}

export function* people(state: LedgerState): Generator<Person> {
  for (const { value, revision } of kvRows(state, PEOPLE, '')) {
    const person = personIn(state, value, revision)
    if (person !== undefined) yield person
  }
}

/** Only if the record is still at that revision; 0: only if there is none. */
export function recordPerson(credential: Credential, expect: number): SimpleCommand {
  const holder = grantIn(credential.leaf)
  const value = encode(Record, { credential })
  const key = keyOf(holder?.name ?? '')
  return kvPut(PEOPLE, key, value, expect)
}

/** `what`: a serial; or, with the word by which it was decided, what that names. */
export function recordRevocation(what: string, reason: string, word?: Uint8Array): SimpleCommand {
  const told = { reason: new Uint8Array(Buffer.from(reason)) }
  const value = encode(RevocationRow, word === undefined ? told : { ...told, word })
  return kvPut(REVOKED, what, value)
}

function personIn(state: LedgerState, bytes: Uint8Array, revision: number): Person | undefined {
  const read = decode(Record, bytes)
  const credential = read.ok ? read.value.credential : undefined
  const holder = credential && grantIn(credential.leaf)
  if (credential === undefined || holder === undefined) return undefined
  return { holder, credential, revision, isRevoked: isRevokedIn(state, holder.serial) }
}

/** Any name fits a key of the ledger this way. */
function keyOf(name: string): string {
  return Buffer.from(name).toString('hex')
}
