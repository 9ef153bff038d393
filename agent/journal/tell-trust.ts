/** What was taken back, for people: of a host that is known here by its name, of this host loudly. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Revoked, revokedKey } from '../../protocol/identity/revocation.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Journal } from './journal.ts'

export interface RevokedNames {
  readonly id: PeerId
  readonly journal: Journal
  readonly settings: { keyOf(peer: PeerId): PeerId }
  readonly membership: {
    members(): readonly { id: PeerId }[]
    nameOf(id: PeerId): string
  }
}

export function tellRevoked(revoked: Revoked, names: RevokedNames, log: Log): void {
  const { what, by, reason } = revoked
  const key = revokedKey(what)
  // Certificates of people are told of by whoever takes them back.
  if (key === undefined) return
  const { id, journal, membership, settings } = names
  const known = [id, ...membership.members().map((member) => member.id)]
  const node = known.find((peer) => settings.keyOf(peer) === key) ?? key
  const name = membership.nameOf(node)
  const why = `by ${by}${reason === '' ? '' : `: ${reason}`}`
  const fields = { by, reason }
  if (node === id) {
    const text = `this host was revoked ${why}. The others turn it away, whatever certificate it shows; it can come back only with a new key: join anew with an empty data directory`
    journal.record({ kind: 'self.revoked', node, name, text, fields })
    return log.child('trust').error('this host was revoked, and is alone from now on', fields)
  }
  const text = `${name} was revoked ${why}`
  journal.record({ kind: 'node.revoked', node, name, text, fields })
  log.child('trust').warn('a host was revoked', { peer: node, name, ...fields })
}
