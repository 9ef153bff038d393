/**
 * All that stands in the ledger under the mesh key. What is not in this table is not sealed anew when
 * another key comes, and nobody could open it then: whoever seals something has a place here.
 */
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { aboutIssuer, ISSUER_KEY, ISSUING } from '../joining/wire.ts'
import { aboutKept, KEY_ROW, NAMESPACE as SWARM, SwarmRow } from '../swarm/wire.ts'
import { type MeshKeyId, type Sealing, sealingIn } from './sealed.ts'
import { aboutValue, NAMESPACE as SECRETS, SecretRow, VALUE_PREFIX } from './wire.ts'

export type PlaceName = 'secrets' | 'issuing key' | 'swarm key'

/** Where one value stands. */
export interface SealedAt {
  readonly place: PlaceName
  readonly key: string
}

export interface SealedRow extends SealedAt {
  /** As packed by `packSealing`. */
  readonly packed: Uint8Array
  readonly sealing: Sealing
  readonly about: string
  /** The same row with that in its place, where nobody has changed it since. */
  with(packed: Uint8Array): SimpleCommand
}

interface Place {
  readonly namespace: string
  /** Of its keys. */
  readonly prefix: string
  /** Undefined for what is no row of this place. */
  read(key: string, value: Uint8Array): Found | undefined
}

interface Found {
  packed: Uint8Array
  about: string
  with(packed: Uint8Array): Uint8Array
}

const places: { readonly [P in PlaceName]: Place } = {
  secrets: {
    namespace: SECRETS,
    prefix: VALUE_PREFIX,
    read: (key, value) => {
      const row = decode(SecretRow, value)
      if (!row.ok) return undefined
      const about = aboutValue(key.slice(VALUE_PREFIX.length))
      const { sealed } = row.value
      return {
        packed: sealed,
        about,
        with: (other) => encode(SecretRow, { ...row.value, sealed: other }),
      }
    },
  },
  'issuing key': {
    namespace: ISSUING,
    prefix: ISSUER_KEY,
    read: (key, value) =>
      key === ISSUER_KEY
        ? { packed: value, about: aboutIssuer, with: (other) => other }
        : undefined,
  },
  'swarm key': {
    namespace: SWARM,
    prefix: KEY_ROW,
    read: (key, value) => {
      const row = key === KEY_ROW ? decode(SwarmRow, value) : undefined
      if (!row?.ok) return undefined
      const { sealed, madeMs } = row.value
      const about = aboutKept(madeMs)
      return {
        packed: sealed,
        about,
        with: (other) => encode(SwarmRow, { ...row.value, sealed: other }),
      }
    },
  },
}

const names = Object.keys(places) as PlaceName[]

export function* sealedRows(state: LedgerState): Generator<SealedRow> {
  for (const place of names) {
    const { namespace, prefix } = places[place]
    for (const { key, value, revision } of kvRows(state, namespace, prefix)) {
      const row = rowOf(place, key, value, revision)
      if (row !== undefined) yield row
    }
  }
}

/** As it is now. */
export function sealedRowAt(state: LedgerState, { place, key }: SealedAt): SealedRow | undefined {
  const { namespace } = places[place]
  const held = kvRow(state, namespace, key)
  return held && rowOf(place, key, held.value, held.revision)
}

/** Where something stands under that key. */
export function standingUnder(state: LedgerState, id: MeshKeyId): SealedAt[] {
  const found: SealedAt[] = []
  for (const { place, key, sealing } of sealedRows(state)) {
    if (sealing.key === id) found.push({ place, key })
  }
  return found
}

export function secretNameAt({ place, key }: SealedAt): string | undefined {
  return place === 'secrets' ? key.slice(VALUE_PREFIX.length) : undefined
}

function rowOf(
  place: PlaceName,
  key: string,
  value: Uint8Array,
  expect: number,
): SealedRow | undefined {
  const { namespace, read: found } = places[place]
  const row = found(key, value)
  if (row === undefined) return undefined
  const { packed, about } = row
  return {
    place,
    key,
    packed,
    about,
    sealing: sealingIn(packed),
    with: (other) => kvPut(namespace, key, row.with(other), expect),
  }
}
