/** How many heads of the audit chain an agent keeps, and how often it looks for new ones. */
import { assert } from '../../protocol/assert.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'

export const headLimits = {
  /** How often heads that others have told are put on disk. What they tell is heard all the time. */
  lookMs: 10_000,
  /** Of one peer: 1 KiB. Thinned as they grow older. */
  perPeerMax: 8,
  /** When full, the peer whose newest head is the oldest gives way: a mesh is never larger. */
  peersMax: stateLimits.nodesMax,
} as const

assert(headLimits.perPeerMax >= 3, 'a first, a newest and one between them must find room')
