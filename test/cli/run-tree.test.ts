/** The tree of a run: every stage once, in an order in which it may run, and never beyond the screen. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import {
  type RunTreeHead,
  type RunTreeStage,
  type RunTreeState,
  runTree,
} from '../../coordinator/cli/run-tree.ts'
import { folded } from '../../coordinator/cli/run-tree-fold.ts'
import { layoutOf } from '../../coordinator/cli/run-tree-layout.ts'
import { width } from '../../coordinator/cli/table.ts'
import { Terminal } from './stage.ts'

const head: RunTreeHead = { run: 'r-7f3a', workflow: 'release', state: 'running', startedMs: 1_000 }
const nowMs = 61_000

function stage(name: string, needs: string[] = [], over: Partial<RunTreeStage> = {}): RunTreeStage {
  return { name, needs, state: 'pending', attempt: 0, ...over }
}

const done = (from: number, to: number, node: string): Partial<RunTreeStage> => ({
  state: 'succeeded',
  attempt: 1,
  startedMs: from * 1_000,
  endedMs: to * 1_000,
  node,
})

function drawn(
  stages: readonly RunTreeStage[],
  { columns = 80, linesMax = Number.POSITIVE_INFINITY, colour = false, of = head } = {},
): string[] {
  const io = new Terminal()
  io.columns = () => columns
  io.colour = colour
  return runTree(of, stages, layoutOf(stages), { nowMs, linesMax }, io)
}

const release = [
  stage('build', [], done(1, 13, 'n1')),
  stage('unit', ['build'], { ...done(13, 25, 'n2'), attempt: 2 }),
  stage('lint', ['build'], {
    state: 'failed',
    attempt: 3,
    node: 'n3',
    startedMs: 13_000,
    endedMs: 13_400,
    note: 'exit code 2',
  }),
  stage('pack', ['unit'], {
    state: 'running',
    attempt: 1,
    node: 'n2',
    startedMs: 25_000,
    progress: 0.42,
    note: 'layer 3',
  }),
  stage('sign', ['unit'], {
    state: 'waiting',
    attempt: 0,
    startedMs: 25_000,
    note: 'approval by 1 of approver',
  }),
  stage('regions', ['pack', 'sign'], {
    state: 'open',
    items: { succeeded: 12, running: 3, failed: 1, pending: 24 },
    attempt: 1,
    startedMs: 40_000,
  }),
  stage('smoke', ['regions', 'lint'], { state: 'skipped' }),
  stage('announce', ['smoke']),
]

test('branches stand under where they part, and what comes after them under all of them', () => {
  assert.deepEqual(drawn(release), [
    'release  r-7f3a  running  60s  1 failed, 1 running, 1 open, 1 waiting, 2 of 8 s…',
    '✔ build         12s  n1',
    '├─ ✔ unit       12s  n2  try 2',
    '│  ├─ ● pack    36s  n2  ████▏····· 42%  layer 3',
    '│  └─ ◔ sign    36s      approval by 1 of approver',
    '│  ● regions    21s      1 failed, 3 running, 12 of 40 succeeded, 24 pending',
    '└─ ✖ lint     400ms  n3  try 3  exit code 2',
    '– smoke',
    '○ announce',
  ])
  assert.deepEqual(drawn(release, { columns: 34, linesMax: 6 }), [
    'release  r-7f3a  running  60s  1 …',
    '⋮ 2 succeeded',
    '│  ├─ ● pack    36s  n2  ████▏···…',
    '⋮ 1 open, 1 waiting',
    '└─ ✖ lint     400ms  n3  try 3  e…',
    '⋮ 1 skipped, 1 pending',
  ])
})

test('a chain is a list, and so are stages that have nothing to do with each other', () => {
  const chain = ['a', 'b', 'c'].map((name, i, all) => stage(name, i === 0 ? [] : [all[i - 1]!]))
  assert.deepEqual(drawn(chain).slice(1), ['○ a', '○ b', '○ c'])
  assert.deepEqual(drawn([stage('a'), stage('b')]).slice(1), ['├─ ○ a', '└─ ○ b'])
})

test('where there is little room, what matters stays and the rest is counted in its place', () => {
  const many = [
    stage('prepare', [], done(1, 2, 'n1')),
    ...Array.from({ length: 100 }, (_, i) =>
      stage(`part-${i}`, ['prepare'], i < 60 ? done(2, 3 + (i % 50), 'n1') : {}),
    ),
    stage(
      'join',
      Array.from({ length: 100 }, (_, i) => `part-${i}`),
    ),
  ]
  many[71] = stage('part-70', ['prepare'], {
    state: 'failed',
    attempt: 1,
    startedMs: 5_000,
    endedMs: 6_000,
    node: 'n2',
  })
  many[81] = stage('part-80', ['prepare'], {
    state: 'running',
    attempt: 1,
    startedMs: 50_000,
    node: 'n3',
  })
  assert.deepEqual(drawn(many, { linesMax: 9 }), [
    'release  r-7f3a  running  60s  1 failed, 1 running, 61 of 102 succeeded, 39 pen…',
    '⋮ 61 succeeded',
    '├─ ○ part-60',
    '├─ ○ part-61',
    '⋮ 8 pending',
    '├─ ✖ part-70  1.0s  n2',
    '⋮ 9 pending',
    '├─ ● part-80   11s  n3',
    '⋮ 20 pending',
  ])
})

test('colours are for terminals, and change nothing else', () => {
  const plainly = drawn(release)
  const coloured = drawn(release, { colour: true })
  assert.deepEqual(coloured.map(stripVTControlCharacters), plainly)
  assert.ok(coloured[6]!.includes(`${String.fromCharCode(27)}[31m✖`))
  assert.equal(plainly.join('').includes('\u001b'), false)
})

test('what stages and hosts say cannot reach the terminal as a command to it', () => {
  const evil = 'x\u001b[2J\u0007\r\n\u009b31m'
  const lines = drawn(
    [stage('a', [], { state: 'running', attempt: 1, node: evil, note: evil, startedMs: 1 })],
    {
      of: { ...head, workflow: evil, run: evil },
    },
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  for (const line of lines) assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/)
})

test('a run that has ended tells how long it took, and clocks that differ make no negative times', () => {
  const ended = { ...head, state: 'succeeded' as const, endedMs: 31_000 }
  assert.match(
    drawn([stage('a', [], done(1, 2, 'n1'))], { of: ended })[0]!,
    /succeeded {2}30s {2}1 succeeded$/,
  )
  const early = stage('a', [], { state: 'running', attempt: 1, startedMs: 99_000 })
  assert.equal(drawn([early])[1], '● a  0ms')
})

const states: readonly RunTreeState[] = [
  ...(['pending', 'running', 'waiting', 'open', 'assigned', 'succeeded', 'failed'] as const),
  ...(['skipped', 'cancelled'] as const),
]

const anyStages = fc
  .array(
    fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 70 }),
      needs: fc.array(fc.nat(), { maxLength: 3 }),
      state: fc.constantFrom(...states),
      node: fc.string({ unit: 'grapheme', maxLength: 40 }),
      note: fc.string({ unit: 'grapheme', maxLength: 100 }),
      progress: fc.double(),
      endedMs: fc.nat(100_000),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((drafts) =>
    drafts.map(({ needs, name, ...rest }, i) => ({
      ...rest,
      attempt: 1,
      startedMs: 5,
      name: `${i} ${name}`,
      needs: i === 0 ? [] : needs.map((need) => `${need % i} ${drafts[need % i]!.name}`),
    })),
  )

test('every stage stands in the layout once, after all that it needs', () => {
  fc.assert(
    fc.property(anyStages, (stages) => {
      const rows = layoutOf(stages)
      assert.equal(new Set(rows.map(({ stage }) => stage)).size, stages.length)
      assert.equal(rows.length, stages.length)
      const places = new Map(rows.map(({ stage }, place) => [stages[stage]!.name, place]))
      for (const { name, needs } of stages) {
        for (const need of needs) assert.ok(places.get(need)! < places.get(name)!)
      }
    }),
  )
})

test('nothing is wider or higher than the screen, and every stage is shown or counted', () => {
  const screen = fc.record({
    columns: fc.integer({ min: 1, max: 120 }),
    linesMax: fc.integer({ min: 2, max: 50 }),
  })
  fc.assert(
    fc.property(anyStages, screen, (stages, { columns, linesMax }) => {
      const lines = drawn(stages, { columns, linesMax })
      assert.ok(lines.length <= linesMax)
      for (const line of lines) assert.ok(width(line) <= columns, JSON.stringify(line))
      const wide = drawn(stages, { columns: 10_000, linesMax }).slice(1)
      const counted = wide
        .filter((line) => line.startsWith('⋮'))
        .flatMap((line) =>
          [...line.matchAll(/(\d+)(?: of \d+)? [a-z]+/g)].map(([, count]) => Number(count)),
        )
      const shown = wide.filter((line) => !line.startsWith('⋮')).length
      assert.equal(shown + counted.reduce((sum, count) => sum + count, 0), stages.length)
    }),
  )
})

test('what failed and what runs is folded last', () => {
  const urgent = ['failed', 'running', 'assigned', 'open'] as const
  fc.assert(
    fc.property(anyStages, fc.integer({ min: 1, max: 30 }), (stages, linesMax) => {
      const shown = folded(layoutOf(stages), stages, linesMax)
      const isFolded = shown.some(
        (each) => each.kind === 'fold' && urgent.some((state) => each.counts.has(state)),
      )
      if (!isFolded) return
      for (const [i, each] of shown.entries()) {
        if (each.kind === 'fold' || urgent.some((state) => state === stages[each.row.stage]!.state))
          continue
        // One between two that are shown has their room.
        assert.notEqual(shown[i - 1]?.kind, 'fold')
        assert.notEqual(shown[i + 1]?.kind, 'fold')
      }
    }),
  )
})

test('thousands of stages, deep or wide, are laid out', () => {
  const chain = Array.from({ length: 2_000 }, (_, i) =>
    stage(`s${i}`, i === 0 ? [] : [`s${i - 1}`]),
  )
  assert.equal(layoutOf(chain).length, 2_000)
  const ladder = Array.from({ length: 1_000 }, (_, i) => [
    stage(`a${i}`, i === 0 ? [] : [`a${i - 1}`]),
    stage(`b${i}`, [`a${i}`]),
  ]).flat()
  const rows = layoutOf(ladder)
  assert.equal(rows.length, 2_000)
  assert.ok(rows.every(({ prefix }) => width(prefix) <= 3 * 8))
  const wide = [
    stage('first'),
    ...Array.from({ length: 9_999 }, (_, i) => stage(`w${i}`, ['first'])),
  ]
  assert.ok(layoutOf(wide).every(({ prefix }) => prefix === ''))
})
