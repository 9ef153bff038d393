/** What this agent knows of the others: who is of the mesh, who is alive, who leads. */
import type { PeerId } from '../protocol/identity/peer-id.ts'
import { leaderAmong } from './ledger/rumours.ts'
import type { LedgerService } from './ledger/service.ts'
import type { MembershipService } from './membership/service.ts'
import type { TrustedNetwork } from './trust/trusted-network.ts'
import type { Leading } from './work/unproven.ts'

export interface OutlookParts {
  readonly membership: MembershipService
  readonly ledger: LedgerService
  readonly peers: TrustedNetwork
  isRevoked(peer: PeerId): boolean
  /** It is to show what it may, soon. */
  meet(peer: PeerId): void
}

export class Outlook {
  readonly #parts: OutlookParts

  constructor(parts: OutlookParts) {
    this.#parts = parts
  }

  /** Of the mesh, as far as is known here, and neither gone for good nor turned out. */
  isHost(peer: PeerId): boolean {
    const member = this.#parts.membership.members().find(({ id }) => id === peer)
    if (member === undefined || member.state === 'left') return false
    return !this.#parts.isRevoked(peer)
  }

  othersAlive(): PeerId[] {
    const members = this.#parts.membership.members()
    return members.filter(({ self, state }) => !self && state === 'alive').map(({ id }) => id)
  }

  /** Others that are alive and hold the ledger, as far as is known here; voters first. */
  holders(): PeerId[] {
    const { voters = [] } = this.#parts.ledger.config ?? {}
    const votes = new Set(voters.map(({ id }) => id))
    const others = this.#parts.membership
      .members()
      .filter(
        ({ self, state, digest }) => !self && state === 'alive' && digest.ledger !== undefined,
      )
      .map(({ id }) => id)
    return [...others.filter((id) => votes.has(id)), ...others.filter((id) => !votes.has(id))]
  }

  /** Who leads: by the log, or by gossip where no leader is heard. */
  leader(): { leader?: PeerId | undefined; term: number } {
    return this.#parts.ledger.heardLeader() ?? this.rumouredLeader()
  }

  /** Whether that peer leads in that term. */
  leads(peer: PeerId, term: number): Leading {
    const { leader, term: known } = this.leader()
    if (leader === peer && known === term) return 'yes'
    if (term > known || leader === undefined) return 'unknown'
    return 'no'
  }

  /** Of those who say so, and have shown that they may. Whom nobody has met yet is met first. */
  rumouredLeader(): { leader: PeerId | undefined; term: number } {
    const members = this.#parts.membership.members()
    const leader = leaderAmong(members, (id) => {
      if (this.#parts.peers.holderOf(id) === undefined) this.#parts.meet(id)
      return this.#parts.peers.isCoordinator(id)
    })
    const record = members.find(({ id }) => id === leader)?.digest.ledger
    return { leader, term: record?.term ?? 0 }
  }
}
