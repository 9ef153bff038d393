/** How large trees are that hosts grow together, and how they are grown. Found on the shared traces. */
import { assert } from '../../../protocol/assert.ts'
import { federationLimits } from '../limits.ts'

export const treesLimits = {
  /** Grown at once, in one bag, each from other rows and other features. */
  inBag: 2,
  /** Cuts from the root to a leaf. */
  depthMax: 5,
  /** Cuts that a tree may look at, of all its features together. */
  cutsMax: 120,
  /** Rows that one host counts for a tree: more give it no more of a voice. */
  rowsMax: 1_000,
  /** Share of a host's rows that a tree is shown, where that is not more. */
  rowShare: 0.8,
  /** Rows of a leaf, of all hosts together: fewer say nothing of others. */
  leafRowsMin: 30,
  /** What is gained by a cut, as chance alone hardly ever does: in squares of deviations. */
  gainMin: 6,
  /** Steps into which it is cut how far rows lie off what is said so far. */
  offSteps: 20,
  /** What of a bag's answer is taken. */
  rate: 0.4,
  /** How wide the steps are of the first bag, by which it is told how far rows lie off: nothing is known yet. */
  firstSpread: 4,
  /** So many rows of a leaf count as much as knowing nothing. */
  doubt: 8,
  /**
   * By their votes hosts have to gain more than so many times what the mean of as many strays by. Where
   * they gain nothing a bag is kept in 11 to 18 of 100 cases (without this in 18 to 50), and in 96 and more
   * where they gain twice what the votes of one stray by, except of three hosts, with 92.
   */
  gainStrays: 2,
  /** In one masked sum: as many as all hosts that there may be are told of. */
  hostsMax: 16,
  /**
   * Of all trees of a forest that real hosts grow; beyond, they begin another one. To make a version of
   * so many takes 15 ms, in one go (measured).
   */
  nodesMax: 1_500,
} as const

/** Keys, shares, digests: what each says, or is told, of each other in a masked sum. */
export const perPeerBytes = 544
const { inBag, depthMax, cutsMax, offSteps, rowsMax, hostsMax } = treesLimits
const { roundBytesMax, parametersMax, clientsMax } = federationLimits

/** Two counts go into each number. */
export const countsInNumber = 2
const leaves = 2 ** depthMax
/** Of a node: rows, and those below each of three quantiles; in all, and up to each cut. */
const nodeCounts = 4 * (1 + cutsMax)
/** Of each leaf, for each quantile: rows that are learned from, and rows that are held back. */
const leafCounts = 2 * 3 * offSteps
assert(
  inBag * Math.max((leaves / 4) * nodeCounts, leaves * leafCounts) <=
    countsInNumber * parametersMax,
  'the widest row of trees must fit into one sum',
)
// One node stands for two: what goes right is what does not go left.
const bagNumbers = (inBag * ((leaves / 2) * nodeCounts + leaves * leafCounts)) / countsInNumber
assert(
  4 * bagNumbers + (depthMax + 1) * perPeerBytes * hostsMax < roundBytesMax,
  'what a host says for a bag must fit into a round',
)
assert(clientsMax * rowsMax < 2 ** 16, 'what all hosts count must fit into half a number')
