import { assert } from '../../protocol/assert.ts'

/** How large a plan may be. Beyond each, a part is left out and the plan says so. */
export const planLimits = {
  /**
   * Characters times hosts of what is planned beside an agent's other work: about 50 ms (measured,
   * five hosts and 250 stages). Larger ones are planned in a thread.
   */
  inlineMax: 40 * 1024,
  /** Threads at once, and the heap of each. One more question is told to come back. */
  threadsMax: 2,
  threadMemoryBytes: 512 * 1024 * 1024,
  /** Of a plan as JSON: what an agent has to read again, and to send. */
  planBytesMax: 16 * 1024 * 1024,
  /** A workflow with more is refused by name and figure, for the plan would be too large to send. */
  stagesMax: 5_000,
  /** Hosts, times kinds of places that the workflow asks for, likewise. */
  placesMax: 200_000,
  /** Of these, so many are told in words. */
  verdictsMax: 10_000,
  /** Steps of one expression. A longer one is for the run to evaluate. */
  expressionStepsMax: 1_000,
  /** Items of one stage that are placed. The rest comes after them, as room is made. */
  itemsPlacedMax: 100,
  /** Units of all stages that are placed. Stages beyond are planned without a host. */
  unitsPlacedMax: 5_000,
  /** Tries to place a unit, those that find no room included. Beyond, as for units. */
  triesMax: 100_000,
  /** Hints told; the rest are counted. */
  hintsMax: 50,
  /** Needs followed to make sure of a hint. Beyond, needless needs are not looked for further. */
  hintVisitsMax: 2_000_000,
  /** Figures in all that the whole is drawn of: about 10 ms at most. With fewer draws nothing is told. */
  drawsMin: 10,
  drawsMax: 1_000,
  figuresMax: 100_000,
  /** Of one stage with many items one after the other: the rest is taken to be like these. */
  wavesDrawnMax: 16,
  /** Stages of which no time is known, by name; of the rest, how many. */
  unknownTold: 20,
} as const

/** When what a stage says of itself is told not to go with what it took. */
export const hintedTimes = {
  /** Attempts from which on the end of their range is known well enough to say that it is far. */
  manyMin: 20,
  /** Share of attempts that a timeout may cut off, by many attempts and by few. */
  cutMin: 0.02,
  cutOfFewMin: 0.1,
  /** A timeout is long that is so many times what nearly all take, and so much longer. */
  far: 20,
  farByMs: 10 * 60_000,
  /** Less is not advised: machines have slow moments. */
  roomMs: 10_000,
} as const

assert(
  planLimits.figuresMax >= planLimits.drawsMin * planLimits.stagesMax,
  'the largest plan must be drawn often enough',
)
