/** The routes of the model that hosts have in common: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { families } from '../../models/registry/learned.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import { type VersionState, versionStates } from '../../models/registry/versions.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const hash = z.string().describe('Of its bytes: what a version is called')
const timeMs = z.number().describe('By the calendar, in milliseconds since 1970')
const loss = z
  .number()
  .describe('Mean loss (pinball) of the logarithms of p10, p50 and p90: less is better')

const prefixMin = 4
const versionName = z
  .string()
  .min(prefixMin)
  .max(64)
  .meta({
    description: '`duration` for the one that hosts speak by, or will; or a hash, or how it begins',
    examples: ['duration'],
  })

const Standing = z.object({
  attempts: z.number().describe('That were judged in this state'),
  n: z.number().describe('Of the latest, that the rest is of'),
  loss,
  plain: loss.describe('Of what history alone said of the same attempts'),
  rival: loss.describe('Of what the active version said of them; where none is active, of history'),
  within: z.number().describe('Share that took as long as it said, p10 to p90; it should be 0.8'),
})

const states = Object.keys(versionStates) as [VersionState, ...VersionState[]]

export const ModelVersion = z.object({
  hash,
  kind: z.literal('duration'),
  family: z.enum(families).describe('What it is made of: a network, or trees'),
  state: z
    .enum(states)
    .describe(
      'shadow: hosts note what it would have said; canary: a fifth of them speaks by it; active: all do; retired: another has taken its place; rejected: it was no better; rolledBack: it was taken back',
    ),
  sinceMs: timeMs,
  why: z.string(),
  parents: z.array(hash).describe('What its training went on from'),
  round: z.number().optional().describe('The federated round that it comes from'),
  madeMs: timeMs,
  hosts: z.number().describe('That it was trained by'),
  rows: z.number().describe('Attempts that it was trained on, about'),
  lossBefore: loss.optional().describe('Of its base, by the held-out rows of hosts'),
  lossAfter: loss.optional().describe('Of itself, by the same rows'),
  replaced: hash.optional().describe('Which was active before it'),
  head: z.boolean().describe('Whether training of its family goes on from it'),
  live: Standing.extend({ hosts: z.number() })
    .optional()
    .describe('How it does on attempts that end now, on all hosts together'),
})

const Range = z.object({
  p10: z.number(),
  p50: z.number(),
  p90: z.number(),
})

const Explained = z.object({
  schemaVersion,
  stage: z.string(),
  workflow: z.string(),
  task: z.string().describe('The fingerprint of such work'),
  silent: z
    .array(z.string())
    .optional()
    .describe('Names of hosts that are alive and have not answered in time'),
  hosts: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      says: z
        .enum(['model', 'history', 'nothing'])
        .describe('By what it would tell a plan how long that takes'),
      history: Range.extend({ n: z.number() }).optional().describe('In milliseconds'),
      version: hash.optional(),
      proven: z.boolean().optional().describe('Whether the version has beaten history there'),
      bare: Range.optional().describe('As the version says it on any host like that'),
      corrected: Range.optional().describe('With the correction of that host'),
      factors: z
        .array(z.object({ name: z.string(), factor: z.number() }))
        .optional()
        .describe('How many times as long it is said to take because that is known'),
    }),
  ),
})
export type Explained = z.infer<typeof Explained>

export const modelRoutes = {
  models: {
    ...routePaths.models,
    summary: 'Versions of the model that hosts have in common, and how they do',
    response: z.object({ schemaVersion, versions: z.array(ModelVersion).describe('Newest first') }),
  },
  model: {
    ...routePaths.model,
    summary: 'One version closely',
    parameters: z.strictObject({ version: versionName }),
    response: z.object({
      schemaVersion,
      version: ModelVersion,
      features: z
        .array(z.object({ name: z.string(), numbers: z.number() }))
        .describe('What it is told of an attempt before that begins'),
      hidden: z.array(z.number()).describe('Of a network, widths of the layers between'),
      numbers: z.number().optional().describe('That it has learned; absent where it is not here'),
      trees: z.number().optional().describe('Of a forest, and absent where it is not here'),
      hosts: z
        .array(Standing.extend({ id: z.string(), name: z.string() }))
        .describe('How it does on each host that judges it now'),
    }),
  },
  explainWork: {
    ...routePaths.explainWork,
    summary: 'What a stage is expected to take on each host, by whom, and what that hangs on',
    query: z.strictObject({
      stage: z
        .string()
        .min(1)
        .max(workLimits.fingerprintBytesMax)
        .meta({
          description: 'Name of a stage, or the fingerprint of such work',
          examples: ['build'],
        }),
      workflow: z
        .string()
        .min(1)
        .max(workLimits.workflowNameBytesMax)
        .optional()
        .meta({
          description: 'That it is a stage of; else the one that has run last, or was published',
          examples: ['release'],
        }),
    }),
    response: Explained,
  },
  rollBackModel: {
    ...routePaths.rollBackModel,
    summary:
      'Take the active version back, for the one that it replaced or another, or have one active again',
    body: z
      .strictObject({
        of: hash
          .optional()
          .describe(
            'The version that is active, as it was seen: where another one is by now, that one stays',
          ),
        to: versionName.optional().describe('To be active in its place'),
        reason: z
          .string()
          .min(1)
          .max(registryLimits.whyBytesMax / 2),
      })
      .meta({ examples: [{ reason: 'it says too little since the move' }] }),
    response: z.object({
      schemaVersion,
      was: hash.optional().describe('Absent: none was active'),
      active: hash.optional().describe('Absent: hosts speak by their own histories'),
      done: z.boolean().describe('False: nobody leads now who could do it; it stays wished'),
    }),
  },
} as const
