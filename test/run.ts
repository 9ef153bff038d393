/**
 * `npm test`: the type check, the linter, the import rules, and every test, in that order; ends
 * with the line `N passed, N failed`. Arguments are patterns of test files to run instead of all,
 * without the checks.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

interface Count {
  passed: number
  failed: number
  skipped: number
}

const MODULES_CRUISED_MIN = 100
/** For each of the two parts of the run. Both together take five to eight minutes on two cores. */
const DEADLINE_MS = 660_000
const count: Count = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
const patterns = process.argv.slice(2)

if (patterns.length === 0) {
  await check('types', ['tsc', '-p', '.'])
  await check('lint', ['biome', 'check', '.'])
  await check(
    'import rules',
    ['depcruise', 'protocol', 'agent', 'coordinator', 'simulations', '--output-type', 'err'],
    // A cruiser that read nothing would find nothing.
    (output) => Number(/(\d+) modules/.exec(output)?.[1] ?? 0) >= MODULES_CRUISED_MIN,
  )
}
// Tests of real processes share two cores with nothing else, so they come last and one by one.
const files = globSync(patterns.length > 0 ? patterns : ['test/**/*.test.ts']).sort()
const slow = files.filter((file) => file.startsWith('test/process/'))
await runFiles(
  files.filter((file) => !slow.includes(file)),
  2,
  DEADLINE_MS,
)
await runFiles(slow, 1, DEADLINE_MS)

for (const failure of failures) process.stdout.write(`failed: ${failure}\n`)
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`)
process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1)

async function check(
  name: string,
  [program, ...args]: [string, ...string[]],
  holds: (output: string) => boolean = () => true,
): Promise<void> {
  const { code, output } = await capture(`node_modules/.bin/${program}`, args)
  const passed = code === 0 && holds(output)
  if (passed) count.passed++
  else {
    count.failed++
    failures.push(name)
    process.stdout.write(output)
  }
  process.stdout.write(`${passed ? '✔' : '✖'} ${name}\n`)
}

function capture(
  program: string,
  args: string[],
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

/** A file that never ends is a failure with a name, not a run without an end. */
function runFiles(files: string[], concurrency: number, deadlineMs: number): Promise<void> {
  if (files.length === 0) return Promise.resolve()
  const running = new Set<string>()
  const overdue = new AbortController()
  return new Promise((resolve) => {
    const stream = run({ files, concurrency, signal: overdue.signal })
    const deadline = setTimeout(() => {
      for (const file of running) {
        count.failed++
        failures.push(`${file}: did not end within ${deadlineMs / 1_000} s of the run`)
      }
      stream.removeAllListeners()
      overdue.abort()
      resolve()
    }, deadlineMs)
    const fileOf = (name: string) => files.find((file) => name.endsWith(file))
    stream.on('test:dequeue', ({ name, nesting }) => {
      const file = nesting === 0 ? fileOf(name) : undefined
      if (file) running.add(file)
    })
    stream.on('test:complete', ({ name, nesting }) => {
      const file = nesting === 0 ? fileOf(name) : undefined
      if (file) running.delete(file)
    })
    stream.on('test:pass', ({ name, skip, details }) => {
      if (details.type === 'suite' || fileOf(name)) return
      if (skip === undefined || skip === false) count.passed++
      else count.skipped++
    })
    stream.on('test:fail', ({ name, file, details }) => {
      if (details.type === 'suite') return
      count.failed++
      failures.push(`${file ?? ''}: ${name}`)
    })
    stream.once('end', () => {
      clearTimeout(deadline)
      resolve()
    })
    stream.compose(spec).pipe(process.stdout, { end: false })
  })
}
