/** What peers may say, for those who listen to them. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Purpose } from '../../protocol/ports/network.ts'

export interface Ranks {
  /** Whether that peer may say this. If not, it is counted and told of. */
  maySay(peer: PeerId, purpose: Purpose, kind: string): boolean
}

/** Among hosts that are not looked at: parts of an agent by themselves, in a laboratory. */
export const equals: Ranks = { maySay: () => true }
