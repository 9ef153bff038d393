/** A stage that hangs on one of several real hosts: raced on another one, and nothing of it is left. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { RunDetail } from '../../coordinator/api/run-schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-race-'))
const file = join(home, 'w.yaml')
const script = join(home, 'work.sh')
/** Whoever can make it hangs; it is there for all others. */
const bait = join(home, 'bait')
const pids = join(home, 'pids')
const HANGS_S = 600
const GONE_MS = 30_000
const items = Array.from({ length: 30 }, (_, i) => i)
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)

before(async () => {
  const hang = `echo hangs; sleep ${HANGS_S} & echo $$ $! > '${pids}'; wait`
  // Nobody does it without its secret, the first attempt or the second.
  writeFileSync(
    script,
    `[ -n "$TOKEN" ] || exit 65\nmkdir '${bait}' 2>/dev/null || { echo quick; exit; }\n${hang}\n`,
  )
  writeFileSync(
    file,
    `apiVersion: skein/v1
kind: Workflow
name: raced
inputs: { items: list }
stages:
  work: { forEach: "\${{ inputs.items }}", race: true, secrets: [TOKEN], run: [sh, ${script}] }
`,
  )
  const up = await skein('up', '--nodes', '3', '--detach')
  assert.equal(up.code, exitCodes.done, up.err)
  const token = join(home, 'token')
  writeFileSync(token, 'correct-horse-battery')
  const set = await skein('secret', 'set', 'TOKEN', '--from-file', token)
  assert.equal(set.code, exitCodes.done, set.err)
})

after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

function run(of: readonly number[]) {
  return skein('run', file, '--quiet', '-i', `items=${JSON.stringify(of)}`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('what hangs on one host is done on another, and its processes are gone', async () => {
  mkdirSync(bait)
  const learnt = await run(items)
  assert.equal(learnt.code, exitCodes.done, learnt.err)
  rmdirSync(bait)
  const startedMs = performance.now()
  const raced = await run([0])
  assert.equal(raced.code, exitCodes.done, raced.err)
  assert.ok(performance.now() - startedMs < (HANGS_S / 2) * 1_000, 'nobody has waited for it')
  const { out } = await skein('runs', 'show', '@latest', '--json')
  const unit = (JSON.parse(out) as RunDetail).stages[0]?.items?.units[0]
  const [lost, won] = unit?.attempts ?? []
  assert.deepEqual([lost?.outcome, lost?.code, won?.outcome], ['cancelled', 'outrun', 'succeeded'])
  assert.ok(lost?.node !== won?.node && unit?.node === won?.node)
  const wrote = async (...asked: string[]) => (await skein('runs', 'logs', '@latest', ...asked)).out
  assert.match(await wrote(), /quick/)
  assert.match(await wrote('--attempt', '1'), /hangs/)
  const hung = readFileSync(pids, 'utf8').trim().split(' ').map(Number)
  assert.equal(hung.length, 2)
  const untilMs = performance.now() + GONE_MS
  while (hung.some(isAlive)) {
    assert.ok(performance.now() < untilMs, `${hung.filter(isAlive)} are alive`)
    await pause(50)
  }
})
