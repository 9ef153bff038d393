/** The ledger on real processes, disks and sockets: who leads, who votes, what survives. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LedgerStatus } from '../../coordinator/api/schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Unreachable } from '../../protocol/ports/network.ts'
import { LedgerClient } from '../../simulations/bench/ledger-client.ts'
import { leaderOf } from '../../simulations/bench/ledger-mesh.ts'
import { Mesh } from '../../simulations/bench/mesh.ts'
import { look } from '../../simulations/mesh/looking.ts'
import { runSkein } from './skein.ts'

const WAIT_MS = 120_000
const PUT_TIMEOUT_MS = 10_000
let mesh: Mesh

async function statusOf(name: string): Promise<LedgerStatus | undefined> {
  const node = mesh.nodes.find((each) => each.name === name)
  try {
    const response = await look(node!, '/api/v1/status')
    return ((await response.json()) as { ledger?: LedgerStatus }).ledger
  } catch {
    return undefined
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, what)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** All of these nodes hold the same state at the same entry. */
async function agree(names: readonly string[]): Promise<boolean> {
  const seen = await Promise.all(names.map(statusOf))
  const [first] = seen
  return (
    first !== undefined &&
    seen.every((one) => one?.applied === first.applied && one.digest === first.digest)
  )
}

const names = () => mesh.nodes.map(({ name }) => name)
const pidOf = (name: string) => mesh.nodes.find((node) => node.name === name)?.pid ?? 0

/** Gossip may name a leader that is no more: then the next one is asked. */
async function put(key: string, value: string): Promise<void> {
  await until(`${key} is taken`, async () => {
    let client: LedgerClient | undefined
    try {
      const leader = await leaderOf(mesh, 1)
      client = await LedgerClient.connect([leader.address], mesh.swarmKeyFile)
      const body = new TextEncoder().encode(value)
      return (await client.put(leader.id, key, body, PUT_TIMEOUT_MS)).kind === 'applied'
    } catch (error) {
      if (error instanceof Unreachable) return false
      throw error
    } finally {
      await client?.stop()
    }
  })
}

before(async () => {
  mesh = await Mesh.start(5)
})
after(async () => {
  for (const { pid } of mesh.nodes) if (pid > 0) process.kill(pid, 'SIGCONT')
  await mesh.stop()
})

test('five hosts come to have five voters, who all hold the same', async () => {
  await leaderOf(mesh, 5)
  await put('first', 'word')
  await until('all agree', () => agree(names()))
})

test('a leader that is killed is followed by another, and what was acknowledged is still there', async () => {
  const before = await statusOf('n1')
  assert.ok(before?.leader)
  const killed = before.leader
  process.kill(pidOf(killed), 'SIGKILL')
  // It is started again; that it comes back is not what this looks at.
  const rest = names().filter((name) => name !== killed)
  await until('another leads', async () => {
    const seen = await statusOf(rest[0] as string)
    return seen?.leader !== undefined && seen.leader !== killed
  })
  await put('second', 'word')
  await until('the rest agree', () => agree(rest))
  const after = await statusOf(rest[0] as string)
  assert.ok((after?.term ?? 0) > before.term)
  assert.ok((after?.applied ?? 0) > before.applied)
})

test('a minority decides nothing, and says why; it heals by itself', async () => {
  await until('all are back', () => agree(names()))
  const stopped = names().slice(2)
  for (const name of stopped) process.kill(pidOf(name), 'SIGSTOP')
  const asked = ['--address', mesh.nodes[0]!.apiAddress, '--key-file', mesh.operatorKeyFile]
  // A leader that does not know yet takes the command, and cannot say what became of it.
  const demote = () => runSkein('nodes', 'demote', 'n1', ...asked)
  assert.equal((await demote()).code, exitCodes.noAnswer)
  await until('no leader is left', async () => (await statusOf('n1'))?.leader === undefined)
  // A leader that is only rumoured may still be asked, until it is known to be gone.
  const why = /nothing can be decided here: \d voters are reachable, 3 are needed/
  await until('it says that nothing can be decided', async () => {
    const demoted = await demote()
    assert.equal(demoted.code, exitCodes.noAnswer, demoted.err)
    return why.test(demoted.err)
  })
  const health = await runSkein('health', ...asked)
  assert.equal(health.code, exitCodes.failed)
  assert.match(health.out, /ledger/)
  for (const name of stopped) process.kill(pidOf(name), 'SIGCONT')
  await put('third', 'word')
  await until('all agree again', () => agree(names()))
})

test('all hosts that are killed at once are back, hold the same, and have lost nothing', async (t) => {
  await put('fourth', 'word')
  const before = Math.max(...(await Promise.all(names().map(statusOf))).map((s) => s?.applied ?? 0))
  const pids = mesh.nodes.map(({ pid }) => pid)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  const killedMs = performance.now()
  await until('all are begun anew', () =>
    Promise.resolve(mesh.nodes.every(({ pid }) => pid > 0 && !pids.includes(pid))),
  )
  await put('fifth', 'word')
  t.diagnostic(`the first write after it: ${Math.round(performance.now() - killedMs)} ms`)
  await until('all agree again', () => agree(names()))
  t.diagnostic(`all hold the same: ${Math.round(performance.now() - killedMs)} ms`)
  assert.ok(((await statusOf('n1'))?.applied ?? 0) > before)
})
