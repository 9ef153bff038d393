/** What was taken back, for people: of a host that is known here by its name, of this host loudly. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Revoked, revokedKey } from '../../protocol/identity/revocation.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Journal } from './journal.ts'

export interface RevokedNames {
  readonly id: PeerId
  readonly journal: Journal
  revokedIssuer(): Revoked | undefined
  readonly settings: { keyOf(peer: PeerId): PeerId }
  readonly membership: {
    members(): readonly { id: PeerId }[]
    nameOf(id: PeerId): string
  }
}

export function tellRevoked(revoked: Revoked, names: RevokedNames, log: Log): void {
  const { what, by, reason } = revoked
  const key = revokedKey(what)
  // Other certificates are told of by whoever takes them back.
  if (key === undefined)
    return names.revokedIssuer()?.what === what ? tellAlone(revoked, names, log) : undefined
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

/** The others have certificates by another issuing key; this host was away when they got them. */
function tellAlone({ by, reason }: Revoked, names: RevokedNames, log: Log): void {
  const { id, journal, membership } = names
  const whose = by === '' ? '' : ` by ${by}`
  const why = `the issuing key behind the certificate of this host was taken back${whose}`
  const text = `${why}, and the others turn it away; it comes back as it is by joining again: skein agent join with a new token`
  const fields = { by, reason }
  journal.record({
    kind: 'self.issuerRevoked',
    node: id,
    name: membership.nameOf(id),
    text,
    fields,
  })
  log.child('trust').error('the issuing key behind the certificate of this host was taken back', {
    ...fields,
    fix: 'skein agent join with a new token, then start the agent again',
  })
}
