/** Runs that have ended, of every shape that the ledger can tell of. */
import fc from 'fast-check'
import { PieceCutter } from '../../agent/history/pieces.ts'
import { encodePart } from '../../agent/history/record.ts'
import type { Kept } from '../../agent/history/store.ts'
import type { RunItem, RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import { errorClasses } from '../../protocol/workflow/model.ts'

const time = fc.integer({ min: 0, max: 5_000 })
const note = fc.string({ maxLength: 12 })
const json = fc.json({ maxDepth: 1 })
const count = fc.integer({ min: 0, max: 9 })
const fence = fc.record({ term: count, index: count })

const attempt = fc.record(
  {
    attempt: fc.integer({ min: 1, max: 9 }),
    node: note,
    fence,
    assignedMs: time,
    endedMs: time,
    record: fc.uint8Array({ maxLength: 40 }),
  },
  { requiredKeys: ['attempt', 'node', 'fence', 'assignedMs', 'endedMs'] },
)

const vote = fc.record(
  { by: note, approves: fc.boolean(), timeMs: time, note },
  { requiredKeys: ['by', 'approves', 'timeMs'] },
)

const approval = fc
  .record(
    { count, votes: fc.array(vote, { maxLength: 3 }), message: note },
    { requiredKeys: ['count', 'votes'] },
  )
  .map((it) => ({
    ...it,
    approved: it.votes.length >= it.count && it.votes.every(({ approves }) => approves),
    denied: it.votes.some(({ approves }) => !approves),
  }))

const failures = fc.dictionary(
  fc.constantFrom(...errorClasses),
  fc.integer({ min: 1, max: 9 }),
) as fc.Arbitrary<UnitView['failures']>

const artifacts = fc.record(
  { item: count, manifest: note, files: count, bytes: count, node: note },
  { requiredKeys: ['manifest', 'files', 'bytes', 'node'] },
)

/** Plain objects all through, as a codec makes them. */
const plainly = <T>(value: T): T => structuredClone(value)

export const anyUnit: fc.Arbitrary<UnitView> = fc
  .record(
    {
      stage: fc.constantFrom('build', 'test', 'deploy-prod', 'a'),
      item: count,
      state: fc.constantFrom(
        'succeeded' as const,
        'failed' as const,
        'skipped' as const,
        'cancelled' as const,
      ),
      revision: count,
      attempt: count,
      readyMs: time,
      changedMs: time,
      node: note,
      failures,
      waitsFor: fc.constantFrom('retry' as const, 'subflow' as const),
      dueMs: time,
      detail: note,
      key: note,
      items: count,
      list: json,
      errorClass: fc.constantFrom('bug', 'lost'),
      why: note,
      exitCode: fc.integer({ min: -9, max: 255 }),
      adopted: fc.boolean(),
      outputs: json,
      artifacts: fc.array(artifacts, { maxLength: 3 }),
      approval,
      attempts: fc.array(attempt, { maxLength: 3 }),
    },
    {
      requiredKeys: [
        'stage',
        'state',
        'revision',
        'attempt',
        'readyMs',
        'changedMs',
        'failures',
        'attempts',
      ],
    },
  )
  .map(plainly)

export const labels = fc.dictionary(
  fc.constantFrom('team', 'env', 'x'),
  fc.constantFrom('a', 'b', ''),
  {
    noNullPrototype: true,
  },
)

export const anyRun: fc.Arbitrary<RunView> = fc
  .record({
    run: fc.stringMatching(/^[a-z0-9]{1,5}$/),
    state: fc.constantFrom('succeeded' as const, 'failed' as const, 'cancelled' as const),
    name: fc.constantFrom('release', 'nightly', 'web'),
    by: note,
    startedMs: fc.integer({ min: 0, max: 40 }),
    tookMs: fc.integer({ min: 0, max: 4_000 }),
    labels,
    reason: fc.option(note, { nil: undefined }),
    parent: fc.option(fc.constant('p1'), { nil: undefined }),
    key: fc.option(fc.stringMatching(/^[a-z]{1,3}$/), { nil: undefined }),
    outputs: fc.option(json, { nil: undefined }),
    workflow: fc.constantFrom('h1', 'h2', 'h3'),
    units: fc.array(anyUnit, { maxLength: 4 }),
  })
  .map(
    ({
      run,
      state,
      name,
      by,
      startedMs,
      tookMs,
      labels,
      reason,
      parent,
      key,
      outputs,
      workflow,
      units,
    }) => ({
      run,
      head: {
        run,
        state,
        stop: 'none' as const,
        revision: 7,
        name,
        by,
        startedMs,
        endedMs: startedMs + tookMs,
        ...(reason === undefined ? {} : { reason }),
        ...(parent === undefined ? {} : { parent }),
        index: 5,
      },
      spec: {
        workflow,
        name,
        inputs: '{}',
        by,
        labels,
        planHash: 'p',
        ...(key === undefined ? {} : { key }),
      },
      ...(outputs === undefined ? {} : { outputs }),
      units,
    }),
  )

export const runsOf = (max: number) =>
  fc.uniqueArray(anyRun, { maxLength: max, selector: ({ run }) => run })

export function itemOf({ head, spec: { workflow, labels } }: RunView): RunItem {
  return { ...head, workflow, labels }
}

export function keptOf(view: RunView): Kept {
  const cutter = new PieceCutter()
  const pieces = [...cutter.push(encodePart(view.units, view)), cutter.end()]
  return {
    item: itemOf(view),
    endedMs: view.head.endedMs ?? 0,
    spec: view.spec,
    pieces,
    piecesBefore: 0,
    bytes: cutter.packedBytes,
    text: () => textPieces(`text of ${view.spec.workflow}`),
  }
}

export function textPieces(text: string): Uint8Array[] {
  const cutter = new PieceCutter()
  return [...cutter.push(new TextEncoder().encode(text)), cutter.end()]
}
