/** The real gauge of a host's speed: figures that make sense, and nothing left behind. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ProcessSpeedGauge } from '../../agent/ports/speed/gauge.ts'
import { round } from '../../agent/ports/speed/rounds.ts'

const { signal: never } = new AbortController()

test('a host says how quick it is, and leaves no file', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-speed-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const speed = await new ProcessSpeedGauge(directory).measure(never)
  t.diagnostic(JSON.stringify(speed))
  const { cpuRoundsPerSecond, memoryBytesPerSecond, diskBytesPerSecond, syncMs } = speed
  for (const figure of [cpuRoundsPerSecond, memoryBytesPerSecond, diskBytesPerSecond, syncMs]) {
    assert.ok(figure !== undefined && figure > 0 && Number.isFinite(figure), JSON.stringify(speed))
  }
  assert.deepEqual(readdirSync(directory), [])
})

test('where nothing can be written, the disk is left out', async () => {
  const speed = await new ProcessSpeedGauge('/nowhere/at/all').measure(never)
  assert.ok(speed.cpuRoundsPerSecond > 0)
  assert.equal(speed.diskBytesPerSecond, undefined)
})

test('nonsense is no speed, and what a program leaves behind is removed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-speed-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'speed.tmp')
  const program = join(directory, 'program.mjs')
  const lines = ["import { writeFileSync } from 'node:fs'", "writeFileSync(process.argv[2], '')"]
  writeFileSync(program, [...lines, "console.log('{nonsense}')"].join('\n'))
  writeFileSync(file, 'of an earlier life')
  const gauge = new ProcessSpeedGauge(directory, pathToFileURL(program))
  assert.deepEqual(readdirSync(directory), ['program.mjs'])
  await assert.rejects(gauge.measure(never), /nothing that makes sense/)
  assert.deepEqual(readdirSync(directory), ['program.mjs'])
})

test('what is given up ends at once, and leaves no file', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-speed-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const program = join(directory, 'program.mjs')
  const lines = [
    "import { writeFileSync } from 'node:fs'",
    "process.on('SIGTERM', () => {})",
    "writeFileSync(process.argv[2], '')",
    'for (;;);',
  ]
  writeFileSync(program, lines.join('\n'))
  const life = new AbortController()
  const measured = new ProcessSpeedGauge(directory, pathToFileURL(program)).measure(life.signal)
  while (!readdirSync(directory).includes('speed.tmp')) await immediate()
  life.abort()
  await assert.rejects(measured, { signal: 'SIGKILL' })
  assert.deepEqual(readdirSync(directory), ['program.mjs'])
})

test('a round is the same for ever', () => {
  // Figures that hosts have kept are of this round; another would make them worthless.
  assert.equal(Math.round(round(1)), 27293587)
})
