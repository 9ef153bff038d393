/** Traces into workflows: the same tasks, the same order, as long as they took. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { builtIns, PREFIX } from '../../agent/work/steps/built-in.ts'
import { formats, works } from '../../coordinator/importing/options.ts'
import { stageNames } from '../../coordinator/importing/stage-names.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { imported, type MadeTask, survey, traceOf } from './stage.ts'

test('each task is a stage that needs those of its parents and takes as long', () => {
  const { document, figures } = imported(survey)
  assert.equal(document.name, 'survey')
  assert.deepEqual(document.stages, {
    split_ID0001: { function: 'skein:sleep', with: { for: '12s500ms' } },
    map_ID0002: { needs: ['split_ID0001'], function: 'skein:sleep', with: { for: '1m250ms' } },
    map_ID0003: { needs: ['split_ID0001'], function: 'skein:sleep', with: { for: '40s' } },
    join_ID0004: {
      needs: ['map_ID0002', 'map_ID0003'],
      function: 'skein:sleep',
      with: { for: '0ms' },
    },
  })
  assert.deepEqual(
    {
      ...figures,
      workSeconds: figures.workSeconds.toFixed(3),
      pathSeconds: figures.pathSeconds.toFixed(3),
    },
    { tasks: 4, edges: 4, untimed: 0, workSeconds: '112.750', pathSeconds: '72.750' },
  )
})

test('times are scaled, and the work is what was asked for', () => {
  const first = (work: (typeof works)[number]) =>
    imported(survey, { work, timeScale: 0.001 }).document.stages.split_ID0001
  assert.deepEqual(first('sleep'), { function: 'skein:sleep', with: { for: '13ms' } })
  assert.deepEqual(first('spin'), {
    run: "timeout 0.013 sh -c 'while :; do :; done'; [ $? -eq 124 ]",
  })
  assert.deepEqual(first('process'), { run: ['sleep', '0.013'] })
  assert.deepEqual(first('none'), { function: 'skein:noop' })
  const whole = imported(survey, { work: 'process', timeScale: 1 }).document.stages
  assert.deepEqual(whole.map_ID0003?.run, ['sleep', '40'])
  assert.deepEqual(whole.join_ID0004?.run, ['sleep', '0'])
  const spun = imported(survey, { work: 'spin' }).document.stages
  // No time at all is no end to `timeout`.
  assert.equal(spun.join_ID0004?.run, undefined)
  assert.equal(spun.join_ID0004?.function, 'skein:noop')
})

test('agents bring along the functions that stages name, and take what they are given', () => {
  for (const work of ['sleep', 'none'] as const) {
    for (const { function: name = '', with: given = {} } of Object.values(
      imported(survey, { work }).document.stages,
    )) {
      const known = builtIns.get(name.slice(PREFIX.length))
      assert.ok(known !== undefined && name.startsWith(PREFIX))
      if (known.kind === 'timer') assert.equal(typeof known.delayMs(given), 'number')
    }
  }
})

test('a stage that is to take a core does, and succeeds', () => {
  const { run } = imported(survey, { work: 'spin', timeScale: 0.001 }).document.stages.split_ID0001!
  assert.ok(typeof run === 'string')
  const { status, stderr } = spawnSync('sh', ['-c', run])
  assert.equal(status, 0, String(stderr))
})

test('cores and memory are asked for when that is wanted, as far as they were measured', () => {
  const { stages } = imported(survey, { resources: true }).document
  assert.deepEqual(stages.split_ID0001?.resources, { cpu: 1, memory: '1MiB' })
  assert.deepEqual(stages.map_ID0002?.resources, { cpu: 4, memory: '2097153B' })
  assert.deepEqual(stages.map_ID0003?.resources, { cpu: 4 })
  assert.equal(stages.join_ID0004?.resources, undefined)
})

test('labels keep what a task was and the bytes of its files', () => {
  const { stages } = imported(survey, { labels: true }).document
  assert.deepEqual(stages.split_ID0001?.labels, {
    task: 'split_ID0001',
    kind: 'split',
    inputBytes: '4096',
    outputBytes: '4096',
  })
  assert.deepEqual(stages.join_ID0004?.labels, {
    task: 'join_ID0004',
    kind: 'join',
    inputBytes: '22',
  })
})

test('YAML and JSON say the same, packed or not, whatever is asked for', () => {
  const hashes = new Set<string>()
  for (const bytes of [survey, new Uint8Array(gzipSync(survey))]) {
    for (const format of formats) {
      const { text, workflow } = imported(bytes, { format, resources: true, labels: true })
      assert.equal(text.startsWith('{'), format === 'json')
      hashes.add(workflowHash(workflow))
    }
  }
  assert.equal(hashes.size, 1)
})

test('the YAML has a line for each thing that a stage says', () => {
  const { text } = imported(survey, { format: 'yaml', resources: true })
  assert.deepEqual(text.split('\n').slice(0, 12), [
    'apiVersion: skein/v1',
    'kind: Workflow',
    'name: survey',
    'description: From a trace in WfFormat, at time scale 1.',
    'stages:',
    '  split_ID0001:',
    '    function: skein:sleep',
    '    with: { for: 12s500ms }',
    '    resources: { cpu: 1, memory: 1MiB }',
    '  map_ID0002:',
    '    needs: [ split_ID0001 ]',
    '    function: skein:sleep',
  ])
})

test('what one of the two lists says is enough, and what both say is said once', () => {
  const tasks = [
    { id: 'a', children: ['b', 'b'] },
    { id: 'b', parents: ['a', 'a'] },
    { id: 'c', parents: ['b'] },
  ]
  const { stages } = imported(traceOf(tasks)).document
  assert.deepEqual(stages.b?.needs, ['a'])
  assert.deepEqual(stages.c?.needs, ['b'])
})

test('a task without a time takes none, and is counted', () => {
  const execution = { tasks: [{ id: 'a', runtimeInSeconds: 2 }, { id: 'b' }] }
  const tasks = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
  const { document, figures } = imported(traceOf(tasks, {}, { execution }))
  assert.equal(figures.untimed, 2)
  assert.deepEqual(document.stages.b?.with, { for: '0ms' })
  assert.equal(imported(traceOf(tasks)).figures.untimed, 3)
})

test('names are as like the ids as may be', () => {
  const long = `NFCORE_RNASEQ.RNASEQ.${'ALIGN_STAR_DEDUP_UMI.'.repeat(3)}SAMTOOLS_SORT_17`
  assert.deepEqual(stageNames(['mProject_ID0000001', 'a.b.c', '7zip', '', '…', '--x--', long]), [
    'mProject_ID0000001',
    'a-b-c',
    't-7zip',
    'task',
    'task-2',
    'x',
    'UMI-ALIGN_STAR_DEDUP_UMI-ALIGN_STAR_DEDUP_UMI-SAMTOOLS_SORT_17',
  ])
})

test('names that would be one are told apart, the first in its own', () => {
  assert.deepEqual(stageNames(['a.b', 'a-b', 'a b', 'a-b-2']), ['a-b', 'a-b-2', 'a-b-3', 'a-b-2-2'])
  const many = stageNames(Array.from({ length: 10_000 }, () => `${'x'.repeat(80)}.`))
  assert.equal(new Set(many).size, 10_000)
  assert.ok(many.every((name) => /^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name)))
})

/** Any text as an id, and some that formats and programs may stumble over. */
const anyId = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
  fc.string({ unit: fc.constantFrom('a', '_', '-', '.', '1'), minLength: 1, maxLength: 80 }),
  fc.constantFrom(
    'null',
    'true',
    'no',
    '__proto__',
    'constructor',
    'toString',
    '<<',
    '\u0024{{ 1 }}',
    'a: b',
    '- a',
    '#',
  ),
)

test('whatever tasks are called, the stages have their order and say the same in YAML and JSON', () => {
  const ids = fc.uniqueArray(anyId, { minLength: 1, maxLength: 12 })
  const pairs = fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.boolean()), { maxLength: 30 })
  fc.assert(
    fc.property(ids, pairs, fc.constantFrom(...works), (ids, raw, work) => {
      const tasks = ids.map((id) => ({ id, parents: [] as string[], children: [] as string[] }))
      const wanted = ids.map(() => new Set<string>())
      for (const [x, y, byParent] of raw) {
        const [from, to] = [Math.min(x, y), Math.max(x, y)]
        if (from === to || to >= ids.length) continue
        if (byParent) tasks[to]!.parents.push(ids[from]!)
        else tasks[from]!.children.push(ids[to]!)
        wanted[to]!.add(ids[from]!)
      }
      const trace = traceOf(tasks satisfies MadeTask[])
      const json = imported(trace, { work, labels: true })
      const yaml = imported(trace, { work, labels: true, format: 'yaml' })
      assert.equal(workflowHash(json.workflow), workflowHash(yaml.workflow))
      assert.ok(parseWorkflow(yaml.text).ok)
      const { taskOf, workflow } = json
      assert.equal(workflow.stages.length, ids.length)
      for (const { name, needs } of workflow.stages) {
        const parents = needs.map((need) => taskOf.get(need)!)
        assert.deepEqual(new Set(parents), wanted[ids.indexOf(taskOf.get(name)!)])
      }
    }),
    { numRuns: 200 },
  )
})

test('the same trace gives the same text', () => {
  assert.equal(imported(survey).text, imported(survey).text)
})
