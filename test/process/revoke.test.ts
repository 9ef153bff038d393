/** Real agents: one is revoked by the command line, is alone, says why, and stays out when it returns. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as schemas from '../../coordinator/api/schemas.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { lookIn } from './looking.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-revoke-'))
const env = { SKEIN_HOME: join(home, 'mesh'), XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const look = (...args: string[]) => lookIn(env, ...args)

interface Layout {
  nodes: { name: string; pid: number; apiAddress: string }[]
}

const n4 = () => {
  const { nodes } = JSON.parse(readFileSync(join(env.SKEIN_HOME, 'mesh.json'), 'utf8')) as Layout
  return nodes.find(({ name }) => name === 'n4') as Layout['nodes'][number]
}

before(async () => {
  const { code, err } = await skein('up', '--nodes', '4', '--detach')
  assert.equal(code, exitCodes.done, err)
  // Whoever votes alone is not revoked, and any of the four may have begun the ledger.
  await until(async () => (await votersOf()) === 3, 'three vote')
})
after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

/** Until it is so; the deadline is only there to end a test that hangs. */
async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + 120_000
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, what)
    await sleep(200)
  }
}

const connectionsOf = async (address: string): Promise<number> => {
  const { out } = await look('status', '--json', '--address', address)
  return out === '' ? -1 : schemas.Status.parse(JSON.parse(out)).agent.connections
}

const votersOf = async (): Promise<number> => {
  const { out } = await look('status', '--json')
  return out === '' ? -1 : (schemas.Status.parse(JSON.parse(out)).ledger?.voters.length ?? 0)
}

test('a host is revoked only with a reason, a yes and the right', async () => {
  const bare = await skein('nodes', 'revoke', 'n4')
  assert.equal(bare.code, exitCodes.usage)
  const unsure = await skein('nodes', 'revoke', 'n4', '--reason', 'stolen')
  assert.equal(unsure.code, exitCodes.refused)
  assert.match(unsure.err, /takes back the key of n4 for good/)
  const unknown = await skein('nodes', 'revoke', 'n9', '--reason', 'stolen', '--yes')
  assert.equal(unknown.code, exitCodes.notFound)
  const key = join(home, 'olga.key')
  await skein('users', 'add', 'olga', '--role', 'operator', '--out', key)
  const args = ['nodes', 'revoke', 'n4', '--reason', 'stolen', '--yes', '--key-file', key]
  const weak = await skein(...args)
  assert.equal(weak.code, exitCodes.refused)
  assert.match(weak.err, /certificate.revoke takes the role admin/)
})

test('a revoked host is alone at once, is shown so, says why, and stays out when it returns', async () => {
  const { apiAddress, pid } = n4()
  const revoked = await skein('nodes', 'revoke', 'n4', '--reason', 'stolen', '--yes')
  assert.equal(revoked.code, exitCodes.done, revoked.err)
  assert.match((await skein('nodes', 'ls')).out, /n4 +revoked/)
  assert.match((await skein('events')).out, /n4 was revoked by .*: stolen/)
  await until(async () => (await connectionsOf(apiAddress)) === 0, 'it is alone')
  const own = async () => (await look('events', '--address', apiAddress)).out
  await until(async () => /this host was revoked by .*: stolen/.test(await own()), 'it says why')
  const health = await skein('health', '--address', apiAddress)
  assert.match(health.out, /this host .*revoked by/)
  process.kill(pid, 'SIGKILL')
  await until(async () => n4().pid !== pid, 'it is started again')
  await until(async () => (await connectionsOf(n4().apiAddress)) === 0, 'nobody lets it in')
  const again = await skein('nodes', 'revoke', 'n4', '--reason', 'stolen', '--yes')
  assert.equal(again.code, exitCodes.conflict)
  const { out } = await skein('audit', 'ls', '--json')
  assert.match(out, /certificate\.revoke/)
})
