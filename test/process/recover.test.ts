/** A mesh of real agents that loses three of its five voters for good, and goes on from a survivor. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DataDirectory } from '../../agent/ports/data-directory.ts'
import { DataDirectoryError } from '../../agent/ports/data-directory-errors.ts'
import { rebuild } from '../../agent/recovery/state.ts'
import { survey } from '../../agent/recovery/survey.ts'
import type { Status } from '../../coordinator/api/schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { Unreachable } from '../../protocol/ports/network.ts'
import { LedgerClient } from '../../simulations/bench/ledger-client.ts'
import { type LocalNode, type MeshFile, processStart } from '../../simulations/mesh/layout.ts'
import { look } from '../../simulations/mesh/looking.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-recover-'))
const WAIT_MS = 120_000
const PUT_TIMEOUT_MS = 10_000

const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)
const nodes = () => (JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8')) as MeshFile).nodes
const directoryOf = (name: string) => join(home, 'nodes', name)

async function statusAt(node: LocalNode): Promise<Status | undefined> {
  try {
    return (await (await look(node, '/api/v1/status')).json()) as Status
  } catch {
    return undefined
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS
  while (!(await holds())) {
    if (performance.now() > deadlineMs) {
      const seen = await Promise.all(nodes().map(statusAt))
      assert.fail(`${what}; last seen: ${JSON.stringify(seen.map((status) => status?.ledger))}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** All agents follow one leader, count five voters, and hold the same at the same entry. */
async function allAgree(): Promise<boolean> {
  const seen = await Promise.all(nodes().map(statusAt))
  const [first] = seen
  return seen.every(
    (status) =>
      status?.ledger?.leader !== undefined &&
      status.ledger.leader === first?.ledger?.leader &&
      status.ledger.voters.length === 5 &&
      status.ledger.applied === first.ledger.applied &&
      status.ledger.digest === first.ledger.digest,
  )
}

async function put(key: string): Promise<void> {
  await until(`${key} is taken`, async () => {
    const status = await statusAt(nodes()[0]!)
    const leader = status?.nodes.find(({ name }) => name === status.ledger?.leader)
    const local = nodes().find(({ name }) => name === leader?.name)
    if (!leader || !local) return false
    let client: LedgerClient | undefined
    try {
      const address = `/ip4/127.0.0.1/tcp/${local.meshPort}`
      client = await LedgerClient.connect([address], join(home, 'swarm.key'))
      const value = new TextEncoder().encode('word')
      return (await client.put(leader.id as PeerId, key, value, PUT_TIMEOUT_MS)).kind === 'applied'
    } catch (error) {
      if (error instanceof Unreachable) return false
      throw error
    } finally {
      await client?.stop()
    }
  })
}

/** All at once, without a word: nobody hands anything over. */
async function killAll(): Promise<void> {
  const { supervisorPid } = JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8')) as MeshFile
  const pids = [supervisorPid, ...nodes().map(({ pid }) => pid)]
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await until('all are gone', async () => pids.every((pid) => processStart(pid) === undefined))
  await until('and have let go of their disks', async () => {
    for (const { dataDirectory } of nodes()) if (await isHeld(dataDirectory)) return false
    return true
  })
}

/** A thread of a killed process that waits for the device keeps the lock until that has answered. */
async function isHeld(directory: string): Promise<boolean> {
  try {
    await (await DataDirectory.open(directory)).close()
    return false
  } catch (error) {
    if (error instanceof DataDirectoryError && error.code === 'locked') return true
    throw error
  }
}

async function onDisk(name: string): Promise<{ state: LedgerState; part: string }> {
  const directory = await DataDirectory.open(directoryOf(name))
  try {
    const found = await survey(directory.disk, 'nobody' as PeerId)
    assert.ok(found)
    const rebuilt = await rebuild(directory.disk, found.held)
    assert.ok(rebuilt.ok)
    return { state: rebuilt.state, part: found.part }
  } finally {
    await directory.close()
  }
}

before(async () => {
  const { code, err } = await skein('up', '--nodes', '5', '--detach')
  assert.equal(code, exitCodes.done, err)
  await until('five vote', allAgree)
  await put('before')
  await until('all hold it', allAgree)
})
after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

test('a running agent’s disk is left alone, and a mesh that decides is not recovered', async () => {
  const running = await skein('recover', '--plan', '--data-directory', directoryOf('n1'))
  assert.equal(running.code, exitCodes.conflict, running.err)
  assert.match(running.err, /in use by the agent with process id \d+; stop that agent first/)
  const applied = await skein('recover', '--apply', '--yes', '--data-directory', directoryOf('n1'))
  assert.equal(applied.code, exitCodes.conflict)
})

test('wrong use of a recovery is one line with the next step and the right exit code', async () => {
  const empty = join(home, 'empty')
  mkdirSync(empty)
  const cases: [string[], number, RegExp][] = [
    [['recover'], exitCodes.usage, /--plan, --apply, --reset/],
    [['recover', '--plan', '--apply'], exitCodes.usage, /one thing at a time/],
    [['recover', '--plan', '--data-directory', empty], exitCodes.notFound, /no agent has kept/],
    [['recover', '--plan', '--data-directory', join(home, 'no')], exitCodes.notFound, /no agent/],
    [['recover', '--apply', '--data-directory', 'a', 'b'], exitCodes.usage, /changes one host/],
    [['recover', '--reset', '--expect', '1/1'], exitCodes.usage, /--expect/],
    [['recover', '--plan', '--config', '/nonexistent.yaml'], exitCodes.notFound, /nonexistent/],
  ]
  for (const [args, expected, words] of cases) {
    const { code, err } = await skein(...args)
    assert.equal(code, expected, `${args.join(' ')}: ${err}`)
    assert.match(err, words)
    assert.equal(err.trim().split('\n').length, 1, err)
  }
})

interface Plan {
  verdict: string
  needed: number
  able: number
  base: { dataDirectory: string }
  apply?: string
  survivors: { part: string; lastIndex: number; copies: { why: string }[] }[]
}

async function planOf(...names: string[]): Promise<Plan> {
  const { code, out, err } = await skein(
    'recover',
    '--plan',
    '--json',
    '--data-directory',
    ...names.map(directoryOf),
  )
  assert.equal(code, exitCodes.done, err)
  return JSON.parse(out) as Plan
}

const aside = join(home, 'n5-of-old')

test('with three of five voters gone, a mesh goes on from a survivor, with all that was written', async () => {
  await killAll()
  assert.equal((await planOf('n1', 'n2', 'n3')).verdict, 'startThem')
  for (const name of ['n3', 'n4']) rmSync(directoryOf(name), { recursive: true })
  renameSync(directoryOf('n5'), aside)
  const plan = await planOf('n1', 'n2')
  assert.deepEqual([plan.verdict, plan.needed, plan.able], ['lost', 3, 2])
  const words = (plan.apply ?? '').split(' ').slice(1)
  const unasked = await skein(...words)
  assert.equal(unasked.code, exitCodes.refused, 'not without a yes where nobody can be asked')
  assert.match(unasked.err, /is lost, and nobody can say how much/)
  const stale = await skein(...words.slice(0, -1), '1/1', '--yes')
  assert.equal(stale.code, exitCodes.conflict)
  assert.match(stale.err, /stale/)
  const applied = await skein(...words, '--yes')
  assert.equal(applied.code, exitCodes.done, applied.err)
  assert.match(applied.out, /goes on in era \d+/)
  const again = await skein(
    'recover',
    '--apply',
    '--yes',
    '--data-directory',
    plan.base.dataDirectory,
  )
  assert.equal(again.code, exitCodes.conflict, 'it is enough by itself now')
  // One of the lost is back, with the disk that it had.
  renameSync(aside, directoryOf('n5'))
  const up = await skein('up', '--nodes', '5', '--detach')
  assert.equal(up.code, exitCodes.done, up.err)
  await until('five vote again, and agree', allAgree)
  await put('after')
  await until('all hold it', allAgree)
})

test('what was written before and after is on every disk, and the log says who recovered it', async () => {
  await killAll()
  for (const name of ['n1', 'n3', 'n5']) {
    const { state } = await onDisk(name)
    for (const key of ['before', 'after']) {
      const { value } = read(state, { kind: 'kvGet', namespace: 'bench', key })
      assert.ok(value, `${key} is on ${name}`)
    }
    const { value: audit } = read(state, { kind: 'auditList' })
    assert.deepEqual(
      audit.items.filter(({ verb }) => verb === 'recover').map(({ outcome }) => outcome),
      ['done'],
    )
  }
  const back = await planOf('n5')
  assert.deepEqual(
    back.survivors[0]?.copies.map(({ why }) => why),
    ['passed'],
  )
})

test('a host that is reset has no ledger, and its copy is where it was said to be', async () => {
  const directory = directoryOf('n4')
  const reset = await skein('recover', '--reset', '--yes', '--json', '--data-directory', directory)
  assert.equal(reset.code, exitCodes.done, reset.err)
  const { copy } = JSON.parse(reset.out) as { copy: string }
  const plan = await skein('recover', '--plan', '--data-directory', directory)
  assert.equal(plan.code, exitCodes.notFound)
  assert.match(plan.err, new RegExp(copy))
  const fromCopy = await skein('recover', '--plan', '--copy', copy, '--data-directory', directory)
  assert.equal(fromCopy.code, exitCodes.done, fromCopy.err)
  assert.match(fromCopy.out, /the quorum is lost, unless more voters are found/)
})

test('a disk that is not a voter’s is not gone on from unless that is asked for', async () => {
  const directory = directoryOf('n2')
  writeFileSync(join(directory, 'identity.key'), new Uint8Array(32).fill(7), { mode: 0o600 })
  const refused = await skein('recover', '--apply', '--yes', '--data-directory', directory)
  assert.equal(refused.code, exitCodes.refused)
  assert.match(refused.err, /not a voter’s.*--even-without-vote/)
  const { code, err } = await skein(
    'recover',
    '--apply',
    '--yes',
    '--even-without-vote',
    '--data-directory',
    directory,
  )
  assert.equal(code, exitCodes.done, err)
})
