import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { loadConfig } from '../../agent/config/load.ts'
import { namedKeys } from '../../agent/config/names.ts'
import { configFlags, configJsonSchema, configReference } from '../../agent/config/reference.ts'

const parts = { env: { HOME: '/h' }, flags: {}, host: { name: 'n1', superuser: false } }
const schema = z.fromJSONSchema(configJsonSchema() as Parameters<typeof z.fromJSONSchema>[0])

test('the reference tells of every key: its meaning, default, variable and flag', () => {
  const reference = configReference()
  for (const { name, env, flag, key } of namedKeys) {
    const entry = reference.split('\n## ').find((text) => text.startsWith(`${name}\n`))
    assert.ok(entry, name)
    const mesh = key.rule.scope === 'host' ? key.rule.because : 'obeyed at '
    for (const part of [key.about, key.kind.noun, '- default: ', env, `--${flag}`, mesh]) {
      assert.ok(entry.includes(part), `${name} tells ${part}`)
    }
  }
})

test('no two keys share a variable or a flag', () => {
  assert.equal(new Set(namedKeys.map(({ env }) => env)).size, namedKeys.length)
  assert.equal(new Set(configFlags().map(({ flags }) => flags)).size, namedKeys.length)
})

test('flags are in the notation that the command line takes', () => {
  const flags = configFlags()
  assert.ok(flags.some((flag) => flag.flags === '--network-bootstrap <multiaddr...>'))
  assert.ok(
    flags.some((flag) => flag.flags === '--network-mdns' && flag.negated === '--no-network-mdns'),
  )
  assert.ok(flags.some((flag) => flag.flags === '--api-listen <host:port>'))
})

test('what the editors’ schema lets pass and refuses is what an agent takes and refuses', () => {
  const samples: [file: unknown, fine: boolean][] = [
    [{}, true],
    [{ $schema: './skein.json', node: { name: 'n1', labels: { rack: 3, zone: 'a' } } }, true],
    [{ network: { listen: '/ip4/0.0.0.0/tcp/0', mdns: false, connectionsMax: 64 } }, true],
    [{ network: { bootstrap: ['/dns/a.example/tcp/1'] }, api: { listen: '[::1]:1' } }, true],
    [{ log: { level: 'warn', format: 'json' }, history: { retention: '1h30m' } }, true],
    [{ nod: {} }, false],
    [{ network: { lisen: [] } }, false],
    [{ network: { listen: ['10.0.0.1:4130'] } }, false],
    [{ network: { connectionsMax: 3 } }, false],
    [{ log: { level: 'loud' } }, false],
    [{ membership: { probeInterval: 500 } }, false],
    [{ membership: { probeInterval: '500' } }, false],
    [{ node: { name: 'a b' } }, false],
    [{ api: 'localhost' }, false],
  ]
  for (const [file, fine] of samples) {
    const text = JSON.stringify(file)
    assert.equal(schema.safeParse(file).success, fine, `schema: ${text}`)
    assert.equal(loadConfig({ ...parts, fileText: text }).ok, fine, `agent: ${text}`)
  }
})

test('the defaults in the editors’ schema are values that it allows', () => {
  const visit = (node: object): void => {
    if ('default' in node) {
      const { default: value, ...rules } = node
      const rule = z.fromJSONSchema(rules as Parameters<typeof z.fromJSONSchema>[0])
      assert.ok(rule.safeParse(value).success, JSON.stringify(node))
    }
    if ('properties' in node)
      for (const child of Object.values(node.properties as object)) visit(child)
  }
  visit(configJsonSchema())
})
