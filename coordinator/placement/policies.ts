/** The policies that ship, each a table of what counts and how much. */
import {
  calm,
  company,
  evenness,
  finish,
  locality,
  nearness,
  notLostThere,
  preferred,
  room,
  soonest,
  tightness,
} from './factors.ts'
import type { PlacementPolicy } from './policy.ts'
import { WeighingPolicy } from './weighing.ts'

/** What a workflow itself wishes for comes first under every policy. */
const wishes = [
  { factor: notLostThere, weight: 32 },
  { factor: company, weight: 16 },
  { factor: preferred, weight: 8 },
  { factor: evenness, weight: 4 },
]

/**
 * Weights are powers of two, so that the whole of one outweighs all that come after it together,
 * and a little of one does not.
 */
export const balanced: PlacementPolicy = new WeighingPolicy(
  'balanced',
  'what the stage wishes for, then where it is done first by what such work took, then where its artifacts are, then where most room is, and of what takes no time where nothing has to travel',
  [
    ...wishes.map(({ factor, weight }) => ({ factor, weight: 2 * weight })),
    { factor: soonest, weight: 4 },
    { factor: locality, weight: 2 },
    { factor: room, weight: 1 },
    { factor: nearness, weight: 1 },
  ],
)

export const bestFit: PlacementPolicy = new WeighingPolicy(
  'bestFit',
  'fills hosts one after the other, so that large stages find whole ones',
  [...wishes, { factor: tightness, weight: 1 }],
)

export const spread: PlacementPolicy = new WeighingPolicy(
  'spread',
  'as few attempts on each host as can be, so that losing one costs least',
  [...wishes, { factor: calm, weight: 1 }],
)

export const nearData: PlacementPolicy = new WeighingPolicy(
  'locality',
  'where the artifacts are that it fetches, whatever else runs there',
  [...wishes, { factor: locality, weight: 3 }, { factor: room, weight: 2 ** -10 }],
)

export const earliestFinish: PlacementPolicy = new WeighingPolicy(
  'earliestFinish',
  'where it is probably done first: fetching, and running beside what runs',
  [...wishes, { factor: finish, weight: 1 }],
)

export const policies: readonly PlacementPolicy[] = [
  balanced,
  bestFit,
  spread,
  nearData,
  earliestFinish,
]
