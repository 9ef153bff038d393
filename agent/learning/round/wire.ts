/**
 * What whoever leads asks hosts in a federated round, and what they answer. What clients and server of
 * a masked sum say (`models/federation/masking`) travels in it as it is. No row and no bare update
 * has a form in which it could. Field numbers are for ever.
 */
import { federationLimits } from '../../../models/federation/limits.ts'
import {
  Dealing,
  Hand,
  KeyList,
  Keys,
  Masked,
  Reveal,
  Roll,
  Selection,
  Sketch,
} from '../../../models/federation/masking/messages.ts'
import { roundIdBytes } from '../../../models/federation/masking/terms.ts'
import { treesLimits } from '../../../models/federation/trees/limits.ts'
import { certificateLimits } from '../../../protocol/identity/limits.ts'
import {
  bytes,
  field,
  float,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../../../protocol/wire/schema.ts'
import { BagAsked, TreeTold } from './trees-wire.ts'

/** What came of both halves, and of each. */
const candidatesMax = 3

export const ROUND_SERVICE = 'learning/round'

export const hashLength = 64
/** Of one round. */
export const halvesMax = 2
const hash = () => text(hashLength)

/** How a host is to train. */
const Invitation = message('RoundInvitation', {
  /** The version that the round begins with. */
  base: field(1, hash()),
  steps: field(2, uint()),
  batch: field(3, uint()),
  rate: field(4, float()),
  /** FedProx's µ. */
  hold: field(5, float()),
  /** No update is longer. */
  clip: field(6, float()),
  /** In a sum, in multiples of `clip`. */
  noise: field(7, float()),
})
export type Invitation = Infer<typeof Invitation>

/** Who is in it: all that a host must know for keys of its own. */
const Beginning = message('RoundBeginning', {
  round: field(1, bytes(roundIdBytes)),
  participants: repeated(2, text(certificateLimits.keyBytesMax), federationLimits.clientsMax),
  sketch: field(3, uint()),
})
export type Beginning = Infer<typeof Beginning>

/** Of a round of trees. */
const TreesInvitation = message('RoundTreesInvitation', {
  /** The forest that trees are to be added to. */
  base: field(1, hash()),
})

/** What is to be counted, for one sum under masks. */
const Counting = message('RoundCounting', {
  begin: field(1, nested(Beginning)),
  asked: field(2, nested(BagAsked)),
})
export type Counting = Infer<typeof Counting>

/** All that is told of what came of a bag: each host makes versions of it itself. */
const TreesVoteWish = message('RoundTreesVoteWish', {
  candidates: repeated(
    1,
    nested(
      message('RoundTreesCandidate', {
        hash: field(1, hash()),
        trees: repeated(2, nested(TreeTold), treesLimits.inBag),
      }),
    ),
    candidatesMax,
  ),
})
export type TreesVoteWish = Infer<typeof TreesVoteWish>

const nothing = message('RoundNothing', {})

/** In this order, each once; of trees from `count` to `reveal` once for each row of nodes. */
const RoundStep = union('RoundStep', {
  invite: [1, Invitation],
  /** Answered when it is done. */
  train: [2, nothing],
  begin: [3, Beginning],
  deal: [4, KeyList],
  mask: [5, Hand],
  sketch: [6, Roll],
  reveal: [7, Selection],
  /** Is this host better off with that version? */
  vote: [
    8,
    message('RoundVoteWish', {
      candidate: field(1, hash()),
      /** Of a round in two halves: what came of each by itself. */
      halves: repeated(2, hash(), halvesMax),
    }),
  ],
  over: [9, nothing],
  inviteTrees: [10, TreesInvitation],
  /** Answered with keys, as `begin` is. */
  count: [11, Counting],
  voteTrees: [12, TreesVoteWish],
})
export type RoundStep = Infer<typeof RoundStep>
export type StepKind = RoundStep['kind']

export const RoundQuestion = message('RoundQuestion', {
  /** The turn of whoever leads, by which the round is fenced. */
  term: field(1, uint()),
  number: field(2, uint()),
  step: field(3, nested(RoundStep)),
})
export type RoundQuestion = Infer<typeof RoundQuestion>

/** Why a host does not do what it was asked. The first are no fault of anybody. */
export const roundRefusals = [
  'tooFewRows',
  'diverged',
  'noModel',
  'engineFailed',
  'notLeader',
  'outOfTurn',
  'otherRound',
  'beyondLimits',
  'strangers',
  'refused',
] as const
export type RoundRefusal = (typeof roundRefusals)[number]

const whyBytesMax = 480

const RoundReply = union('RoundReply', {
  refused: [
    1,
    message('RoundRefused', { code: field(1, uint()), why: field(2, text(whyBytesMax)) }),
  ],
  willing: [
    2,
    message('RoundWilling', {
      /** Rounded: how many rows it has is nobody's business, how much it counts is. */
      rows: field(1, uint()),
      /** What it had to fetch for it. */
      fetchedBytes: field(2, uint()),
    }),
  ],
  done: [3, nothing],
  keys: [4, Keys],
  dealing: [5, Dealing],
  masked: [6, Masked],
  sketch: [7, Sketch],
  reveal: [8, Reveal],
  /** How far both versions are off on rows that this host has not trained on. */
  vote: [
    9,
    message('RoundVote', {
      before: field(1, float()),
      after: field(2, float()),
      fetchedBytes: optional(3, uint()),
      /** In the order of the question. */
      halves: repeated(4, float(), halvesMax),
    }),
  ],
})
export type RoundReply = Infer<typeof RoundReply>

export const RoundAnswer = message('RoundAnswer', { reply: field(1, nested(RoundReply)) })

export function refusal(code: RoundRefusal, why: string): RoundReply {
  const number = roundRefusals.indexOf(code)
  return { kind: 'refused', value: { code: number, why: why.slice(0, whyBytesMax / 3) } }
}

export const outOfTurn = refusal('outOfTurn', 'it was asked too early, twice, or after the end')
