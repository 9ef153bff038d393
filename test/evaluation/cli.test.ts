/** `skein model evaluate`: the tables, the document, and what is said of folders that are no use. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from '../../coordinator/cli/program.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { Terminal } from '../cli/stage.ts'
import { bytesOf, trace } from './stage.ts'

async function evaluating(...args: string[]): Promise<{ code: number; io: Terminal }> {
  const io = new Terminal()
  const words = ['model', 'evaluate', ...args]
  return { code: await run(words, {} as Parameters<typeof run>[1], io), io }
}

function folder(t: TestContext, files: Record<string, string | Uint8Array> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'skein-evaluate-'))
  t.after(() => rmSync(path, { recursive: true }))
  mkdirSync(join(path, 'deeper'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content)
  return path
}

/** Runs of an application whose times go with the root of their sizes. */
function runs(application: string, count: number): Record<string, Uint8Array> {
  const chance = new SeededEntropy(application)
  const one = () => {
    const files: Record<string, number> = {}
    const tasks = Array.from({ length: 20 }, (_, i) => {
      const bytes = Math.round(Math.exp(15 * chance.unit()))
      files[`f${i}`] = bytes
      return { id: `${application}_ID${i}`, inputFiles: [`f${i}`], seconds: Math.sqrt(bytes) / 10 }
    })
    return trace(tasks, { files, makespanInSeconds: 10 })
  }
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `deeper/${application}-${i}.json.gz`,
      bytesOf(one(), true),
    ]),
  )
}

interface Line {
  learner: string
  unknown: number
  common?: { n: number; medianError: number }
  own?: { n: number }
}

test('learners stand side by side, in both ways of asking, and one seed gives one result', async (t) => {
  const path = folder(t, { ...runs('one', 20), ...runs('two', 20) })
  const told = async (...args: string[]) => {
    const { code, io } = await evaluating('--traces', path, '--json', ...args)
    assert.equal(code, exitCodes.done, io.talk)
    assert.equal(io.talk, '')
    const { seconds, ...rest } = JSON.parse(io.said)
    assert.ok(seconds > 0)
    return rest
  }
  const first = await told()
  assert.equal(first.schemaVersion, 1)
  assert.deepEqual([first.files, first.rows, first.applications], [40, 800, 2])
  assert.equal(first.known + first.held + first.between, 800)
  const learners = [
    'task median',
    'linear in size',
    'last value',
    'own quantiles',
    'boosted trees',
    'network',
  ]
  for (const way of ['once', 'living']) {
    const lines: Line[] = first.ways[way]
    assert.deepEqual(
      lines.map(({ learner }) => learner),
      [...learners, 'chosen'],
    )
    for (const { unknown, own } of lines) assert.equal(unknown + (own?.n ?? 0), first.held)
    const [best, ...others] = lines
      .toReversed()
      .map(({ common }) => common?.medianError ?? Infinity) as [number, ...number[]]
    // Rules know nothing of roots; what is chosen does no worse than the best of all.
    assert.ok(best < Math.min(...others.slice(2)) / 2, `${way}: ${best} beside ${others}`)
  }
  assert.deepEqual(await told(), first)
  assert.notDeepEqual(await told('--seed', '2'), first)
})

test('for eyes there are tables, and a verdict', async (t) => {
  const path = folder(t, runs('one', 20))
  const { code, io } = await evaluating('--traces', path)
  assert.equal(code, exitCodes.done)
  assert.match(io.said, /^20 files, 400 attempts of 1 applications\nSplit by time: /)
  assert.match(io.said, /\nAsked once, told nothing more:\nLEARNER .* ERROR .* IN BAND/)
  assert.match(io.said, /\nAsked as an agent is, .*\n/)
  assert.match(io.said, /\nchosen against the best of the 3 plain rules in each: error -\d+%/)
  assert.match(io.talk, /^task median …\n/)
})

test('an application that nobody knows is unknown once, and learned as its attempts end', async (t) => {
  const path = folder(t, { ...runs('one', 10), ...runs('two', 10) })
  const { code, io } = await evaluating('--traces', path, '--split', 'application', '--json')
  assert.equal(code, exitCodes.done)
  const { ways, held } = JSON.parse(io.said)
  const chosen = (way: string): Line => ways[way].at(-1)
  assert.equal(held, 400)
  assert.equal(chosen('once').unknown, 400)
  // The first run of each, whose tasks all begin at once.
  assert.ok(chosen('living').unknown <= 40)
})

test('a file that is no trace is told by name and place, and the others count', async (t) => {
  const path = folder(t, {
    ...runs('one', 10),
    'README.md': 'not looked at',
    'broken.json': '{"name":\n nothing}',
    'table.csv': 'task,startedMs,endedMs\na,5,x\n',
  })
  const { code, io } = await evaluating('--traces', path)
  assert.equal(code, exitCodes.partly)
  assert.match(
    io.talk,
    /^broken\.json: line 2, column 2: a value is missing here; it is left out\n/,
  )
  assert.match(
    io.talk,
    /\ntable\.csv: line 2, endedMs: "x" is no number from 0 to \d+; it is left out\n/,
  )
  assert.match(io.said, /^10 files, 200 attempts/)
  const json = JSON.parse((await evaluating('--traces', path, '--json')).io.said)
  assert.deepEqual(
    json.refused.map(({ file }: { file: string }) => file),
    ['broken.json', 'table.csv'],
  )
})

test('folders that are no use are told to be none, in one line, with what to do', async (t) => {
  const file = join(folder(t, { 'a.txt': '' }), 'a.txt')
  const one = bytesOf(trace([{ id: 'a', seconds: 1 }]))
  const cases: [path: string, code: number, words: RegExp, args?: string[]][] = [
    [join(file, '..', 'none'), exitCodes.notFound, /none: there is no such folder; name a folder/],
    [file, exitCodes.usage, /a\.txt: it is no folder; name a folder/],
    [folder(t), exitCodes.notFound, /: no trace is in it; name a folder with files \*\.json/],
    [
      folder(t, { 'a.json': '[]', 'b.json': '{}' }),
      exitCodes.usage,
      /a\.json: an object is needed, not a list; none of 2 files can be read: name a folder/,
    ],
    [folder(t, { 'a.json': one }), exitCodes.notFound, /: of 1 attempts none can be held back/],
    [
      folder(t, { 'a.json': one }),
      exitCodes.notFound,
      /two applications is needed; add traces of another/,
      ['--split', 'application'],
    ],
  ]
  for (const [path, code, words, args = []] of cases) {
    const result = await evaluating('--traces', path, '--quiet', ...args)
    assert.equal(result.code, code, result.io.talk)
    assert.match(result.io.talk.split('\n').at(-2) ?? '', words)
    assert.equal(result.io.said, '')
  }
  const without = await evaluating()
  assert.equal(without.code, exitCodes.usage)
  const wrong = await evaluating('--traces', '.', '--split', 'host')
  assert.equal(wrong.code, exitCodes.usage)
})
