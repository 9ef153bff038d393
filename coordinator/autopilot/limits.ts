/** How voters are chosen and healed. */

export interface AutopilotLimits {
  /** Voters wanted: the first number of hosts for which there are that many, largest first. */
  votersBySize: readonly { hosts: number; voters: number }[]
  /** Hosts that hold the log without a vote, beside those that are to get one: any may be asked. */
  learnersMax: number
  /** A host must have been alive for so long before it is made a learner. */
  steadyMs: number
  /** A voter must have been gone for so long before another takes its place. */
  goneMs: number
  /** A learner may vote when it lacks no more entries than this. */
  lagEntriesMax: number
}

export const autopilotLimits: AutopilotLimits = {
  votersBySize: [
    { hosts: 5, voters: 5 },
    { hosts: 3, voters: 3 },
    { hosts: 1, voters: 1 },
  ],
  learnersMax: 32,
  steadyMs: 1_000,
  goneMs: 30_000,
  lagEntriesMax: 256,
}
