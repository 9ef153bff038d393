/** Why a voter stops, beside its disk. */
import { eraOf } from '../../protocol/consensus/era.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

/** The mesh was recovered without this host: what its disk holds of the log is void. */
export class EraPassed extends Error {
  readonly era: number
  constructor(term: number) {
    super(`the mesh was recovered without this host, and is in era ${eraOf(term)}`)
    this.name = 'EraPassed'
    this.era = eraOf(term)
  }
}

/** What the leader says of committed entries is not what stands here. */
export class LogDiverged extends Error {
  constructor(leader: PeerId) {
    super(`the log differs from that of ${leader} in what was committed`)
    this.name = 'LogDiverged'
  }
}
