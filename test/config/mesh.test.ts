/** What is set for all hosts of a mesh: who may set what, what goes before it, and what a host leaves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiveConfig, type Tuners } from '../../agent/config/live.ts'
import { type ConfigInput, loadConfig } from '../../agent/config/load.ts'
import { meshKeys, problemWith } from '../../agent/config/mesh.ts'
import { namedKeys } from '../../agent/config/names.ts'
import type { Config, LiveName } from '../../agent/config/schema.ts'

const host = { name: 'box-1', superuser: true }

function load(values: Record<string, string>, input: Partial<ConfigInput> = {}) {
  const loaded = loadConfig({ env: {}, flags: {}, host, mesh: { number: 3, values }, ...input })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded
}

test('what is set for the mesh goes before the default, and after all that the host says itself', () => {
  const values = { 'log.level': 'debug' }
  const levels = [
    load({}),
    load(values),
    load(values, { fileText: 'log: { level: warn }' }),
    load(values, { fileText: 'log: { level: warn }', env: { SKEIN_LOG_LEVEL: 'error' } }),
    load(values, { env: { SKEIN_LOG_LEVEL: 'error' }, flags: { logLevel: 'info' } }),
  ].map(({ config, sources }) => [config.log.level, sources.get('log.level')])
  assert.deepEqual(levels, [
    ['info', 'default'],
    ['debug', 'mesh'],
    ['warn', 'file'],
    ['error', 'env'],
    ['info', 'flag'],
  ])
})

test('names, addresses, places, users and the guard of stops are each host’s own, and refused with the reason', () => {
  const own = namedKeys.filter(({ key }) => key.rule.scope === 'host').map(({ name }) => name)
  for (const name of own) {
    const problem = problemWith(name, 'anything')
    assert.match(problem?.why ?? '', new RegExp(`^${name} is each host’s own, for `))
    const { config, left } = load({ [name]: '/elsewhere' })
    assert.deepEqual(config, load({}).config, `${name} is not taken from the mesh either`)
    assert.deepEqual(
      left.map(({ key, kind }) => [key, kind]),
      [[name, 'refused']],
    )
  }
  for (const name of ['node.name', 'network.listen', 'dataDirectory', 'work.user', 'mesh.id']) {
    assert.ok(own.includes(name), name)
  }
  assert.ok(own.includes('estop.releasePeople'))
})

test('a key that is mistyped is answered with the nearest that can be set', () => {
  assert.equal(problemWith('log.levl', 'debug')?.fix, 'did you mean log.level?')
  assert.equal(problemWith('quota', '1GiB')?.fix, 'did you mean artifacts.quota?')
  assert.match(
    problemWith('work.queueMax', '0')?.why ?? '',
    /^work\.queueMax: "0" is out of range$/,
  )
})

test('no value that came from elsewhere keeps an agent from starting, or changes what else it says', () => {
  const key = fc.oneof(
    fc.constantFrom(...namedKeys.map(({ name }) => name)),
    fc.string(),
    fc.constantFrom('__proto__', 'constructor', 'toString'),
  )
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('200ms', '10s', '1m', '0', '64', 'true', 'always', '1GiB', 'debug', ''),
  )
  const said = fc.constantFrom(
    undefined,
    'telemetry: { intervalMin: 3s }',
    'telemetry: { intervalMax: 1s }',
    'work: { sandbox: none, attemptsMax: 3 }',
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(key, text)), said, (entries, fileText) => {
      const own = fileText === undefined ? {} : { fileText, fileName: 'a.yaml' }
      const values = Object.fromEntries(entries)
      const { config, left, chosen } = load(values, own)
      for (const [name] of Object.entries(values)) {
        // Each is taken, left with a reason, or overruled by the host itself.
        const isLeft = left.some((each) => each.key === name)
        const source = chosen.get(name)?.found.source
        assert.ok(isLeft || source === 'mesh' || source === 'file', `${name} ${source}`)
        assert.ok(!isLeft || source !== 'mesh', name)
      }
      assert.ok(config.telemetry.intervalMin <= config.telemetry.intervalMax)
      const bare = loadConfig({ env: {}, flags: {}, host, ...own })
      assert.ok(bare.ok)
      for (const [name, { found, value }] of bare.chosen) {
        if (found.source === 'file') assert.deepEqual(chosen.get(name)?.value, value, name)
      }
    }),
  )
})

test('a value of the mesh that does not go with what the host says is left, and said so', () => {
  const { config, left } = load(
    { 'telemetry.intervalMin': '3s', 'log.level': 'warn' },
    { fileText: 'telemetry: { intervalMax: 2s }' },
  )
  assert.deepEqual(config.telemetry, { intervalMin: 1_000, intervalMax: 2_000 })
  assert.equal(config.log.level, 'warn')
  assert.deepEqual(
    left.map(({ key, kind }) => [key, kind]),
    [['telemetry.intervalMin', 'clash']],
  )
})

test('a key of a newer agent is left by an older one, which takes the rest', () => {
  const { config, left } = load({ 'work.teleport': 'on', 'log.level': 'warn' })
  assert.equal(config.log.level, 'warn')
  assert.deepEqual(left, [
    { key: 'work.teleport', kind: 'unknown', why: 'this agent knows no such key' },
  ])
})

// ── While it runs ───────────────────────────────────────────────────────────────────────────────

const liveNames = meshKeys
  .filter(({ key }) => key.rule.scope === 'mesh' && key.rule.applies === 'live')
  .map(({ name }) => name as LiveName)

function running(input: Partial<ConfigInput> = {}, broken?: LiveName) {
  const whole = { env: {}, flags: {}, host, ...input }
  const loaded = loadConfig(whole)
  assert.ok(loaded.ok)
  const told: [LiveName, Config][] = []
  const tuners = Object.fromEntries(
    liveNames.map((name) => [
      name,
      (config: Config) => {
        if (name === broken) throw new Error('no')
        told.push([name, config])
      },
    ]),
  ) as unknown as Tuners
  const live = new LiveConfig(whole, loaded)
  const take = (number: number, values: Record<string, string>) => {
    told.length = 0
    live.take({ number, values }, tuners)
    return told.map(([name]) => name)
  }
  return { live, take, standing: (key: string) => live.standing().find((each) => each.key === key) }
}

test('whoever a live key concerns is told of a value that is another, and nobody else is', () => {
  const { live, take } = running({ fileText: 'work: { queueMax: 7 }' })
  assert.deepEqual(take(1, { 'log.level': 'debug', 'work.queueMax': '9' }), ['log.level'])
  assert.equal(live.config.log.level, 'debug')
  assert.equal(live.config.work.queueMax, 7)
  assert.deepEqual(take(2, { 'log.level': 'debug', 'membership.probeInterval': '900ms' }), [])
  assert.deepEqual(take(3, {}), ['log.level'])
  assert.equal(live.config.log.level, 'info')
})

test('a key that is for the next start waits for it, and is in force as it was until then', () => {
  const { live, take, standing } = running()
  assert.deepEqual(take(1, { 'network.connectionsMax': '512' }), [])
  assert.equal(live.config.network.connectionsMax, 1_024)
  const { value, source, next } = standing('network.connectionsMax') ?? {}
  assert.deepEqual([value, source, next], ['1024', 'default', { value: '512', source: 'mesh' }])
  const mesh = { number: 1, values: { 'network.connectionsMax': '512' } }
  const again = running({ mesh })
  assert.equal(again.live.config.network.connectionsMax, 512)
  assert.equal(again.standing('network.connectionsMax')?.next, undefined)
  take(2, {})
  assert.equal(standing('network.connectionsMax')?.next, undefined)
})

test('a part that cannot be told keeps what it had; it is said so, and told again with the next version', () => {
  const { live, take, standing } = running({}, 'log.level')
  assert.deepEqual(take(1, { 'log.level': 'debug', 'work.queueMax': '9' }), ['work.queueMax'])
  assert.equal(live.config.log.level, 'info')
  assert.deepEqual(standing('log.level')?.next, { value: 'debug', source: 'mesh' })
  assert.deepEqual(
    live.left.map(({ key, kind }) => [key, kind]),
    [['log.level', 'failed']],
  )
  take(2, { 'work.queueMax': '9' })
  assert.deepEqual(live.left, [])
})

test('every key that can be set for the mesh says when it applies, and how it is read', () => {
  assert.ok(liveNames.length >= 15)
  for (const { name, key } of meshKeys) {
    assert.equal(problemWith(name, String(key.default)), undefined, name)
  }
})
