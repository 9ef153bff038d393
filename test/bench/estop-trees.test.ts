/** Trees of `skein bench estop`, as real processes: what is counted, and when they are seen dead. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Trees } from '../../simulations/bench/estop-trees.ts'
import { Witness } from '../../simulations/bench/estop-witness.ts'

const WAIT_MS = 60_000
const LOOK_MS = 10

let directory: string
let witness: Witness
let trees: Trees
let groups: number[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-trees-'))
  witness = new Witness()
  trees = new Trees(join(directory, 'trees'), ['n1', 'n2', 'n3'], witness)
  groups = []
})

afterEach(() => {
  for (const pid of groups.splice(0)) kill(pid)
  trees.close()
  witness.close()
  rmSync(directory, { recursive: true, force: true })
})

/** As an agent would. Returns its first process. */
function begin(host: string, item: number, attempt: number): number {
  const { stages } = JSON.parse(trees.workflow(1)) as { stages: { trees: { run: string } } }
  const env = {
    PATH: process.env.PATH,
    SKEIN_OUTPUT: `/somewhere/nodes/${host}/attempt/skein-output.json`,
    SKEIN_ITEM: String(item),
    SKEIN_ATTEMPT: String(attempt),
  }
  const { pid = 0 } = spawn('sh', ['-c', stages.trees.run], {
    env,
    detached: true,
    stdio: 'ignore',
  })
  assert.notEqual(pid, 0)
  groups.push(pid)
  return pid
}

/** With the one below it that has left its group, by the pipe that both hold. */
function kill(pid: number): void {
  for (const each of [pid, ...childrenOf(pid)]) {
    try {
      process.kill(-each, 'SIGKILL')
    } catch {
      // It leads no group, or is dead.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    return text.split(' ').map(Number).filter(Boolean)
  } catch {
    return []
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + WAIT_MS
  while (!isSo()) {
    assert.ok(performance.now() < untilMs, `waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

test('trees rest until they are let go, and a host is dead with the last process of its last tree', async () => {
  const pids = [begin('n1', 0, 1), begin('n1', 1, 1), begin('n2', 2, 1)]
  await until(() => trees.begun === 3, 'all trees')
  assert.deepEqual(
    pids.flatMap((pid) => childrenOf(pid)),
    [],
    'nobody spins yet',
  )
  await trees.letGo()
  for (const pid of pids) await until(() => childrenOf(pid).length === 3, 'a tree to spin')
  assert.deepEqual(trees.hosts, ['n1', 'n2'])
  assert.ok(await witness.allDead(['n3'], WAIT_MS), 'nobody was ever there')
  assert.deepEqual(witness.inhabited, ['n1', 'n2'])

  kill(pids[0]!)
  kill(pids[2]!)
  assert.ok(await witness.allDead(['n2'], WAIT_MS))
  assert.deepEqual(witness.inhabited, ['n1'], 'one of its two trees is alive')
  kill(pids[1]!)
  assert.ok(await witness.allDead(['n1'], WAIT_MS))
  assert.ok(witness.deadMs('n1')! > witness.deadMs('n2')!)
})

test('a tree that is begun again elsewhere is no other tree, and its first host has none left', async () => {
  begin('n1', 0, 1)
  await until(() => trees.begun === 1, 'a tree')
  begin('n2', 0, 2)
  await until(() => trees.hosts.includes('n2'), 'its second try')
  assert.equal(trees.begun, 1)
  assert.deepEqual(trees.hosts, ['n2'])
})
