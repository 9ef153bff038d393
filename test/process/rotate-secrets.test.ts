/** Real agents seal their secrets under another key: while stages run, and whoever is killed meanwhile. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KeyList } from '../../coordinator/api/key-routes.ts'
import { Health } from '../../coordinator/api/schemas.ts'
import type { SecretsKey } from '../../coordinator/api/secret-key-routes.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { layoutOf, readMeshFile } from '../../simulations/mesh/layout.ts'
import { lookIn } from './looking.ts'
import { looksBy, until } from './mesh-looks.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-rotate-secrets-'))
const directory = join(home, 'mesh')
const layout = layoutOf(directory)
const env = { SKEIN_HOME: directory, XDG_CONFIG_HOME: join(home, 'config') }
const skein = (...args: string[]) => runSkeinIn(env, ...args)
const { jsonOf, statusOf } = looksBy(env)
const hosts = 5
const noted = join(home, 'noted')
const names = Array.from({ length: 8 }, (_, i) => `secret-${i}`)
const valueAt = (name: string) => `${name}-correct-horse-battery`
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

/** One that has its secret before the key is replaced, and others that ask for theirs after. */
const text = `apiVersion: skein/v1
kind: Workflow
name: secretive
stages:
  first:
    secrets: { TOKEN: secret-0 }
    run: touch ${noted}.begun; until test -e ${noted}.end; do sleep 0.2; done; printf %s "$TOKEN" | sha256sum
  then:
    needs: [first]
    forEach: [1, 2, 3, 4, 5]
    secrets: { TOKEN: secret-1 }
    run: printf %s "$TOKEN" | sha256sum
`

before(async () => {
  const { code, err } = await skein('up', '--nodes', String(hosts), '--detach')
  assert.equal(code, exitCodes.done, err)
  writeFileSync(join(home, 'work.yaml'), text)
  await until('five vote', async () => (await statusOf())?.ledger?.voters.length === hosts)
  for (const name of names) {
    const file = join(home, name)
    writeFileSync(file, valueAt(name))
    const set = await skein('secret', 'set', name, '--from-file', file)
    assert.equal(set.code, exitCodes.done, set.err)
  }
  await until('all have the key', allHaveKey)
})

after(async () => {
  writeFileSync(`${noted}.end`, '')
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

async function keyNow(address?: string): Promise<SecretsKey | undefined> {
  const at = address === undefined ? [] : ['--address', address]
  const read = KeyList.safeParse(await jsonOf('keys', 'ls', ...at))
  return read.success ? read.data.secrets : undefined
}

/** Each answers, and knows that all have it. */
async function allHaveKey(): Promise<boolean> {
  const nodes = readMeshFile(layout)?.nodes ?? []
  const keys = await Promise.all(nodes.map(({ apiAddress }) => keyNow(apiAddress)))
  return keys.length === hosts && keys.every((key) => key?.holders.length === hosts)
}

const nodeNamed = (name: string | undefined) => {
  const node = readMeshFile(layout)?.nodes.find((each) => each.name === name)
  assert.ok(node)
  return node
}

test('not without a yes, and not by everybody', async () => {
  const unsure = await skein('keys', 'rotate', 'secrets')
  assert.equal(unsure.code, exitCodes.refused)
  assert.match(unsure.err, /9 values that only voters open .* are sealed anew/)
  const key = join(home, 'olga.key')
  await skein('users', 'add', 'olga', '--role', 'operator', '--out', key)
  const weak = await skein('keys', 'rotate', 'secrets', '--yes', '--key-file', key)
  assert.equal(weak.code, exitCodes.refused)
  assert.match(weak.err, /secret.rotate takes the role admin/)
})

test('the leader is killed while all is sealed anew: another ends it, and no stage misses its secret', async () => {
  const was = (await keyNow())?.id
  assert.ok(was)
  const begun = await skein('run', join(home, 'work.yaml'), '--detach', '--json')
  assert.equal(begun.code, exitCodes.done, begun.err)
  const { id } = (JSON.parse(begun.out) as { run: { id: string } }).run
  await until('a stage has its secret', () => existsSync(`${noted}.begun`))
  const leader = nodeNamed((await statusOf())?.ledger?.leader)
  const rotated = await skein('keys', 'rotate', 'secrets', '--yes', '--timeout', '0')
  process.kill(leader.pid, 'SIGKILL')
  // It was followed for no time: how far it came by then is chance.
  const early: (number | null)[] = [exitCodes.done, exitCodes.partly, exitCodes.noAnswer]
  assert.ok(early.includes(rotated.code), rotated.err)
  const other = readMeshFile(layout)?.nodes.find(({ name }) => name !== leader.name)?.apiAddress
  await until('there is another key, and it alone', async () => {
    const key = await keyNow(other)
    return key !== undefined && key.id !== was && key.was === undefined
  })
  writeFileSync(`${noted}.end`, '')
  const watched = await skein('runs', 'watch', id)
  assert.equal(watched.code, exitCodes.done, watched.err)
  const { out } = await skein('runs', 'logs', id)
  assert.ok(out.includes(hashOf(valueAt('secret-0'))), out)
  assert.equal(out.split(hashOf(valueAt('secret-1'))).length - 1, 5, out)
})

test('it is told what another key is no help against, until it is set anew', async () => {
  const rotated = await skein('keys', 'rotate', 'secrets', '--yes')
  assert.equal(rotated.code, exitCodes.done, rotated.err)
  assert.match(rotated.err, /everything is sealed under [0-9a-f]{16}/)
  assert.match(rotated.err, /may have read these: secret-0, .*secret-7/)
  assert.match(rotated.err, /skein keys rotate issuing/)
  await skein('secret', 'set', 'secret-0', '--from-file', join(home, 'secret-0'))
  assert.deepEqual((await keyNow())?.read.secrets, names.slice(1))
})

test('when a host is revoked another key comes by itself, which it has no copy of', async () => {
  await until('the one that was killed is back', allHaveKey)
  const was = (await keyNow())?.id
  const leader = (await statusOf())?.ledger?.leader
  const { nodes = [] } = readMeshFile(layout) ?? {}
  const thief = nodes.find(({ name }) => name !== leader)
  const other = nodes.find(({ name }) => name !== thief?.name)?.apiAddress
  assert.ok(thief && other)
  const args = ['nodes', 'revoke', thief.name, '--reason', 'stolen', '--yes', '--address', other]
  const revoked = await skein(...args)
  assert.equal(revoked.code, exitCodes.done, revoked.err)
  assert.match(revoked.err, /it had the key of secrets, and another takes its place now/)
  await until('there is another key, and it alone', async () => {
    const key = await keyNow(other)
    return key !== undefined && key.id !== was && key.was === undefined
  })
  const key = await keyNow(other)
  assert.equal(key?.why, `${thief.name} had the one before and was revoked`)
  assert.ok(!key?.holders.includes(thief.name))
  assert.deepEqual(key?.revoked, [])
  // By those who were there when it came: the one that was killed may just have begun again.
  const others = nodes.filter(({ name }) => name !== thief.name)
  const eventsAt = async (address: string) =>
    (await lookIn(env, 'events', '--address', address)).out
  const told = async () =>
    (await Promise.all(others.map(({ apiAddress }) => eventsAt(apiAddress)))).join('')
  const why = new RegExp(`${thief.name} had the one before and was revoked`)
  await until('it is told of', async () => why.test(await told()))
  const health = Health.parse(await jsonOf('health', '--address', other))
  const check = health.checks.find((each) => each.check === 'key of secrets')
  assert.equal(check?.state, 'ok')
  assert.match((await skein('audit', 'ls', '--address', other)).out, /secretsKey\.made/)
  const ran = await skein('run', join(home, 'work.yaml'), '--watch', '--address', other)
  assert.equal(ran.code, exitCodes.done, ran.err)
})
