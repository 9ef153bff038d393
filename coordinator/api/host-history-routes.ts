/** The routes of what a host remembers of its own attempts: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { workLimits } from '../../protocol/work/limits.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)

const nodeParameter = z.strictObject({
  node: z
    .string()
    .min(1)
    .max(128)
    .meta({ description: 'Id or name; `self` is the answering agent', examples: ['self'] }),
})

const task = z.string().min(1).max(workLimits.fingerprintBytesMax)
const examples = ['script/make/1f2e3d4c5b']

const timeMs = z.number().describe('By the host’s calendar, in milliseconds since 1970')

const Range = z.object({ p10: z.number(), p50: z.number(), p90: z.number(), n: z.number() })

const KindOfWork = z
  .object({
    task: z.string().describe('The fingerprint: `KIND/PROGRAM/SHAPE`, and what it sets aside'),
    workflow: z.string(),
    tried: z.number(),
    succeeded: z.number(),
    tookMs: Range.optional().describe('Of those that succeeded'),
    peakMemoryBytes: Range.optional(),
    oldestMs: timeMs,
    newestMs: timeMs,
  })
  .describe('Attempts with one fingerprint in one workflow, as far as they are remembered')

export const HostHistory = z.object({
  schemaVersion,
  node: z.string().describe('Name of the host'),
  attempts: z.number().describe('All that it remembers'),
  lost: z.number().describe('Attempts since its start that it could not write down'),
  kinds: z.array(KindOfWork).describe('Those that ended last first'),
  more: z.number().describe('Kinds that are left out'),
})

export const hostHistoryRoutes = {
  hostHistory: {
    ...routePaths.hostHistory,
    summary: 'What a host remembers of the attempts that ended on it, by kind of work',
    parameters: nodeParameter,
    query: z.strictObject({
      task: task.optional().meta({
        description: 'Only kinds whose fingerprint begins so, or has such a part',
        examples,
      }),
    }),
    response: HostHistory,
  },
  purgeHistory: {
    ...routePaths.purgeHistory,
    summary: 'Make a host forget attempts for good; all of them where nothing is said',
    parameters: nodeParameter,
    body: z
      .strictObject({
        beforeMs: timeMs.min(0).optional().describe('Only those that had ended by then'),
        task: task.optional().describe('Only those with this fingerprint'),
      })
      .meta({ examples: [{ task: 'script/make/1f2e3d4c5b' }] }),
    response: z.object({
      schemaVersion,
      node: z.string(),
      purged: z.number().describe('Attempts that are gone'),
      left: z.number().describe('Attempts that it still remembers'),
    }),
  },
} as const
