/**
 * The agreed ledger version. The leader proposes a higher one only when every voter has said that
 * it supports it; a replica that applies it nevertheless without support stops (see machine.ts).
 */
import { field, message, uint } from '../../wire/schema.ts'
import { done, kind } from './kind.ts'

const VersionRaise = message('VersionRaise', { to: field(1, uint()) })

export const versionKinds = {
  versionRaise: kind(16, 1, 'alone', VersionRaise, (tx, { to }) => {
    if (to <= tx.version) return { code: 'stale', revision: tx.version }
    if (to > ledgerVersionMax) return { code: 'tooLarge' }
    tx.version = to
    tx.tell({ kind: 'versionRaised', version: to })
    return done(tx)
  }),
}

/** A version is one byte before each entry. */
export const ledgerVersionMax = 255
