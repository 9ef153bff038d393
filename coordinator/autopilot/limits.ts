/** How voters are chosen and healed, and how often the ledger's house is kept. */
import { assert } from '../../protocol/assert.ts'

/** A leader looks this often at who votes. */
export const lookEveryMs = 1_000

/** While nothing changes, all of it is looked at this often; what time alone changes takes longer. */
export const calmMs = 10_000

export const housekeepingLimits = {
  /** Between two looks at what is to be tidied. */
  everyMs: 10_000,
  /** For one command: it is this host that leads, so it takes no finding of the leader. */
  timeoutMs: 5_000,
  /** Steps of one kind in a row; the rest waits for the next look. */
  stepsMax: 16,
} as const

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

assert(calmMs < autopilotLimits.goneMs, 'who falls silent in a calm is noticed before it is gone')
