/** How patient those are who bring a mesh over to another swarm key. */
import { assert } from '../../protocol/assert.ts'

export const swarmLimits = {
  /** How often a leader looks how far the hosts have come, while they go over. */
  lookMs: 1_000,
  /** For one host to answer, its disk included. */
  askMs: 3_000,
  /** Hosts that are asked at once. */
  askedAtOnce: 64,
  /** For one write to be committed. */
  appendMs: 4_000,
  /** For one connection to be made anew, and between that and the next of this host. */
  renewMs: 10_000,
  renewPauseMs: 250,
  /** Hosts that a leader can tell of. */
  hostsMax: 4_096,
} as const

assert(swarmLimits.renewPauseMs < swarmLimits.renewMs, 'one connection is renewed after another')
