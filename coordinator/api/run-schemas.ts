/** What the control API says of runs, and takes to begin, stop and decide about them. */
import * as z from 'zod'
import { HandedOn } from './artifact-schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'

const schemaVersion = z.literal(SCHEMA_VERSION)
const timeMs = z.number().describe('By the mesh’s calendar, in milliseconds since 1970')

export const RunState = z
  .enum(['queued', 'running', 'succeeded', 'failed', 'cancelled'])
  .describe('`queued`: its concurrency group has no room yet')

export const StageState = z
  .enum(['pending', 'waiting', 'open', 'assigned', 'succeeded', 'failed', 'skipped', 'cancelled'])
  .describe('`open`: its items live their own lives; `assigned`: an attempt is on a host')

export const Run = z
  .object({
    id: z.string(),
    name: z.string().describe('Of the workflow'),
    workflow: z.string().describe('Hash of the workflow’s canonical text'),
    state: RunState,
    stopping: z.enum(['none', 'cancel', 'kill']).describe('What has been asked of it'),
    by: z.string(),
    startedMs: timeMs,
    endedMs: timeMs.optional(),
    stoppedBy: z.string().optional(),
    reason: z.string().optional().describe('Why it is being stopped, or how it ended'),
    parent: z.string().optional().describe('The run that has started this one'),
    labels: z.record(z.string(), z.string()),
  })
  .describe('A run at a glance')

export const RunList = z.object({
  schemaVersion,
  runs: z.array(Run),
  next: z.string().optional().describe('There are more: ask with `after` this'),
  stoppedEarly: z
    .object({
      scanned: z.number().describe('Runs that were looked at'),
      backToMs: timeMs.describe('Those that started before were not'),
    })
    .optional()
    .describe('It looked at as many runs as one answer may cost'),
  stale: z
    .boolean()
    .describe('True: nobody could tell the answering agent whether more has happened'),
  silent: z
    .number()
    .optional()
    .describe('Agents that did not tell what they keep: runs may be missing'),
})

export const Usage = z
  .object({
    cpuUserMs: z.number().optional(),
    cpuSystemMs: z.number().optional(),
    memoryPeakBytes: z.number().optional(),
    ioReadBytes: z.number().optional(),
    ioWrittenBytes: z.number().optional(),
    queueMs: z.number().optional().describe('On the host, from accepted to being started'),
    startMs: z.number().optional(),
    wallMs: z.number().optional(),
    logBytes: z.number().optional(),
  })
  .describe('What an attempt took; a figure that the host cannot tell is absent')

export const Attempt = z
  .object({
    attempt: z.number(),
    node: z.string().describe('Id of the host'),
    nodeName: z.string(),
    assignedMs: timeMs,
    endedMs: timeMs,
    outcome: z
      .enum(['succeeded', 'failed', 'cancelled', 'timedOut', 'lost'])
      .describe('`lost`: nothing came of it, for its host was gone, or had not begun it'),
    errorClass: z.string().optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    exitCode: z.number().optional(),
    signal: z.string().optional(),
    usage: Usage.optional(),
    logTail: z.string().optional().describe('The end of what it wrote'),
  })
  .describe('One try that has ended')

export const Vote = z.object({
  by: z.string(),
  approves: z.boolean(),
  timeMs,
  note: z.string().optional(),
})

const Late = z
  .object({
    usualMs: z.number().describe('What such work takes there in the middle'),
    farMs: z.number().describe('Within that, 99 of a hundred are done'),
    n: z.number().describe('Attempts that speak for it'),
  })
  .describe('It runs far longer than such work does, as far as the leader knows')

const Rival = z
  .object({
    attempt: z.number(),
    node: z.string().describe('Id of the host'),
    nodeName: z.string(),
    assignedMs: timeMs,
  })
  .describe('A second attempt, at work beside the first, of which the first to succeed counts')

const unitKeys = {
  state: StageState,
  attempt: z.number().describe('How often it was tried'),
  node: z.string().optional().describe('Where it runs, or ran last'),
  nodeName: z.string().optional(),
  readyMs: timeMs.optional(),
  changedMs: timeMs.optional(),
  waitsFor: z.enum(['time', 'approval', 'signal', 'subflow', 'retry', 'fallback']).optional(),
  dueMs: timeMs.optional(),
  detail: z.string().optional().describe('The run it has started, or the event it waits for'),
  key: z.string().optional().describe('Only an event with this key is the one'),
  errorClass: z.string().optional(),
  why: z.string().optional(),
  exitCode: z.number().optional(),
  adopted: z.boolean().optional().describe('It ended so in the run that this one does again'),
  outputs: z.unknown().optional(),
  approval: z
    .object({
      count: z.number(),
      votes: z.array(Vote),
      message: z.string().optional(),
      roles: z.array(z.string()).optional().describe('People with one of these may'),
      from: z.array(z.string()).optional().describe('These people may; nobody else, if any'),
      approved: z.boolean(),
      denied: z.boolean(),
    })
    .optional(),
  artifacts: z.array(HandedOn).optional().describe('Files that it hands on'),
  attempts: z.array(Attempt).optional(),
  rival: Rival.optional(),
  counts: z
    .number()
    .optional()
    .describe('Of one that was raced: the attempt that counts, of two at work the earlier one'),
  progress: z.number().optional().describe('0 to 1, where the stage says so'),
  note: z.string().optional(),
  late: Late.optional(),
}

export const Item = z.object({ item: z.number(), ...unitKeys }).describe('One item of a forEach')

export const Stage = z
  .object({
    name: z.string(),
    section: z.enum(['stages', 'onFailure', 'finally']),
    kind: z.string().describe('Of its step'),
    needs: z.array(z.string()),
    ...unitKeys,
    chose: z
      .object({
        case: z.number().optional().describe('The case that held, from 1; absent: none did'),
        when: z.string().optional().describe('What that case asks'),
        stages: z.array(z.string()),
      })
      .optional()
      .describe('Of one that chooses: which others it took'),
    items: z
      .object({
        count: z.number(),
        states: z.record(z.string(), z.number()).describe('How many items are in each state'),
        units: z.array(Item).describe('Those that something has happened to, from `itemsFrom` on'),
      })
      .optional(),
  })
  .describe('A stage of a run')

export const RunExpected = z
  .object({
    atMs: timeMs,
    p10Ms: z.number().describe('How long it goes on from then'),
    p50Ms: z.number(),
    p90Ms: z.number(),
    untimed: z.number().describe('Stages of unknown time that are not over; they count as nothing'),
  })
  .describe('When it is likely to end, if nothing fails and nobody waits for room')

export const RunDetail = z.object({
  schemaVersion,
  run: Run,
  inputs: z.record(z.string(), z.unknown()),
  outputs: z.unknown().optional(),
  planHash: z.string(),
  stale: z
    .boolean()
    .describe('True: nobody could tell the answering agent whether more has happened'),
  key: z.string().optional(),
  retryOf: z.string().optional(),
  kept: z.array(z.string()).optional().describe('Stages that count as they ended in that run'),
  expected: RunExpected.optional(),
  stages: z.array(Stage),
})

export const RunNews = z
  .object({
    schemaVersion,
    run: Run,
    outputs: z.unknown().optional(),
    expected: RunExpected.optional(),
    stages: z.array(Stage).describe('All on the first line; later those that changed'),
  })
  .describe('What has changed; the stream ends with the run')

export const LogPart = z
  .object({
    schemaVersion,
    stage: z.string(),
    item: z.number().optional(),
    attempt: z.number(),
    nodeName: z.string(),
    from: z.enum(['stdout', 'stderr']).optional(),
    text: z.string().optional(),
    note: z.string().optional().describe('What is to be known of the log: where parts are missing'),
    shippedUntilMs: z
      .number()
      .optional()
      .describe('Its host cannot be asked: when it had sent the last of what follows to another'),
  })
  .describe('A piece of what an attempt wrote, in the order of writing')

export const AttemptLog = z.object({
  schemaVersion,
  known: z.boolean().describe('False: the host has no log of that attempt'),
  parts: z.array(z.object({ from: z.enum(['stdout', 'stderr']).optional(), text: z.string() })),
  missing: z.number().describe('Bytes that were left out before this piece, for want of room'),
  next: z.number().describe('Where to go on'),
  ended: z.boolean().describe('No more will come'),
  shippedUntilMs: z
    .number()
    .optional()
    .describe('Of a copy: when its host had sent the last of it'),
})

const name = z.string().min(1).max(128)
const reason = z.string().max(200)

const texts = z
  .record(z.string(), z.string())
  .default({})
  .describe('Values as a command line has them: texts, each read as the type of its input says')

export const RunStart = z
  .strictObject({
    workflow: z
      .string()
      .describe('The text of a workflow, YAML or JSON; or the name of one that was published')
      .min(1),
    published: z.boolean().default(false).describe('`workflow` is the name of a published one'),
    inputs: z.record(z.string(), z.unknown()).default({}),
    texts,
    labels: z.record(z.string(), z.string()).default({}),
    key: name.optional().describe('The same key again is the same run again'),
    priority: z.number().int().min(0).max(100).optional(),
    planHash: z.string().optional().describe('Refuse when the plan is another one now'),
  })
  .meta({ examples: [{ workflow: 'hello', published: true, inputs: { who: 'world' } }] })

export const RunStarted = z.object({
  schemaVersion,
  run: Run,
  began: z.boolean().describe('False: the key had begun it before'),
})

export const RunStop = z
  .strictObject({
    reason: reason.default(''),
  })
  .meta({ examples: [{ reason: 'the wrong version' }] })

export const RunRetry = z
  .strictObject({
    from: z.array(name).optional().describe('These and all that come after them'),
    only: z.array(name).optional().describe('Only these'),
    failed: z
      .boolean()
      .default(false)
      .describe('What did not succeed or was undone, and all that comes after'),
    inputs: z.record(z.string(), z.unknown()).default({}).describe('In place of those of the run'),
    texts,
  })
  .meta({ examples: [{ from: ['test'] }] })

export const RunVote = z
  .strictObject({
    stage: name,
    item: z.number().int().min(0).optional(),
    approves: z.boolean(),
    note: reason.optional(),
    planHash: z
      .string()
      .optional()
      .describe('Of the plan that was looked at; by default the run’s'),
  })
  .meta({ examples: [{ stage: 'canary', approves: true }] })

export const SignalSend = z
  .strictObject({
    event: name,
    key: name.optional(),
    data: z.unknown().optional(),
  })
  .meta({ examples: [{ event: 'released', key: 'north', data: { version: '1.2.3' } }] })

const Verdict = z
  .object({
    node: z.string(),
    nodeName: z.string(),
    refusals: z.array(z.object({ code: z.string(), message: z.string() })),
    score: z.number().optional(),
    reasons: z.array(z.object({ factor: z.string(), score: z.number(), message: z.string() })),
  })
  .describe('What speaks against a host, or for it')

export const Explanation = z.object({
  schemaVersion,
  run: z.string(),
  phase: z.string(),
  why: z.string().optional().describe('Why the run as a whole does not go on'),
  stages: z.array(
    z.object({
      stage: z.string(),
      item: z.number().optional(),
      state: StageState,
      why: z.string(),
      needs: z.array(z.string()).optional().describe('What it needs that is not over'),
      node: z.string().optional(),
      nodeName: z.string().optional(),
      attempt: z.number().optional(),
      dueMs: timeMs.optional(),
      progress: z.number().optional().describe('0 to 1, where the stage says so'),
      note: z.string().optional().describe('What the stage says of itself'),
      stuck: z
        .literal(true)
        .optional()
        .describe('No host could take it, whatever ends: somebody must change something'),
      late: Late.optional(),
      chosen: z
        .string()
        .optional()
        .describe('Why its last try went where it went, as long as the leader remembers it'),
      policy: z.string().optional(),
      hosts: z.array(Verdict).optional(),
    }),
  ),
  more: z.number().describe('Stages that are not over and not told of'),
})

export const WorkflowPublish = z
  .strictObject({
    workflow: z.string().min(1).describe('The text of a workflow, YAML or JSON'),
  })
  .meta({
    examples: [
      { workflow: '{"apiVersion":"skein/v1","kind":"Workflow","name":"hello","stages":{}}' },
    ],
  })

export const PublishedList = z.object({
  schemaVersion,
  workflows: z.array(z.object({ name: z.string(), hash: z.string() })),
})

export type RunState = z.infer<typeof RunState>
export type Run = z.infer<typeof Run>
export type Stage = z.infer<typeof Stage>
export type Item = z.infer<typeof Item>
export type Attempt = z.infer<typeof Attempt>
export type RunDetail = z.infer<typeof RunDetail>
export type RunNews = z.infer<typeof RunNews>
export type AttemptLog = z.infer<typeof AttemptLog>
export type Explanation = z.infer<typeof Explanation>
export type LogPart = z.infer<typeof LogPart>
