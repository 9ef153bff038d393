/** Rules, experience, trees, margins and the choice between them, on histories whose truth is known. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OwnQuantiles } from '../../models/baselines/own-quantiles.ts'
import { baselines } from '../../models/baselines/rules.ts'
import { SortedWindow } from '../../models/baselines/sorted-window.ts'
import { Margins } from '../../models/calibration/margins.ts'
import { Chosen } from '../../models/choosing/chosen.ts'
import { questionOf } from '../../models/evaluation/ask.ts'
import { Experience, type View } from '../../models/features/experience.ts'
import { featureNames, featuresOf } from '../../models/features/features.ts'
import { goThrough } from '../../models/features/passes.ts'
import type { LivingLearner, Question, Range, Reach, Row } from '../../models/rows.ts'
import { TreeLearner } from '../../models/trees/learner.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { medianOff, rooted, row } from './stage.ts'

const entropy = (seed = 'learners') => new SeededEntropy(seed)

/** One after the other, each as long as it is said. */
function history(sizes: readonly number[], msOf: (bytes: number, i: number) => number): Row[] {
  let atMs = 0
  return sizes.map((inputBytes, i) => {
    const made = row({ inputBytes, startedMs: atMs, ms: msOf(inputBytes, i) })
    atMs = made.endedMs
    return made
  })
}

async function said(learner: LivingLearner, rows: readonly Row[], question: Question) {
  const [range] = await (await learner.fit(rows)).predict([question])
  return range
}

const [median, linear, last] = baselines() as [LivingLearner, LivingLearner, LivingLearner]

test('the rules say the median, the line and the last', async () => {
  const rows = history([1, 2, 3, 4, 100], (bytes) => 1_000 + 10 * bytes)
  const asked = questionOf(row({ inputBytes: 50 }))
  assert.equal((await said(median, rows, asked))?.p50, 1_030)
  assert.equal(Math.round((await said(linear, rows, asked))?.p50 ?? 0), 1_500)
  assert.equal((await said(last, rows, asked))?.p50, 2_000)
  for (const rule of [median, linear, last]) {
    assert.equal(await said(rule, rows, { ...asked, task: 'another' }), undefined)
    assert.equal(await said(rule, [], asked), undefined)
  }
})

test('no line is drawn through one size, below the least that was seen, or to what has no size', async () => {
  const same = history([7, 7, 7, 7], (_, i) => 1_000 + i)
  assert.deepEqual(
    await said(linear, same, questionOf(row({ inputBytes: 9 }))),
    await said(median, same, questionOf(row({ inputBytes: 9 }))),
  )
  const steep = history([10, 20, 30], (bytes) => bytes * 100)
  assert.equal((await said(linear, steep, questionOf(row({ inputBytes: 0 }))))?.p50, 1_000)
  assert.equal((await said(linear, steep, questionOf(row())))?.p50, 2_000)
})

test('what failed says nothing of how long it takes', async () => {
  const rows = [...history([1, 1, 1], () => 1_000)]
  const failed = rows.map((each) => ({
    ...each,
    endedMs: each.startedMs + 5,
    ended: 'failed' as const,
  }))
  for (const learner of [median, linear, last, new OwnQuantiles()]) {
    const range = await said(learner, [...rows, ...failed], questionOf(row()))
    assert.equal(Math.round(range?.p50 ?? 0), 1_000)
    assert.equal(await said(learner, failed, questionOf(row())), undefined)
  }
})

test('a window has the latest numbers in order', () => {
  const numbers = fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 40 })
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 10 }), (values, limit) => {
      const window = new SortedWindow(limit)
      for (const value of values) window.add(value)
      assert.deepEqual(
        window.sorted,
        values.slice(-limit).sort((a, b) => a - b),
      )
    }),
  )
})

test('history speaks for the task, then for what shares its words, then for the application', async () => {
  const made = (task: string, group: string, ms: number, count: number) =>
    Array.from({ length: count }, (_, i) => row({ task, group, ms, startedMs: i * 10_000 }))
  const rows = [
    ...made('align sample_1', 'genome', 1_000, 9),
    ...made('sort sample_1', 'genome', 7_000, 9),
    ...made('draw', 'chart', 50, 3),
  ].sort((a, b) => a.endedMs - b.endedMs)
  const middle = async (task: string, group: string) => {
    const range = await said(new OwnQuantiles(), rows, questionOf(row({ task, group })))
    return range && Math.round(range.p50)
  }
  assert.equal(await middle('sort sample_1', 'genome'), 7_000)
  assert.equal(await middle('align lane 5', 'genome'), 1_000)
  // By the application: between the two.
  const any = await middle('merge', 'genome')
  assert.ok(any !== undefined && any > 1_000 && any < 7_000)
  assert.equal(await middle('draw', 'chart'), 50)
  // Three attempts are no ground to speak for another task.
  assert.equal(await middle('print', 'chart'), undefined)
  assert.equal(await middle('print', 'never'), undefined)
})

const anyRows = fc
  .array(
    fc.record({
      task: fc.constantFrom('a x', 'b x', 'c', ''),
      group: fc.constantFrom('g', 'h'),
      host: fc.constantFrom('', 'h1'),
      startedMs: fc.integer({ min: 0, max: 500 }),
      ms: fc.integer({ min: 0, max: 100_000 }),
      inputBytes: fc.option(fc.maxSafeNat(), { nil: undefined }),
      load: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((made) =>
    made
      .map(({ inputBytes, load, ...each }) =>
        row({
          ...each,
          ...(inputBytes === undefined ? {} : { inputBytes }),
          ...(load === undefined ? {} : { load }),
        }),
      )
      .sort((a, b) => a.endedMs - b.endedMs),
  )

function met(rows: readonly Row[], reach: Reach): Map<Row, Float32Array> {
  const experience = new Experience()
  const seen = new Map<Row, Float32Array>()
  goThrough(experience, rows, reach, (each: Row, view: View) => {
    assert.ok(!seen.has(each), 'each once')
    seen.set(each, featuresOf(experience, view))
  })
  return seen
}

test('features are finite, whatever has happened, and each row is met once', () => {
  fc.assert(
    fc.property(anyRows, fc.constantFrom<Reach>('near', 'far'), (rows, reach) => {
      const seen = met(rows, reach)
      assert.equal(seen.size, rows.length)
      for (const features of seen.values()) {
        assert.equal(features.length, featureNames.length)
        assert.ok(features.every(Number.isFinite))
      }
    }),
  )
})

test('what ends when something has begun, itself above all, changes nothing of what was thought of it', () => {
  fc.assert(
    fc.property(anyRows, fc.nat(), (rows, at) => {
      const one = rows[at % rows.length] as Row
      const lengthened = rows.map((each) =>
        each.endedMs > one.startedMs || each === one
          ? { ...each, endedMs: each.endedMs * 2 + 1_000_000 }
          : each,
      )
      const before = met(rows, 'near').get(one)
      const after = met(
        lengthened.toSorted((a, b) => a.endedMs - b.endedMs),
        'near',
      ).get(lengthened[rows.indexOf(one)] as Row)
      assert.deepEqual(before, after)
    }),
    { numRuns: 500 },
  )
})

test('trees learn what no rule says: hosts, and how time goes with size', async () => {
  const rows = rooted(1_500, 'rooted')
  const [known, asked] = [rows.slice(0, 1_000), rows.slice(1_000)]
  const off = (learner: LivingLearner) => medianOff(learner, known, asked)
  const ours = await off(new TreeLearner(entropy()))
  const rules = await Promise.all([median, linear, last, new OwnQuantiles()].map(off))
  assert.ok(ours < 0.15, `${ours}`)
  for (const rule of rules) assert.ok(ours < rule / 2, `${ours} beside ${rule}`)
})

test('the same rows and seed grow the same trees, and too few rows grow none', async () => {
  const rows = rooted(200, 'same')
  const asked = questionOf(row({ inputBytes: 5_000, host: 'slow' }))
  const ranges = async (seed: string, of: readonly Row[]) =>
    said(new TreeLearner(entropy(seed)), of, asked)
  assert.deepEqual(await ranges('1', rows), await ranges('1', rows))
  assert.notDeepEqual(await ranges('1', rows), await ranges('2', rows))
  assert.equal(await ranges('1', rows.slice(0, 20)), undefined)
})

test('quantiles stay in order', async () => {
  const rows = rooted(300, 'order')
  const ranges = await (await new TreeLearner(entropy()).fit(rows)).predict(rows.map(questionOf))
  for (const range of ranges) assert.ok(range && range.p10 <= range.p50 && range.p50 <= range.p90)
})

const normal = (chance: SeededEntropy) =>
  Math.sqrt(-2 * Math.log(1 - chance.unit())) * Math.cos(2 * Math.PI * chance.unit())

test('margins make ranges that are too narrow hold in eight of ten cases, and again after the world has changed', () => {
  const chance = entropy('margins')
  const answer = (spread: number) => ({
    ...{ group: 'g', low: -0.5, middle: 0, high: 0.5 },
    actual: spread * normal(chance),
  })
  const margins = new Margins(Array.from({ length: 500 }, () => answer(1)))
  const held = (count: number, spread: number, learns: boolean) => {
    let inside = 0
    for (let i = 0; i < count; i++) {
      const judged = answer(spread)
      const { low, high } = margins.applied(judged)
      if (judged.actual >= low && judged.actual <= high) inside++
      if (learns) margins.learn(judged)
    }
    return inside / count
  }
  const first = held(2_000, 1, false)
  assert.ok(first > 0.75 && first < 0.85, `${first}`)
  assert.ok(held(200, 1.5, false) < 0.75)
  held(2_000, 1.5, true)
  const adapted = held(2_000, 1.5, true)
  assert.ok(adapted > 0.75 && adapted < 0.85, `${adapted}`)
})

test('without anything judged, ranges are left as they are', () => {
  const answer = { group: 'g', low: 1, middle: 2, high: 3 }
  assert.deepEqual(new Margins([]).applied(answer), answer)
})

/** Believes for ever that it takes so many milliseconds a byte. */
const believer = (msPerByte: number): LivingLearner => ({
  name: 'believer',
  fit: () =>
    Promise.resolve({
      tell: () => {},
      predict: (questions) =>
        Promise.resolve(
          questions.map(({ inputBytes = 0 }): Range => {
            const p50 = inputBytes * msPerByte
            return { p10: p50 * 0.9, p50, p90: p50 * 1.1, n: 1 }
          }),
        ),
    }),
})

test('a model is believed when it is better than history, and no longer when it is not', async () => {
  const chance = entropy('drift')
  const size = () => 100 + Math.floor(10_000 * chance.unit())
  const rows = history(Array.from({ length: 200 }, size), (bytes) => bytes)
  const living = await new Chosen(new OwnQuantiles(), [believer(1)]).fit(rows)
  assert.equal(living.believed('survey'), 'believer')
  const wrong = await new Chosen(new OwnQuantiles(), [believer(100)]).fit(rows)
  assert.equal(wrong.believed('survey'), 'own quantiles')

  const live = async (msOf: (bytes: number) => number, count: number) => {
    for (let i = 0; i < count; i++) {
      const inputBytes = size()
      const asked = questionOf(row({ inputBytes }))
      await living.predict([asked])
      living.tell([row({ inputBytes, ms: msOf(inputBytes) })], [asked])
    }
  }
  await live((bytes) => bytes, 20)
  assert.equal(living.believed('survey'), 'believer')
  await live(() => 50_000, 400)
  assert.equal(living.believed('survey'), 'own quantiles')
  const [range] = await living.predict([questionOf(row({ inputBytes: 500 }))])
  assert.equal(Math.round(range?.p50 ?? 0), 50_000)
  // And again, when it is again as it says.
  await live((bytes) => bytes, 400)
  assert.equal(living.believed('survey'), 'believer')
})

test('what the believed does not know, another may', async () => {
  const silent: LivingLearner = {
    name: 'silent',
    fit: () =>
      Promise.resolve({
        tell: () => {},
        predict: (questions) => Promise.resolve(questions.map(() => undefined)),
      }),
  }
  const rows = history(new Array(50).fill(1), () => 1_000)
  const living = await new Chosen(silent, [believer(1_000)]).fit(rows)
  const [range] = await living.predict([questionOf(row({ inputBytes: 2 }))])
  assert.equal(range?.p50, 2_000)
})
