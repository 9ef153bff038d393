import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../agent/config/load.ts'
import {
  configRefused,
  configUnreadable,
  listenRefused,
  swarmKeyUnusable,
} from '../../agent/life/refusals.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('it should have failed')
}

test('exit codes are all different', () => {
  const codes = Object.values(exitCodes)
  assert.equal(new Set(codes).size, codes.length)
})

test('one mistake in a configuration is one line; more are one line each', () => {
  const refusal = (fileText: string) => {
    const host = { name: 'n1', superuser: true }
    const loaded = loadConfig({ env: {}, flags: {}, host, fileText, fileName: 'a.yaml' })
    assert.ok(!loaded.ok)
    return configRefused(loaded.problems)
  }
  const one = refusal('log: { levl: info }')
  assert.equal(one.message, 'a.yaml:1:8: there is no such key: log.levl; did you mean log.level?')
  assert.equal(one.exitCode, exitCodes.usage)
  const two = refusal('log: { levl: info }\nnod: {}')
  assert.deepEqual(two.why.split('\n'), [
    'the configuration has 2 mistakes:',
    '  a.yaml:1:8: there is no such key: log.levl; did you mean log.level?',
    '  a.yaml:2:1: there is no such key: nod; did you mean node?',
  ])
})

test('a port that is taken is told with the setting that moves it', async () => {
  const first = createServer().listen(0, '127.0.0.1')
  await once(first, 'listening')
  const { port } = first.address() as { port: number }
  const second = createServer().listen(port, '127.0.0.1')
  const [error] = await once(second, 'error')
  const problem = listenRefused(`127.0.0.1:${port}`, 'api.listen', error)
  first.close()
  assert.equal(problem.code, 'portTaken')
  assert.equal(problem.exitCode, exitCodes.conflict)
  assert.equal(problem.why, `cannot listen on 127.0.0.1:${port}: the port is taken`)
  assert.match(problem.fix, /set api\.listen to another port/)
})

test('a configuration that is not there, or is a directory, is told as such', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-refusals-'))
  const missing = join(directory, 'none.yaml')
  assert.ok(!existsSync(missing))
  const absent = configUnreadable(
    missing,
    thrownBy(() => readFileSync(missing)),
  )
  assert.equal(absent.exitCode, exitCodes.notFound)
  assert.match(absent.why, /none\.yaml: there is no such file$/)
  const wrong = configUnreadable(
    directory,
    thrownBy(() => readFileSync(directory)),
  )
  assert.match(wrong.why, /: it is a directory$/)
  rmSync(directory, { recursive: true })
})

test('every refusal says what to do next, and keeps what caused it for those who debug', () => {
  const cause = new Error('below')
  const all = [
    configUnreadable('a', cause),
    listenRefused('a:1', 'api.listen', cause),
    swarmKeyUnusable('/data/swarm.key', 'there is no such file'),
  ]
  for (const problem of all) {
    assert.ok(problem instanceof Problem)
    assert.ok(problem.fix.length > 10 && !problem.fix.endsWith('.'), problem.fix)
    assert.ok(!problem.message.includes('\n'))
    assert.ok(problem.exitCode > 0)
  }
  assert.equal(all[0]?.cause, cause)
})
