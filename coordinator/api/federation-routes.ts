/** The routes of learning in rounds: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { roundLimits } from '../../agent/learning/round/limits.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { families } from '../../models/registry/learned.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { roundsLimits } from '../learning/rounds/limits.ts'
import { outs, roundPhases, roundStates } from '../learning/rounds/rows.ts'
import { roundFamilies, roundRules } from '../learning/rounds/settings.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const timeMs = z.number().describe('By the calendar, in milliseconds since 1970')
const hash = z.string().describe('Of a version of the common model')
const { everyMsMin, everyMsMax, countMax, roundsMax, participantsMax } = roundsLimits
const { clientsMin } = federationLimits

const loss = z
  .number()
  .describe('Mean pinball loss of the logarithm of milliseconds, on rows that were held back')

const settings = {
  everyMs: z
    .union([z.literal(0), z.int().min(everyMsMin).max(everyMsMax)])
    .describe('From the beginning of one round to the next; 0: only when somebody asks for one'),
  steps: z
    .int()
    .min(1)
    .max(roundLimits.stepsMax)
    .describe('Of training, of each host in each round'),
  hold: z
    .number()
    .min(0)
    .max(roundLimits.holdMax)
    .describe('How strongly a host is held to the common model (FedProx); 0 for FedAvg'),
  rule: z.enum(roundRules).describe('Which updates count, by sketches of what nobody sees'),
  liars: z
    .int()
    .min(0)
    .max(participantsMax)
    .describe('So many hosts may lie; of few hosts fewer are borne'),
  noise: z
    .number()
    .min(0)
    .max(roundLimits.noiseMax)
    .describe('In a sum, in multiples of the longest update; 0 for none'),
  participantsMin: z
    .int()
    .min(clientsMin)
    .max(participantsMax)
    .describe('With fewer no round is done'),
  family: z
    .enum(roundFamilies)
    .describe('What is learned in rounds: the network, trees, or one and the other in turn'),
}

const family = z.enum(families)

const seen = z
  .int()
  .min(0)
  .describe(
    'What was wished last, as `federation` tells it: where somebody has wished something since, it is refused, and one that is asked again for an answer that was lost counts once',
  )

const HostOfRound = z.object({
  id: z.string(),
  name: z.string(),
  rows: z.number().describe('Attempts that it learns from, about'),
  counted: z.boolean().describe('Whether its update is in the sum'),
  upBytes: z.number().describe('That it has sent'),
  downBytes: z.number().describe('That were sent to it, models too'),
  before: loss.optional(),
  after: loss.optional(),
  out: z
    .enum(outs)
    .optional()
    .describe(
      'excused: it has too little to learn from, or no copy of the ledger; silent: it has not answered; refused: it would not, or said what is not taken; notCounted: its update is left out by the rule, or hosts are better off without its half; suspected: it was not asked, for what it was in was worse too often',
    ),
  why: z.string().optional(),
  lied: z
    .boolean()
    .optional()
    .describe('It was found to lie under masks, and is not asked in the next rounds'),
  half: z.number().optional().describe('Of a round in two halves, the one that it was in'),
  unheard: z
    .boolean()
    .optional()
    .describe(
      'What it says of models did not count: it has gone against what most hosts say, time and again',
    ),
})

export const FederatedRound = z.object({
  number: z.number(),
  state: z
    .enum(Object.keys(roundStates) as (keyof typeof roundStates)[])
    .describe(
      'kept: hosts are better off with what came of it; rejected: they are not; failed: nothing came of it',
    ),
  phase: z.enum(roundPhases),
  family: family.describe('What was learned in it: the network, or trees'),
  instead: z
    .string()
    .optional()
    .describe('Where it was the turn of the other family: why nothing of that could begin'),
  by: z.string(),
  openedMs: timeMs,
  endedMs: timeMs.optional(),
  base: hash,
  candidate: hash.optional(),
  why: z.string(),
  steps: settings.steps.describe('Of training; of trees it says nothing'),
  rule: settings.rule.describe('Which updates count; of trees it says nothing'),
  liars: z.number().describe('That were borne in it'),
  noise: settings.noise,
  lossBefore: loss.optional(),
  lossAfter: loss.optional(),
  firstBy: z
    .number()
    .optional()
    .describe(
      'Of a round in two halves: by how much hosts are better off with the first, as a logarithm: by a share of 1 − e^−x',
    ),
  spoiledHalf: z
    .number()
    .optional()
    .describe('Nothing came of that half: somebody in it has lied, and nobody can say who'),
  upBytesMax: z.number().describe('The most that a host has sent'),
  downBytesMax: z.number().describe('The most that was sent to a host, models too'),
  hosts: z.array(HostOfRound),
})
export type FederatedRound = z.infer<typeof FederatedRound>

const Privacy = z
  .object({
    rounds: z.number().describe('With noise, that have opened a sum'),
    without: z.number().describe('Without noise: of these there is no epsilon'),
    noise: z.number().describe('The least of them'),
    delta: z.number(),
    epsilonOthers: z.number().describe('Against whoever sees the versions that come out'),
    epsilonLeader: z.number().describe('Against whoever leads, who sees sketches too'),
  })
  .describe(
    'Of a host with all its rows, by what it gives under masks. What hosts say of losses has no noise, and is not in it',
  )

export const Federation = z.object({
  schemaVersion,
  settings: z.object(settings),
  seen,
  awaited: z.number().describe('Rounds that were asked for, and are still to be done'),
  stopped: z
    .object({ by: z.string(), atMs: timeMs, reason: z.string().optional() })
    .optional()
    .describe('Who has ended what was asked for, if nobody has asked for more since'),
  suspects: z
    .array(
      z.object({
        id: z.string(),
        name: z.string(),
        worse: z.number().describe('Of the rounds in two halves that it was in, in the worse one'),
        of: z.number(),
      }),
    )
    .describe('Hosts that most rounds are done without: what they were in was worse too often'),
  kept: z.number().describe('Rounds, since learning began or began anew'),
  nextMs: timeMs.optional().describe('When the schedule has the next one'),
  round: FederatedRound.optional().describe('The one that was begun last'),
  privacy: Privacy.optional(),
})
export type Federation = z.infer<typeof Federation>

export const federationRoutes = {
  federation: {
    ...routePaths.federation,
    summary: 'How hosts learn together, and how far the round is that was begun last',
    response: Federation,
  },
  federatedRounds: {
    ...routePaths.federatedRounds,
    summary: 'Rounds in which hosts have learned together, newest first',
    query: z.strictObject({
      last: z.coerce.number().int().min(1).max(roundsMax).default(20).describe('So many'),
    }),
    response: z.object({ schemaVersion, rounds: z.array(FederatedRound) }),
  },
  askForRounds: {
    ...routePaths.askForRounds,
    summary: 'Have hosts learn together in one round, or in several one after the other',
    body: z
      .strictObject({
        count: z.int().min(1).max(countMax).default(1),
        family: family
          .optional()
          .describe('What is to be learned in them; without, as is chosen for rounds'),
        seen: seen.optional(),
      })
      .meta({ examples: [{ count: 1 }] }),
    response: z.object({
      schemaVersion,
      after: z.number().describe('The number of the last round before them'),
      count: z.number(),
    }),
  },
  stopRounds: {
    ...routePaths.stopRounds,
    summary: 'End what was asked for, and the round that is under way: nothing comes of it',
    body: z
      .strictObject({
        seen: seen.optional(),
        reason: z
          .string()
          .min(1)
          .max(stateLimits.noteBytesMax / 4)
          .optional(),
      })
      .meta({ examples: [{ reason: 'the hosts are needed' }] }),
    response: z.object({
      schemaVersion,
      awaited: z.number().describe('Rounds that are not done any more'),
      round: z.number().optional().describe('The one that was under way'),
      state: z
        .enum(Object.keys(roundStates) as (keyof typeof roundStates)[])
        .optional()
        .describe('What became of that one: one that had ended before stays as it is'),
      done: z.boolean().describe('False: nobody leads now who could do it; it stays wished'),
      everyMs: z.number().describe('The schedule goes on; 0: there is none'),
    }),
  },
  configureFederation: {
    ...routePaths.configureFederation,
    summary: 'Choose how hosts learn together; what is not said stays as it is',
    body: z
      .strictObject(settings)
      .partial()
      .meta({ examples: [{ everyMs: 3_600_000, steps: 10 }] }),
    response: z.object({ schemaVersion, settings: z.object(settings) }),
  },
} as const
