/** The routes of runs: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { whereLimits } from '../../agent/history/limits.ts'
import { whereNames } from '../../agent/history/where.ts'
import { workflowBodyBytesMax } from './limits.ts'
import { routePaths } from './route-paths.ts'
import {
  AttemptLog,
  Explanation,
  LogPart,
  PublishedList,
  RunDetail,
  RunList,
  RunNews,
  RunRetry,
  RunStart,
  RunStarted,
  RunState,
  RunStop,
  RunVote,
  SignalSend,
  WorkflowPublish,
} from './run-schemas.ts'
import { Done } from './schemas.ts'

const runParameter = z.strictObject({
  run: z
    .string()
    .min(1)
    .max(64)
    .meta({
      description: 'Id or a unique start of it; `@latest` is the newest that no other has begun',
      examples: ['@latest'],
    }),
})

/** What of a run is meant, where it is not all of it. */
const stageName = z.string().meta({ examples: ['test'] })
const stageQuery = z.strictObject({
  stage: stageName.optional(),
  item: z.coerce.number().int().min(0).optional(),
})

const runId = z.string().meta({ examples: ['7k3m9q2xab'] })
const selfParameter = z.strictObject({
  node: z
    .string()
    .min(1)
    .meta({ description: 'Id or name; `self` is the answering agent', examples: ['self'] }),
})
const timeMs = z.coerce.number().int().min(0)

export const runRoutes = {
  startRun: {
    ...routePaths.startRun,
    summary: 'Begin a run of a workflow',
    body: RunStart,
    bodyBytesMax: workflowBodyBytesMax,
    response: RunStarted,
  },
  runs: {
    ...routePaths.runs,
    summary: 'Runs of the ledger and of the agents’ histories, newest first',
    query: z.strictObject({
      state: z
        .string()
        .optional()
        .meta({
          description: `With commas between: ${RunState.options.join(', ')}`,
          examples: ['queued,running'],
        }),
      name: z
        .string()
        .optional()
        .meta({ description: 'Of the workflow', examples: ['release'] }),
      label: z
        .string()
        .optional()
        .meta({ description: '`key=value`, with commas between', examples: ['team=web'] }),
      where: z
        .string()
        .min(1)
        .max(whereLimits.sourceLengthMax)
        .optional()
        .meta({
          description: `An expression (CEL) over ${Object.keys(whereNames).join(', ')}`,
          examples: ['state == "failed" && took > duration("10m")'],
        }),
      sinceMs: timeMs.optional().describe('Started at this time or later'),
      untilMs: timeMs.optional().describe('Started before'),
      limit: z.coerce.number().int().min(1).max(1000).default(50),
      after: z
        .string()
        .optional()
        .meta({
          description: 'The `next` of the page before',
          examples: ['0251634512345678/7k3m9q2xab'],
        }),
    }),
    response: RunList,
  },
  run: {
    ...routePaths.run,
    summary: 'One run, with its stages and their attempts',
    parameters: runParameter,
    response: RunDetail,
  },
  watchRun: {
    ...routePaths.watchRun,
    summary: 'One run as it goes, until it has ended',
    parameters: runParameter,
    response: RunNews,
    stream: true,
  },
  runLogs: {
    ...routePaths.runLogs,
    summary: 'What the attempts of a run wrote, from whichever hosts have it',
    parameters: runParameter,
    query: stageQuery.extend({
      attempt: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .describe('By default the last of each, and both where two are at work'),
      follow: z.stringbool().default(false).describe('Go on until the run has ended'),
    }),
    response: LogPart,
    stream: true,
  },
  explainRun: {
    ...routePaths.explainRun,
    summary: 'Why stages wait, or are where they are, and what speaks against each host',
    parameters: runParameter,
    query: stageQuery,
    response: Explanation,
  },
  cancelRun: {
    ...routePaths.cancelRun,
    summary: 'Stop a run politely, undo what says how, and clean up',
    parameters: runParameter,
    body: RunStop,
    response: Done,
  },
  killRun: {
    ...routePaths.killRun,
    summary: 'Stop a run at once, and only that',
    parameters: runParameter,
    body: RunStop,
    response: Done,
  },
  retryRun: {
    ...routePaths.retryRun,
    summary: 'Do a run again in part, as a new run',
    parameters: runParameter,
    body: RunRetry,
    response: RunStarted,
  },
  voteRun: {
    ...routePaths.voteRun,
    summary: 'Approve or deny what a stage waits for',
    parameters: runParameter,
    body: RunVote,
    response: Done,
  },
  signal: {
    ...routePaths.signal,
    summary: 'Send an event that stages may wait for',
    body: SignalSend,
    response: Done,
  },
  publishWorkflow: {
    ...routePaths.publishWorkflow,
    summary: 'Give a workflow its name in the mesh, for subflows and for runs by name',
    body: WorkflowPublish,
    bodyBytesMax: workflowBodyBytesMax,
    response: PublishedList,
  },
  workflows: {
    ...routePaths.workflows,
    summary: 'Workflows that were published',
    response: PublishedList,
  },
  attemptLog: {
    ...routePaths.attemptLog,
    summary: 'A piece of what one attempt wrote on that host, or had sent there',
    parameters: selfParameter,
    query: z.strictObject({
      run: runId,
      stage: stageName,
      item: z.coerce.number().int().min(0).optional(),
      attempt: z.coerce.number().int().min(1),
      from: z.coerce.number().int().min(0).default(0).describe('Bytes to pass over'),
      waitMs: z.coerce
        .number()
        .int()
        .min(0)
        .max(2_000)
        .default(0)
        .describe('How long to wait where there is nothing more yet'),
      copyOf: z
        .string()
        .max(128)
        .optional()
        .meta({
          description: 'Another host, by its id: what it had sent here of an attempt of its own',
          examples: ['12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3'],
        }),
    }),
    response: AttemptLog,
  },
  reasons: {
    ...routePaths.reasons,
    summary: 'What that host, if it leads, has in mind with a run',
    parameters: selfParameter,
    query: stageQuery.extend({ run: runId }),
    response: Explanation,
  },
} as const
