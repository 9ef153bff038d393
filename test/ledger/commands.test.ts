import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command, SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { read } from '../../protocol/ledger/read.ts'
import { bytesOf, del, put, Replica, smallLimits } from './stage.ts'

const raise = (scope: string, epoch: number, reason = 'r'): SimpleCommand => ({
  kind: 'estopRaise',
  value: { scope, epoch, mode: 'kill', by: 'anna', reason },
})
const reset = (scope: string, epoch: number): SimpleCommand => ({
  kind: 'estopReset',
  value: { scope, epoch, by: 'ben', reason: 'repaired' },
})
const batch = (...commands: Command[]): Command => ({
  kind: 'batch',
  value: { commands: commands as SimpleCommand[] },
})
const label = (node: string, name: string, value = 'v'): Command => ({
  kind: 'nodeLabelSet',
  value: { node, name, value },
})

test('settings are set, compared and unset by version', () => {
  const replica = new Replica(smallLimits)
  const set = (key: string, value: string, expect?: number): Command => ({
    kind: 'configSet',
    value: expect === undefined ? { key, value } : { key, value, expect },
  })
  assert.deepEqual(replica.do(set('log.level', 'info', 0)), { code: 'ok', revision: 1 })
  assert.deepEqual(replica.do(set('log.level', 'debug', 0)), { code: 'conflict', revision: 1 })
  assert.deepEqual(replica.do(set('log.level', 'debug', 1)), { code: 'ok', revision: 3 })
  assert.deepEqual(read(replica.state, { kind: 'configGet', key: 'log.level' }), {
    index: 3,
    value: { key: 'log.level', value: 'debug', version: 3 },
  })
  for (const key of ['b', 'c']) replica.do(set(key, 'ä€'))
  assert.equal(replica.do(set('d', 'x')).code, 'full')
  assert.equal(replica.do(set('c', 'x')).code, 'ok', 'what is there may still change')
  const unset = (key: string, expect: number): Command => ({
    kind: 'configUnset',
    value: { key, expect },
  })
  assert.equal(replica.do(unset('log.level', 1)).code, 'conflict')
  assert.equal(replica.do(unset('log.level', 3)).code, 'ok')
  assert.equal(replica.do(unset('log.level', 3)).code, 'notFound')
  const { items } = read(replica.state, { kind: 'configList', prefix: '' }).value
  assert.deepEqual(
    items.map(({ key }) => key),
    ['b', 'c'],
  )
})

test('a node is labelled, drained and undrained, and forgotten when nothing is said of it', () => {
  const replica = new Replica(smallLimits)
  replica.do(label('n1', 'os', 'linux'))
  replica.do(label('n1', '__proto__', 'odd'))
  assert.equal(replica.do(label('n1', 'third')).code, 'full')
  const drain = (reason: string): Command => ({
    kind: 'nodeDrain',
    value: { node: 'n1', by: 'anna', reason },
  })
  replica.do(drain('disk'), 1_000)
  replica.do(drain('disk and fan'), 2_000)
  const node = read(replica.state, { kind: 'nodeGet', node: 'n1' }).value
  assert.deepEqual(Object.entries(node?.labels ?? {}).sort(), [
    ['__proto__', 'odd'],
    ['os', 'linux'],
  ])
  assert.deepEqual(node?.drained, { by: 'anna', reason: 'disk and fan', sinceMs: 1_000 })
  assert.equal(replica.do({ kind: 'nodeUndrain', value: { node: 'n1' } }).code, 'ok')
  assert.equal(replica.do({ kind: 'nodeUndrain', value: { node: 'n1' } }).code, 'notFound')
  for (const name of ['os', '__proto__']) {
    const command: Command = { kind: 'nodeLabelUnset', value: { node: 'n1', name } }
    assert.equal(replica.do(command).code, 'ok')
    assert.equal(replica.do(command).code, 'notFound')
  }
  assert.equal(replica.state.rows.size, 0)
  for (const n of ['n1', 'n2', 'n3']) assert.equal(replica.do(label(n, 'a')).code, 'ok')
  assert.equal(replica.do(label('n4', 'a')).code, 'full')
  assert.equal(replica.do({ kind: 'nodeForget', value: { node: 'n2' } }).code, 'ok')
  assert.equal(replica.do(label('n4', 'a')).code, 'ok')
})

test('of an emergency stop the highest epoch of its scope stands, and a late release releases nothing', () => {
  const replica = new Replica(smallLimits)
  const isRaised = (scope: string) => read(replica.state, { kind: 'estopGet', scope }).value?.raised
  assert.equal(replica.do(reset('mesh', 1)).code, 'notFound')
  assert.equal(replica.do(raise('mesh', 5)).code, 'ok')
  assert.deepEqual(replica.do(reset('mesh', 4)), { code: 'stale', revision: 5 })
  assert.deepEqual(replica.do(reset('mesh', 5)), { code: 'stale', revision: 5 })
  assert.equal(isRaised('mesh'), true)
  const before = digestOf(replica.state)
  assert.deepEqual(replica.do(raise('mesh', 5)), { code: 'ok', revision: 2 }, 'told again')
  assert.equal(digestOf(replica.state), before)
  assert.equal(replica.do(raise('mesh', 5, 'other')).code, 'stale')
  assert.equal(replica.do(raise('run:7', 3)).code, 'ok', 'another scope, a lower epoch')
  assert.equal(replica.do(reset('mesh', 6)).code, 'ok')
  assert.equal(isRaised('mesh'), false)
  assert.deepEqual(replica.do(raise('mesh', 5)), { code: 'stale', revision: 6 }, 'a replay')
  assert.equal(isRaised('mesh'), false)
})

test('with all places taken, the oldest release gives way to a stop and does not come back', () => {
  const replica = new Replica(smallLimits)
  replica.do(raise('a', 1))
  replica.do(raise('b', 2))
  assert.equal(replica.do(raise('c', 3)).code, 'full', 'no stop in force is forgotten')
  replica.do(reset('b', 4))
  replica.do(reset('a', 5))
  assert.equal(replica.do(raise('c', 6)).code, 'ok')
  const { items } = read(replica.state, { kind: 'estopList' }).value
  assert.deepEqual(
    items.map(({ scope }) => scope),
    ['a', 'c'],
  )
  assert.deepEqual(replica.do(raise('b', 2)), { code: 'stale', revision: 4 })
})

test('a batch applies whole or not at all, and says which command was in the way', () => {
  const replica = new Replica(smallLimits)
  replica.do(put('a', 'old'))
  const before = digestOf(replica.state)
  const failing = replica.apply(replica.seal(batch(put('a', 'new'), put('b'), del('x'), put('c'))))
  assert.deepEqual(failing.result, { code: 'notFound', item: 2 })
  assert.deepEqual(failing.events, [])
  assert.equal(digestOf(replica.state), before)
  const passing = replica.apply(replica.seal(batch(put('a', 'new'), put('b'), del('b'))))
  assert.equal(passing.result.code, 'ok')
  assert.deepEqual(
    passing.events.map(({ ordinal, change }) => [ordinal, change.kind]),
    [
      [0, 'kvPut'],
      [1, 'kvPut'],
      [2, 'kvDeleted'],
    ],
  )
  assert.equal(
    replica.do(batch(put('b', 'x', 0), put('b', 'y', replica.state.index + 1))).code,
    'ok',
  )
  assert.equal(replica.do(batch(...Array(5).fill(put('a')))).code, 'tooLarge')
})

test('the note that comes with a batch is written with its outcome, good or bad', () => {
  const replica = new Replica(smallLimits)
  const audit = { actor: 'anna', verb: 'delete', object: 'x', from: '10.0.0.7' }
  const commands = [del('x')] as SimpleCommand[]
  assert.equal(replica.do({ kind: 'batch', value: { commands, audit } }).code, 'notFound')
  replica.do(put('x'))
  assert.equal(replica.do({ kind: 'batch', value: { commands, audit } }).code, 'ok')
  const { items } = read(replica.state, { kind: 'auditList' }).value
  assert.deepEqual(
    items.map(({ sequence, outcome, from }) => [sequence, outcome, from]),
    [
      [1, 'notFound', '10.0.0.7'],
      [2, 'ok', '10.0.0.7'],
    ],
  )
})

test('values that are too large for their place are refused, not cut', () => {
  const replica = new Replica()
  const long = '€'.repeat(400)
  const commands: Command[] = [
    label('n', 'l', long),
    { kind: 'nodeDrain', value: { node: 'n', by: long, reason: '' } },
    { kind: 'auditAppend', value: { actor: long, verb: '', object: '', outcome: '' } },
    raise('mesh', 1, long),
    raise('mesh', 0),
    { kind: 'configSet', value: { key: 'k', value: 'v'.repeat(64 * 1024 + 1) } },
    {
      kind: 'estopRaise',
      value: {
        scope: 'm',
        epoch: 1,
        mode: 'kill',
        by: '',
        reason: '',
        proof: bytesOf('p'.repeat(4097)),
      },
    },
  ]
  for (const command of commands) assert.equal(replica.do(command).code, 'tooLarge', command.kind)
  assert.equal(replica.state.rows.size, 0)
})
