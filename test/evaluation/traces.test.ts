/** Traces and tables into history: what was known of each task before it began, when, and how it ended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Collection } from '../../models/traces/collection.ts'
import { groupOf } from '../../models/traces/rows.ts'
import { bytesOf, collected, row, trace } from './stage.ts'

const times = (collection: Collection) =>
  collection.rows().map(({ task, startedMs, endedMs }) => [task, startedMs, endedMs])

test('a task of a trace is a row with what was known before it began', () => {
  const text = trace(
    [
      { id: 'split_ID0001', inputFiles: ['all', 'lost'], seconds: 2, machine: 'n1' },
      { id: 'map_ID0002', parents: ['split_ID0001'], seconds: 0.5 },
    ],
    { files: { all: 4_096 } },
  )
  assert.deepEqual(collected({ 'x/Blast-large-001.json': text }).rows(), [
    row({ task: 'split', group: 'blast', host: 'n1', ms: 2_000, inputBytes: 4_096, inputFiles: 2 }),
    row({ task: 'map', group: 'blast', host: '', startedMs: 2_000, ms: 500, inputFiles: 0 }),
  ])
})

test('packed or not, the same', () => {
  const text = trace([{ id: 'a', seconds: 1 }])
  const rows = (file: string, packed: boolean) => {
    const collection = new Collection()
    assert.equal(collection.add(file, bytesOf(text, packed)), undefined)
    return collection.rows()
  }
  assert.deepEqual(rows('a.json', false), rows('a.json.gz', true))
})

test('without a clock, a task begins when all that it needs has ended', () => {
  const collection = collected({
    'a-1.json': trace([
      { id: 'join', parents: ['long', 'short'], seconds: 1 },
      { id: 'long', seconds: 3 },
      { id: 'short', seconds: 1 },
    ]),
  })
  assert.deepEqual(times(collection), [
    ['short', 0, 1_000],
    ['long', 0, 3_000],
    ['join', 3_000, 4_000],
  ])
})

test('no more are at work at once than the length of the run asks for', () => {
  const tasks = ['a', 'b', 'c', 'd'].map((id) => ({ id, seconds: 1 }))
  const starts = (makespanInSeconds?: number) =>
    times(collected({ 'a.json': trace(tasks, { makespanInSeconds }) })).map(([, at]) => at)
  assert.deepEqual(starts(4), [0, 1_000, 2_000, 3_000])
  assert.deepEqual(starts(2.1), [0, 0, 1_000, 1_000])
  assert.deepEqual(starts(), [0, 0, 0, 0])
})

test('at any width each task begins after those that it needs, and no place is left empty', () => {
  const shapes = fc.array(
    fc.record({ seconds: fc.integer({ min: 0, max: 9 }), needs: fc.array(fc.nat(30)) }),
    { minLength: 1, maxLength: 30 },
  )
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 100 }), (shape, makespanInSeconds) => {
      const parents = shape.map(({ needs }, i) => [
        ...new Set(needs.filter((need) => need < i).map((need) => `t${need}_`)),
      ])
      const tasks = shape.map(({ seconds }, i) => ({
        ...{ id: `t${i}_`, seconds },
        parents: parents[i] as string[],
      }))
      const rows = collected({ 'a.json': trace(tasks, { makespanInSeconds }) }).rows()
      const byTask = new Map(rows.map((each) => [each.task, each]))
      const workMs = rows.reduce((sum, { startedMs, endedMs }) => sum + endedMs - startedMs, 0)
      const places = Math.max(1, Math.ceil(workMs / makespanInSeconds / 1_000))
      for (const [i, needs] of parents.entries()) {
        const { startedMs } = byTask.get(`t${i}_`)!
        for (const need of needs) assert.ok(byTask.get(need)!.endedMs <= startedMs)
        const busy = rows.filter((each) => each.startedMs <= startedMs && each.endedMs > startedMs)
        assert.ok(busy.length <= places, `${busy.length} at ${places} places`)
      }
    }),
  )
})

test('runs of an application follow each other by name, and applications have clocks of their own', () => {
  const one = trace([{ id: 'a', seconds: 1 }])
  const rows = collected({ 'x/b-10.json': one, 'x/b-2.json': one, 'y/c-1.json': one }).rows()
  assert.deepEqual(
    rows.map(({ group, startedMs }) => [group, startedMs]),
    [
      ['b', 0],
      ['c', 0],
      ['b', 1_000],
    ],
  )
})

test('what a trace says of its times holds, if all of the application say it', () => {
  const at = (second: number) => `2026-11-22T10:00:0${second}Z`
  const dated = trace([{ id: 'a', seconds: 1, executedAt: at(7) }], { executedAt: at(5) })
  const later = trace([{ id: 'b', seconds: 1 }], { executedAt: at(9) })
  const startMs = Date.parse(at(0))
  assert.deepEqual(times(collected({ 'x-2.json': dated, 'x-1.json': later })), [
    ['a', startMs + 7_000, startMs + 8_000],
    ['b', startMs + 9_000, startMs + 10_000],
  ])
  const undated = trace([{ id: 'c', seconds: 1 }])
  assert.equal(collected({ 'x-1.json': undated, 'x-2.json': later }).rows()[0]?.startedMs, 0)
})

test('a task that nobody measured is no row, and is counted', () => {
  const collection = collected({
    'a.json': trace([{ id: 'a' }, { id: 'b', parents: ['a'], seconds: 1 }]),
  })
  assert.deepEqual(times(collection), [['b', 0, 1_000]])
  assert.equal(collection.untimed, 1)
})

test('a table is read by the names of its columns', () => {
  const text = [
    'endedMs,task,startedMs,ended,inputBytes,group',
    '1500,"say ""a, b""",500,failed,1e3,x',
    '',
    '2500,b,500,,,',
  ].join('\r\n')
  assert.deepEqual(collected({ 'made_1.csv': text }).rows(), [
    row({
      ...{ task: 'say "a, b"', group: 'x', host: '', startedMs: 500, ended: 'failed' },
      inputBytes: 1_000,
    }),
    row({ task: 'b', group: 'made', host: '', startedMs: 500, ms: 2_000 }),
  ])
})

test('what is wrong with a table is told with its line', () => {
  const told = (text: string, file = 'x.csv') => {
    const refused = new Collection().add(file, bytesOf(text))
    return refused?.mistakes.map(({ place, why, fix }) => `${place}: ${why}; ${fix}`).join('\n')
  }
  const header = 'task,startedMs,endedMs'
  const cases: [string, RegExp][] = [
    ['', /^: it is empty/],
    ['task,startedMs', /^line 1: there is no column endedMs/],
    [`${header},tsak`, /^line 1: "tsak" is no column that is known; did you mean task\?/],
    [`${header},task`, /^line 1: the column "task" stands twice/],
    [header, /^line 2: no attempt is in it/],
    [`${header}\na,1`, /^line 2: it has 2 fields, and there are 3 columns/],
    [`${header}\na,1,2\nb,x,2`, /^line 3, startedMs: "x" is no number/],
    [`${header}\na,1,-2`, /^line 2, endedMs: "-2" is no number/],
    [`${header}\na,1,1e400`, /^line 2, endedMs: /],
    [`${header}\na,2,1`, /^line 2: it ended before it began/],
    [`${header}\n,1,2`, /^line 2, task: it is empty/],
    [`${header}\n"a\nb",1,2\nc"d,1,2`, /^line 4: a quote stands in the wrong place/],
    [`${header}\n"a,1,2`, /^line 2: a quote stands in the wrong place/],
    [`${header},ended\na,1,2,done`, /^line 2, ended: "done" is no outcome/],
    [`${header},load\na,1,2,1.5`, /^line 2, load: "1.5" is no number from 0 to 1/],
  ]
  for (const [text, words] of cases) assert.match(told(text) ?? '', words, text)
  assert.match(told('[]', 'x.json') ?? '', /^: an object is needed/)
})

test('whatever a table says, it is rows or it is told why not', () => {
  const texts = fc.array(fc.constantFrom('task', 'startedMs', 'endedMs', ',', '"', '\n', '7', 'a'))
  fc.assert(
    fc.property(texts, (parts) => {
      const refused = new Collection().add('x.csv', bytesOf(parts.join('')))
      assert.ok(refused === undefined || refused.mistakes.length > 0)
    }),
  )
})

test('the application of a file is the first word of its name', () => {
  assert.equal(groupOf('wf/1000genome-chameleon-10ch.json.gz'), '1000genome')
  assert.equal(groupOf('Montage.json'), 'montage')
  assert.equal(groupOf('-x.json'), '-x.json')
})

test('a table of very many lines is read', () => {
  const lines = Array.from({ length: 200_000 }, (_, i) => `a,${i},${i + 1}`)
  assert.equal(
    collected({ 'a.csv': `task,startedMs,endedMs\n${lines.join('\n')}` }).rows().length,
    200_000,
  )
})
