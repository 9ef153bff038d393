/**
 * `npm test`: the type check, the linter, the import rules, and every test; ends with the line
 * `N passed, N failed`. Arguments are patterns of test files to run instead of all, without the
 * checks.
 *
 * Two lanes, for two cores. Tests of real processes mostly wait, so one lane takes them, one at a
 * time, while the other computes; then both take what is left. Simulations come last: each of them
 * has threads for all cores.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resultsIn } from './report.ts'

const MODULES_CRUISED_MIN = 100
/** For one file: many times what the longest takes. One that never ends must have a name. */
const FILE_DEADLINE_MS = 480_000
/** Most of what a small test costs is to read our sources: they are stripped and compiled once. */
const environment = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/skein', import.meta.url)),
  ...process.env,
}
const count = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
const patterns = process.argv.slice(2)

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
const ofKind = (kind: RegExp) => files.filter((file) => kind.test(file))
const processes = /^test\/process\//
const simulations = /^test\/(sim|sim-work|mutants)\//
const quick = files.filter((file) => !processes.test(file) && !simulations.test(file))
const alone = ofKind(processes).map(taskOf)
const shared = [
  ...(patterns.length === 0 ? checks : []),
  ...[...quick, ...ofKind(simulations)].map(taskOf),
]
await Promise.all([
  goThrough(() => alone.shift() ?? shared.shift()),
  goThrough(() => shared.shift()),
])

for (const failure of failures) process.stdout.write(`failed: ${failure}\n`)
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`)
process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1)

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

function taskOf(file: string): Task {
  return () => runFile(file)
}

async function runFile(file: string): Promise<void> {
  const args = ['--test-reporter', './test/report.ts', file]
  const { code, output, overdue } = await capture(process.execPath, args)
  const { text, results } = resultsIn(output)
  process.stdout.write(text)
  count.passed += results?.passed ?? 0
  count.skipped += results?.skipped ?? 0
  for (const name of results?.failed ?? []) fail(`${file}: ${name}`)
  if (overdue) fail(`${file}: did not end within ${FILE_DEADLINE_MS / 1_000} s`)
  else if (!results) fail(`${file}: ended with code ${code} before its tests did`)
  else if (code !== 0 && results.failed.length === 0) fail(`${file}: ended with code ${code}`)
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
    const hear = (chunk: string) => {
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    const deadline = setTimeout(() => {
      overdue = true
      child.kill('SIGKILL')
      // Whoever it has started may hold on to its pipes.
      child.stdout.destroy()
      child.stderr.destroy()
    }, FILE_DEADLINE_MS)
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(deadline)
      resolve({ code, output, overdue })
    })
  })
}
