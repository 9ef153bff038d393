/**
 * `npm test`: the type check, the linter, the import rules, and every test; ends with the line
 * `N passed, N failed`. Arguments are patterns of test files to run instead of all, without the
 * checks. `--slowest` tells which files took longest.
 *
 * There is one more at work than there are cores, and some of them begin with the tests of real meshes:
 * those wait for more than half of their time, so two of them take about one core, and the rest of the
 * cores compute. When there is no more of one kind they take what is left of the others, simulations
 * last: each of those has threads for all cores, so none is idle while the last of all ends.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { batchesOf } from './batches.ts'
import { resultsIn } from './report.ts'

const MODULES_CRUISED_MIN = 100
/** Many times what the longest test takes. One that never ends must have a name. */
const SILENCE_MAX_MS = 480_000
const SLOWEST_TOLD = 40
/** Each has five agents and more, of 100 MiB and more. */
const MESHES_AT_ONCE_MAX = 2
/** Most of what a small test costs is to read our sources: they are stripped and compiled once. */
const environment = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/skein', import.meta.url)),
  ...process.env,
}
const count = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
const tookMs: Record<string, number> = {}
const { values, positionals: patterns } = parseArgs({
  options: { slowest: { type: 'boolean', default: false } },
  allowPositionals: true,
})

type Task = () => Promise<void>
const checks: Task[] = [
  () => check('types', ['tsc', '-p', '.']),
  () => check('lint', ['biome', 'check', '.']),
  () =>
    check(
      'import rules',
      [
        'depcruise',
        'protocol',
        'models',
        'agent',
        'coordinator',
        'simulations',
        '--output-type',
        'err',
      ],
      // A cruiser that read nothing would find nothing.
      (output) => Number(/(\d+) modules/.exec(output)?.[1] ?? 0) >= MODULES_CRUISED_MIN,
    ),
]
const files = globSync(patterns.length > 0 ? patterns : ['test/**/*.test.ts']).sort()
const { waiting, computing, spreading } = batchesOf(files)
const meshes = waiting.map(taskOf)
const others = [
  ...(patterns.length === 0 ? checks : []),
  ...[...computing, ...spreading].map(taskOf),
]
const cores = availableParallelism()
const atMeshes = Math.max(1, Math.min(MESHES_AT_ONCE_MAX, cores))
const atOthers = Math.max(1, cores + 1 - atMeshes)
await Promise.all([
  ...Array.from({ length: atMeshes }, () => goThrough(() => meshes.shift() ?? others.shift())),
  ...Array.from({ length: atOthers }, () => goThrough(() => others.shift())),
])

if (values.slowest) tellSlowest()
for (const failure of failures) process.stdout.write(`failed: ${failure}\n`)
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`)
process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1)

function tellSlowest(): void {
  const slowest = Object.entries(tookMs).sort(([, a], [, b]) => b - a)
  for (const [file, ms] of slowest.slice(0, SLOWEST_TOLD)) {
    process.stdout.write(`${(ms / 1_000).toFixed(1).padStart(6)} s  ${file}\n`)
  }
}

async function goThrough(next: () => Task | undefined): Promise<void> {
  for (let task = next(); task; task = next()) await task()
}

async function check(
  name: string,
  [program, ...args]: [string, ...string[]],
  holds: (output: string) => boolean = () => true,
): Promise<void> {
  const { code, output } = await capture(`node_modules/.bin/${program}`, args)
  const passed = code === 0 && holds(output)
  if (passed) count.passed++
  else {
    fail(name)
    process.stdout.write(output)
  }
  process.stdout.write(`${passed ? '✔' : '✖'} ${name}\n`)
}

function taskOf(batch: readonly string[]): Task {
  return () => runBatch(batch)
}

async function runBatch(batch: readonly string[]): Promise<void> {
  const args = ['--test-reporter', './test/report.ts', './test/together.ts', ...batch]
  const { code, output, overdue } = await capture(process.execPath, args)
  const { text, results } = resultsIn(output)
  process.stdout.write(text)
  count.passed += results?.passed ?? 0
  count.skipped += results?.skipped ?? 0
  Object.assign(tookMs, results?.tookMs)
  for (const name of results?.failed ?? []) fail(name)
  for (const file of batch) {
    if (results && results.tookMs[file] === undefined) fail(`${file}: was not run`)
  }
  const all = batch.join(' ')
  if (overdue) fail(`${all}: was ended after a silence of ${SILENCE_MAX_MS / 1_000} s`)
  else if (!results) fail(`${all}: ended with code ${code} before its tests did`)
  else if (code !== 0 && results.failed.length === 0) fail(`${all}: ended with code ${code}`)
}

function fail(what: string): void {
  count.failed++
  failures.push(what)
}

interface Captured {
  code: number | null
  output: string
  overdue: boolean
}

function capture(program: string, args: string[]): Promise<Captured> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let overdue = false
    const silence = setTimeout(() => {
      overdue = true
      child.kill('SIGKILL')
      // Whoever it has started may hold on to its pipes.
      child.stdout.destroy()
      child.stderr.destroy()
    }, SILENCE_MAX_MS)
    const hear = (chunk: string) => {
      output += chunk
      silence.refresh()
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(silence)
      resolve({ code, output, overdue })
    })
  })
}
