/** Traces that are wrong, or meant to hurt: each is refused in one line that says where and what now. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { importLimits as limits } from '../../coordinator/importing/limits.ts'
import { bytesOf, imported, mistakesIn, survey, traceOf } from './stage.ts'

const only = (...args: Parameters<typeof mistakesIn>) => {
  const { told, more } = mistakesIn(...args)
  assert.equal(more, 0)
  assert.equal(told.length, 1, told.join('\n'))
  return told[0]!
}

const tasks = 'workflow.specification.tasks'

test('a file that is no trace is told to be none', () => {
  const another = 'name a trace in WfFormat 1.5'
  assert.equal(only('{"name":\n nothing}'), `line 2, column 2: a value is missing here; ${another}`)
  assert.equal(only(''), `line 1, column 1: it ends too early; ${another}`)
  assert.equal(only('[]'), `: an object is needed, not a list; ${another}`)
  assert.equal(
    only('{"name":"w","workflow":{}}'),
    'schemaVersion: its version is not said, and 1.5 is read; convert it to 1.5 with the tools of the WfFormat project',
  )
  assert.match(
    only(traceOf([{ id: 'a' }], { schemaVersion: '1.4' })),
    /^schemaVersion: its version is "1.4"/,
  )
  assert.match(only(traceOf([{ id: 'a' }], { name: 7 })), /^name: a text is needed, not 7;/)
  assert.match(
    only(traceOf([{ id: 'a' }], { workflow: null })),
    /^workflow: an object is needed, not null/,
  )
  assert.match(only(traceOf({ id: 'a' })), /tasks: a list is needed, not an object/)
  assert.equal(only(traceOf([])), `${tasks}: it has no tasks; take another trace`)
  assert.match(only(Uint8Array.of(0x7b, 0xff, 0xfe)), /^: it is no text in UTF-8;/)
})

test('a version with nothing but additions is read', () => {
  assert.equal(imported(traceOf([{ id: 'a' }], { schemaVersion: '1.6' })).figures.tasks, 1)
})

test('parents that are missing are told with the nearest that there are', () => {
  const written = [
    { id: 'project_1', children: ['fit_9'] },
    { id: 'fit_1', parents: ['projekt_1'] },
  ]
  assert.deepEqual(mistakesIn(traceOf(written)).told, [
    `${tasks}[0].children[0]: there is no task "fit_9"; did you mean "fit_1"?`,
    `${tasks}[1].parents[0]: there is no task "projekt_1"; did you mean "project_1"?`,
  ])
})

test('an id that stands twice is told with the first', () => {
  const told = only(traceOf([{ id: 'a' }, { id: 'b' }, { id: 'a', parents: ['b'] }]))
  assert.equal(
    told,
    `${tasks}[2].id: the id "a" stands twice; task 0 has it: give this one another`,
  )
})

test('circles are told with their way', () => {
  const fix = 'take one of them away'
  const way = (ids: string) => `the parents go round in a circle: ${ids}; ${fix}`
  assert.equal(
    only(traceOf([{ id: 'a', parents: ['a'] }])),
    `${tasks}[0].parents: ${way('"a" needs "a"')}`,
  )
  const two = [{ id: 'x' }, { id: 'a', parents: ['b'] }, { id: 'b', children: [], parents: ['a'] }]
  assert.equal(only(traceOf(two)), `${tasks}[1].parents: ${way('"a" needs "b" needs "a"')}`)
  const long = Array.from({ length: 1_000 }, (_, i) => ({
    id: `t${i}`,
    parents: [`t${(i + 1) % 1_000}`],
  }))
  assert.match(
    only(traceOf(long)),
    /"t0" needs "t1" needs .* needs "t7" needs 992 more needs "t0";/,
  )
})

test('numbers that cannot be are told with what can', () => {
  const execution = (task: object) => ({ execution: { tasks: [{ id: 'a', ...task }] } })
  const told = (task: object) => only(traceOf([{ id: 'a' }], {}, execution(task)))
  const at = 'workflow.execution.tasks[0]'
  const fix = 'correct it, or take it away'
  const year = limits.secondsMax
  assert.equal(
    told({ runtimeInSeconds: -1 }),
    `${at}.runtimeInSeconds: it is -1, and can be 0 to ${year}; ${fix}`,
  )
  assert.equal(
    told({ runtimeInSeconds: '12' }),
    `${at}.runtimeInSeconds: a number is needed, not the text "12"; write it without quotes`,
  )
  assert.equal(
    told({ coreCount: 1e9 }),
    `${at}.coreCount: it is 1000000000, and can be 0 to 4096; ${fix}`,
  )
  assert.match(told({ memoryInBytes: 1e300 }), /memoryInBytes: it is 1e\+300, and can be 0 to/)
  const endless = traceOf([{ id: 'a' }], {}, execution({ runtimeInSeconds: 4 })).replace(
    '4}',
    '1e999}',
  )
  assert.match(only(endless), /runtimeInSeconds: it is Infinity/)
})

test('a time that the scale makes too long is told', () => {
  const execution = { tasks: [{ id: 'b', runtimeInSeconds: 1e6 }] }
  const trace = traceOf([{ id: 'a' }, { id: 'b' }], {}, { execution })
  assert.equal(
    only(trace, { timeScale: 1_000 }),
    `${tasks}[1]: at this time scale it takes more than a year; take a smaller scale`,
  )
})

test('what was measured belongs to one task that there is', () => {
  const execution = { tasks: [{ id: 'a' }, { id: 'a' }, { id: 'b' }, 7] }
  assert.deepEqual(mistakesIn(traceOf([{ id: 'a' }], {}, { execution })).told, [
    'workflow.execution.tasks[1].id: the task "a" stands twice; take it away, or correct its id',
    'workflow.execution.tasks[2].id: no task of the specification is called "b"; take it away, or correct its id',
    'workflow.execution.tasks[3]: an object is needed, not 7; write it as an object',
  ])
})

test('of many mistakes the first are told and the rest are counted', () => {
  const wrong = Array.from({ length: 50 }, () => ({ id: '' }))
  const { told, more } = mistakesIn(traceOf(wrong))
  assert.equal(told.length, limits.mistakesMax)
  assert.equal(told.length + more, 50)
  assert.equal(told[0], `${tasks}[0].id: it is empty; give it a name`)
})

test('a file beyond the limit is refused before it is looked at', () => {
  const told = only(new Uint8Array(limits.fileBytesMax + 1))
  assert.equal(told, `: the file has more than ${limits.fileBytesMax} bytes; take a smaller trace`)
})

test('a bomb is stopped at the limit', () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(limits.textBytesMax + 1, ' '), { level: 1 }))
  assert.ok(bomb.length < limits.fileBytesMax / 100)
  const told = only(bomb)
  assert.equal(told, `: it unpacks to more than ${limits.textBytesMax} bytes; take a smaller trace`)
})

test('a packed file that is cut off or damaged is told to be so', () => {
  const packed = new Uint8Array(gzipSync(survey))
  assert.equal(only(packed.slice(0, -9)), ': the packed file ends too early; get it again')
  const damaged = packed.slice()
  damaged[packed.length >> 1]! ^= 0xff
  assert.match(
    only(damaged),
    /^: (it cannot be unpacked: .*|the packed file ends too early); get it again/,
  )
})

test('more tasks and more pairs than a workflow may have are refused by figure', () => {
  const many = Array.from({ length: limits.tasksMax + 1 }, (_, i) => ({ id: `t${i}` }))
  assert.match(
    only(traceOf(many)),
    /tasks: it has 10001 tasks, and a workflow has at most 10000 stages;/,
  )
  const dense = Array.from({ length: 900 }, (_, i) => ({
    id: `${i}`,
    parents: Array.from({ length: i }, (_, j) => `${j}`),
  }))
  assert.match(
    only(traceOf(dense)),
    /up to here it has more than 200000 pairs of parent and child;/,
  )
})

test('a trace whose workflow would be too large is refused before anything is handed out', () => {
  const id = (i: number) => `${'x'.repeat(56)}${i}`
  const dense = Array.from({ length: 400 }, (_, i) => ({
    id: id(i),
    parents: Array.from({ length: i }, (_, j) => id(j)),
  }))
  assert.equal(
    only(traceOf(dense), { labels: true }),
    ': its workflow would be too large: the file has more than 4194304 characters; leave the labels out, or take a smaller trace',
  )
  assert.match(only(traceOf(dense), { format: 'yaml' }), /; write JSON, or take a smaller trace$/)
})

test('lists where texts should be, and texts where lists should be, are told with their place', () => {
  const told = (task: object) => only(traceOf([{ id: 'a', ...task }]))
  assert.match(told({ parents: 'b' }), /\[0\]\.parents: a list is needed, not the text "b"/)
  assert.match(told({ children: [['b']] }), /\[0\]\.children\[0\]: a text is needed, not a list/)
  assert.match(told({ inputFiles: [''] }), /\[0\]\.inputFiles\[0\]: it is empty/)
  assert.match(only(traceOf([null])), /\[0\]: an object is needed, not null/)
  assert.match(only(traceOf([{}])), /\[0\]\.id: a text is needed, not nothing/)
  assert.match(
    only(traceOf([{ id: 'x'.repeat(limits.idLengthMax + 1) }])),
    /\[0\]\.id: it has 4097 letters, and may have 4096/,
  )
})

test('keys that objects have by birth are no trouble', () => {
  const text =
    '{"__proto__":{"name":"p"},"constructor":1,"name":"w","schemaVersion":"1.5","workflow":{"specification":{"tasks":[{"id":"__proto__","children":["constructor"]},{"id":"constructor"}],"files":[{"id":"__proto__","sizeInBytes":1}]}}}'
  const { document } = imported(bytesOf(text))
  const needs = Object.entries(document.stages).map(([name, stage]) => [name, stage.needs])
  assert.deepEqual(needs, [
    ['t-__proto__', undefined],
    ['constructor', ['t-__proto__']],
  ])
})
