/**
 * Join tokens in the ledger. What a person decides of one and what becomes of it are rows apart,
 * because they are written by different hands: `token/ID` with what it grants and `revoked/ID` by
 * people, `used/ID` with whom it let in by the leader alone. None of it is secret.
 */

import { certificateLimits } from '../../protocol/identity/limits.ts'
import { parsePeerId } from '../../protocol/identity/peer-id.ts'
import { isPeerRole } from '../../protocol/identity/roles.ts'
import type { TokenRecord, TokenTerms, TokenUse } from '../../protocol/joining/judging.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { joinTokenId } from '../../protocol/joining/token.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import type { KvItem } from '../../protocol/ledger/queries.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  field,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'

export const TOKENS = 'tokens'
export const TOKEN_PREFIX = 'token/'
export const REVOKED_PREFIX = 'revoked/'
const USED_PREFIX = 'used/'

const { labelNameBytesMax, labelValueBytesMax, noteBytesMax } = stateLimits
const { keyBytesMax, nameBytesMax, roleBytesMax, serialLength } = certificateLimits

const TokenRow = message('TokenRow', {
  key: field(1, text(keyBytesMax)),
  role: field(2, text(roleBytesMax)),
  labels: map(3, text(labelNameBytesMax), text(labelValueBytesMax), joinLimits.labelsMax),
  name: optional(4, text(nameBytesMax)),
  uses: field(5, uint()),
  expiresMs: field(6, uint()),
  by: field(7, text(noteBytesMax)),
  atMs: field(8, uint()),
})

const UsedRow = message('UsedTokenRow', {
  used: repeated(
    1,
    nested(
      message('TokenUse', {
        peer: field(1, text(keyBytesMax)),
        name: field(2, text(nameBytesMax)),
        serial: field(3, text(serialLength)),
        atMs: field(4, uint()),
      }),
    ),
    joinLimits.usesMax,
  ),
})

const RevokedRow = message('RevokedTokenRow', {
  by: field(1, text(noteBytesMax)),
  atMs: field(2, uint()),
})

export interface HeldToken extends TokenRecord {
  readonly id: string
  readonly by: string
  readonly atMs: number
  /** At which the row of its uses may be changed; 0: there is none yet. */
  readonly usedRevision: number
}

/** What a person grants by a token. */
export interface NewToken extends TokenTerms {
  readonly by: string
  readonly atMs: number
}

export function heldToken(state: LedgerState, id: string): HeldToken | undefined {
  const row = rowOf(state, TOKEN_PREFIX + id)
  const granted = row && grantedIn(row.value)
  if (granted === undefined) return undefined
  const usedRow = rowOf(state, USED_PREFIX + id)
  const used = usedRow && decode(UsedRow, usedRow.value)
  return {
    ...granted,
    id,
    isRevoked: rowOf(state, REVOKED_PREFIX + id) !== undefined,
    used: used?.ok ? (used.value.used as TokenUse[]) : [],
    usedRevision: usedRow?.revision ?? 0,
  }
}

export function* heldTokens(state: LedgerState): Generator<HeldToken> {
  for (const { key } of kvRows(state, TOKENS, TOKEN_PREFIX)) {
    const held = heldToken(state, key.slice(TOKEN_PREFIX.length))
    if (held !== undefined) yield held
  }
}

/** Taken by the ledger once: the id is that of the token's own key. */
export function recordToken(token: NewToken): SimpleCommand {
  const { name, ...rest } = token
  const row = { ...rest, labels: { ...token.labels }, ...(name === undefined ? {} : { name }) }
  const key = TOKEN_PREFIX + joinTokenId(token.key)
  return put(key, encode(TokenRow, row), 0)
}

export function recordTokenRevoked(id: string, by: string, atMs: number): SimpleCommand {
  return put(REVOKED_PREFIX + id, encode(RevokedRow, { by, atMs }), 0)
}

/** Only where nobody has used it since the token was looked at. */
export function recordUse({ id, used, usedRevision }: HeldToken, use: TokenUse): SimpleCommand {
  return put(USED_PREFIX + id, encode(UsedRow, { used: [...used, use] }), usedRevision)
}

export function forgetToken(id: string): SimpleCommand[] {
  return [REVOKED_PREFIX, USED_PREFIX, TOKEN_PREFIX].map((prefix) => ({
    kind: 'kvDelete',
    value: { namespace: TOKENS, key: prefix + id },
  }))
}

/** What a row of this namespace grants; undefined for one that is no token. */
export function grantedIn(value: Uint8Array): NewToken | undefined {
  const row = decode(TokenRow, value)
  if (!row.ok) return undefined
  const key = parsePeerId(row.value.key)
  const { role } = row.value
  return key && isPeerRole(role) ? { ...row.value, key, role } : undefined
}

function put(key: string, value: Uint8Array, expect: number): SimpleCommand {
  return kvPut(TOKENS, key, value, expect)
}

function rowOf(state: LedgerState, key: string): KvItem | undefined {
  return kvRow(state, TOKENS, key)
}
