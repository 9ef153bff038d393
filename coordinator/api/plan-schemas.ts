/** Plans in the API: what `coordinator/planning/plan.ts` says, as documents. */
import * as z from 'zod'
import { sources } from '../../models/profiles/levels.ts'
import { sections, stepKinds } from '../../protocol/workflow/model.ts'
import { refusalCodes } from '../placement/policy.ts'
import { hintCodes } from '../planning/plan.ts'
import { NodeState, SCHEMA_VERSION } from './schemas.ts'

export const PlanQuestion = z
  .strictObject({
    workflow: z.string().min(1).describe('The text of the workflow, YAML or JSON'),
    inputs: z.record(z.string(), z.unknown()).default({}).describe('Values for its inputs'),
  })
  .meta({
    examples: [
      {
        workflow:
          'apiVersion: skein/v1\nkind: Workflow\nname: hello\nstages: { hello: { run: echo hello } }\n',
      },
    ],
  })

const Why = z.object({
  factor: z.string().describe('e.g. `prefer`, `spread`, `locality`, `room`'),
  score: z.number().describe('What it counted, weight included'),
  message: z.string(),
})

export const PlannedPlace = z
  .discriminatedUnion('by', [
    z.object({
      by: z.literal('host'),
      hosts: z.array(z.object({ node: z.string(), name: z.string(), units: z.number() })),
      why: z.array(Why).describe('What spoke for the first of the hosts'),
      waits: z.boolean().describe('True when room is made only as other stages of the plan end'),
    }),
    z.object({ by: z.literal('leader') }),
    z.object({ by: z.literal('skipped') }),
    z.object({ by: z.literal('call') }),
    z.object({ by: z.literal('later') }),
    z.object({ by: z.literal('nobody') }),
    z.object({ by: z.literal('untold') }),
  ])
  .describe(
    'Who would do it: a `host`, the `leader` itself, nobody because it is `skipped`, only on `call`, a host `later` when other work has made room, or `nobody` at all; `untold` beyond the size of a plan',
  )

const source = z
  .enum(['declared', ...sources])
  .describe(
    '`declared`: the workflow says so. `history`: attempts of the same task in the same workflow. Similar ones: the same task `elsewhere`, the same `shape` with other resources, whatever the `program` did',
  )
const n = z.number().describe('Attempts that speak for it, on all hosts together')
const share = z.number().describe('0 to 1')

const Span = {
  p10Ms: z.number(),
  p50Ms: z.number(),
  p90Ms: z.number().describe('Nine of ten take no longer'),
}

const Odds = {
  share,
  low: share.describe('It lies between `low` and `high` with nine chances in ten'),
  high: share,
}

export const StageExpected = z
  .object({
    time: z
      .object({
        ...Span,
        source,
        n: n.optional(),
        by: z
          .string()
          .optional()
          .describe(
            'Version of the common model that has a part in it; else history alone says so',
          ),
      })
      .optional(),
    odds: z
      .object({
        ...Odds,
        source,
        n,
        factors: z
          .array(
            z.object({
              factor: z.enum(['all', 'lately', 'host', 'tries']),
              share: share.describe('What it comes to by that alone'),
              n: z.number(),
              node: z.string().optional().describe('Of `host`: where far more fail than elsewhere'),
            }),
          )
          .optional()
          .describe(
            'What speaks for it: all attempts, the newest where they differ, a host that fails more than others, and further tries of the stage',
          ),
      })
      .optional()
      .describe('That one attempt succeeds'),
    memory: z
      .object({ p50Bytes: z.number(), p90Bytes: z.number(), source, n })
      .optional()
      .describe('Its peak'),
  })
  .describe(
    'From what attempts like it were; what is absent is unknown. Absent itself from agents that do not learn yet',
  )

export const PlannedStage = z.object({
  name: z.string(),
  section: z.enum(sections),
  role: z.enum(['ordinary', 'compensation', 'fallback']),
  step: z.enum(stepKinds),
  needs: z.array(z.string()),
  level: z.number().optional().describe('Needs on the longest way to it; absent when it is called'),
  isCritical: z.boolean(),
  expectedMs: z.number().optional().describe('Of one attempt, in the middle'),
  asksMemoryBytes: z.number().optional().describe('What it says of its memory'),
  expected: StageExpected.optional(),
  slackMs: z.number().optional().describe('How much later it may end without the whole doing so'),
  forEach: z
    .object({ items: z.number().optional(), limit: z.number().optional() })
    .optional()
    .describe('Without `items` where only the run will know'),
  race: z
    .literal(true)
    .optional()
    .describe('When it takes far longer than it should, a second attempt begins on another host'),
  place: PlannedPlace,
  kind: z.number().optional().describe('Which of `kinds` says what each host says to it'),
  unknown: z
    .array(z.object({ where: z.string(), why: z.string() }))
    .describe('Parts of `where` that only the run will know; they refuse nothing here'),
})

export const PlaceKind = z
  .object({
    stages: z.array(z.string()),
    eligible: z.array(z.string()).describe('Ids of hosts that could, now or when there is room'),
    verdicts: z
      .array(
        z.object({
          node: z.string(),
          name: z.string(),
          refusals: z
            .array(z.object({ code: z.enum(refusalCodes), message: z.string() }))
            .describe('Every reason; none when it could take it now'),
        }),
      )
      .optional()
      .describe('Left out when there are too many to tell'),
  })
  .describe('Stages that ask the same of a host, and what each host says to that now')

export const Planned = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  agent: z.string().describe('Who made it, of the hosts as it sees them'),
  hash: z
    .string()
    .describe('Of workflow, inputs and the hosts that could run each stage; not of load'),
  workflow: z.object({ name: z.string(), hash: z.string(), stages: z.number() }),
  policy: z.string(),
  stages: z.array(PlannedStage).describe('In an order in which they may run'),
  widths: z.array(z.number()).describe('Stages of each level'),
  tracks: z.array(z.array(z.string())).describe('Chains without branches'),
  criticalPath: z.object({
    stages: z.array(z.string()),
    basis: z
      .enum(['time', 'partly', 'length'])
      .describe(
        '`partly`: stages without a known time count as nothing; `length`: stages are counted',
      ),
    lengthMs: z.number().optional(),
  }),
  expected: z
    .object({
      time: z
        .object(Span)
        .optional()
        .describe('From start to end, if nothing fails and nobody waits for room'),
      untimed: z.array(z.string()).describe('Stages of unknown time; they count as nothing'),
      untimedUntold: z.number(),
      odds: z.object(Odds).optional().describe('That no stage fails; absent when not known of all'),
    })
    .optional()
    .describe('Of the whole; absent from agents that do not learn yet'),
  kinds: z.array(PlaceKind),
  kindsUntold: z.number().describe('How many of them have no verdicts, for their number'),
  hosts: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      state: NodeState,
      cores: z.number(),
      memoryBytes: z.number(),
      drained: z.boolean(),
      attempts: z.number(),
    }),
  ),
  secrets: z.array(z.string()).describe('Names of the secrets that it needs'),
  secretsMissing: z
    .array(z.string())
    .describe('Those of them that the mesh has not; its run would be refused'),
  hints: z.array(z.object({ code: z.enum(hintCodes), stage: z.string(), message: z.string() })),
  hintsUntold: z.number(),
})

export type PlanQuestion = z.output<typeof PlanQuestion>
export type Planned = z.infer<typeof Planned>
