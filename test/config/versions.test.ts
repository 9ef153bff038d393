/** Versions of the mesh's configuration in the ledger: made, kept in a ring, gone back to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changed, difference } from '../../coordinator/config/changing.ts'
import { configLimits } from '../../coordinator/config/limits.ts'
import {
  currentIn,
  encodeVersion,
  putVersion,
  type Version,
  versionFrom,
  versionIn,
  versionsIn,
} from '../../coordinator/config/rows.ts'
import { Replica } from '../ledger/stage.ts'

const by = { by: 'ada', atMs: 1_000 }

function version(number: number, values: Record<string, string>): Version {
  return { number, values, ...by, set: Object.keys(values), unset: [] }
}

function mistakesOf(set: Record<string, string>, unset: string[] = [], now = {}) {
  const what = changed(now, { set, unset })
  assert.equal(what.kind, 'mistaken')
  return what.kind === 'mistaken' ? what.problems.map(({ why }) => why) : []
}

test('every mistake of a change is told at once', () => {
  const all = mistakesOf(
    { 'log.levl': 'debug', 'work.queueMax': '0', 'node.name': 'x', 'log.format': 'json' },
    ['log.format', 'nosuch'],
  )
  assert.deepEqual(all, [
    'there is no key log.levl',
    'work.queueMax: "0" is out of range',
    'node.name is each host’s own, for it names one host',
    'log.format is set and unset at once',
    'there is no key nosuch',
  ])
})

test('values that do not go together are refused, also one by one', () => {
  const [why = ''] = mistakesOf({ 'telemetry.intervalMin': '6s' })
  assert.match(why, /intervalMin is 6s, longer than telemetry.intervalMax, which is 5s/)
  const both = changed(
    {},
    {
      set: { 'telemetry.intervalMin': '6s', 'telemetry.intervalMax': '7s' },
      unset: [],
    },
  )
  assert.equal(both.kind, 'changed')
  const now = { 'telemetry.intervalMin': '6s', 'telemetry.intervalMax': '7s' }
  assert.equal(mistakesOf({}, ['telemetry.intervalMax'], now).length, 1)
})

test('a change says what it sets and unsets, and one that changes nothing says that', () => {
  const now = { 'log.level': 'debug', 'work.queueMax': '9' }
  const what = changed(now, { set: { 'log.level': 'debug' }, unset: ['work.queueMax'] })
  assert.deepEqual(what, {
    kind: 'changed',
    version: { values: { 'log.level': 'debug' }, set: [], unset: ['work.queueMax'] },
  })
  assert.equal(changed(now, { set: { 'log.level': 'debug' }, unset: [] }).kind, 'same')
  assert.equal(changed(now, { set: {}, unset: ['log.format'] }).kind, 'same')
})

test('a key that this agent does not know any more can still be unset', () => {
  const now = { 'work.teleport': 'on' }
  const what = changed(now, { set: { 'log.level': 'warn' }, unset: [] })
  assert.ok(what.kind === 'changed' && what.version.values['work.teleport'] === 'on')
  const gone = changed(now, { set: {}, unset: ['work.teleport'] })
  assert.ok(gone.kind === 'changed' && Object.keys(gone.version.values).length === 0)
})

test('a version comes back from its row as it was put there', () => {
  const whole = { ...version(7, { 'log.level': 'debug' }), reason: 'a look', rolledBackTo: 3 }
  assert.deepEqual(versionFrom(encodeVersion(whole)), whole)
  assert.equal(versionFrom(Uint8Array.of(255, 255)), undefined)
})

test('of two who make the next version at once one is first, and the other changes nothing', () => {
  const replica = new Replica()
  const put = (it: Version, revision: number) =>
    replica.do({ kind: 'batch', value: { commands: [...putVersion(it, revision)] } })
  assert.equal(put(version(1, { 'log.level': 'debug' }), 0).code, 'ok')
  const seen = currentIn(replica.state)
  assert.ok(seen)
  assert.equal(put(version(2, { 'log.level': 'warn' }), seen.revision).code, 'ok')
  assert.equal(put(version(2, { 'log.level': 'error' }), seen.revision).code, 'conflict')
  assert.equal(currentIn(replica.state)?.version.values['log.level'], 'warn')
  assert.equal(versionIn(replica.state, 2)?.values['log.level'], 'warn')
})

test('so many versions are kept, and an older one is not taken for another', () => {
  const replica = new Replica()
  const { versionsMax } = configLimits
  for (let number = 1; number <= versionsMax + 5; number++) {
    const revision = currentIn(replica.state)?.revision ?? 0
    const commands = [...putVersion(version(number, { 'work.queueMax': String(number) }), revision)]
    assert.equal(replica.do({ kind: 'batch', value: { commands } }).code, 'ok')
  }
  const kept = versionsIn(replica.state, versionsMax)
  assert.equal(kept.length, versionsMax)
  assert.deepEqual([kept[0]?.number, kept.at(-1)?.number], [versionsMax + 5, 6])
  assert.equal(versionIn(replica.state, 5), undefined)
  assert.equal(versionIn(replica.state, 6)?.values['work.queueMax'], '6')
})

test('going back sets and unsets what is needed for it', () => {
  const from = { 'log.level': 'debug', 'work.queueMax': '9' }
  const to = { 'log.level': 'info', 'log.format': 'json' }
  assert.deepEqual(difference(from, to), {
    set: ['log.level', 'log.format'],
    unset: ['work.queueMax'],
  })
})
