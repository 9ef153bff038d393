import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Command, catalogue } from '../../protocol/ledger/catalogue.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import golden from './golden-v1.json' with { type: 'json' }
import { bytesOf, put, Replica } from './stage.ts'

const note = { actor: 'anna', verb: 'drain', object: 'n1', from: '::1', reason: 'r', detail: 'd' }
const stop = { scope: 'mesh', by: 'anna', reason: 'smoke', proof: bytesOf('signed') }

/** One of each kind, each with all it can carry. */
const script: readonly Command[] = [
  { kind: 'sessionOpen', value: { ttlMs: 60_000 } },
  put('k', 'value', 0),
  { kind: 'kvDelete', value: { namespace: 'test', key: 'k', expect: 2 } },
  { kind: 'configSet', value: { key: 'log.level', value: 'dëbug', expect: 0 } },
  { kind: 'configUnset', value: { key: 'log.level', expect: 4 } },
  { kind: 'nodeLabelSet', value: { node: 'n1', name: 'os', value: 'linux' } },
  { kind: 'nodeLabelUnset', value: { node: 'n1', name: 'os' } },
  { kind: 'nodeDrain', value: { node: 'n1', by: 'anna', reason: 'disk' } },
  { kind: 'nodeUndrain', value: { node: 'n1' } },
  { kind: 'nodeForget', value: { node: 'n1' } },
  { kind: 'estopRaise', value: { ...stop, epoch: 1, mode: 'kill' } },
  { kind: 'estopReset', value: { ...stop, epoch: 2 } },
  { kind: 'auditAppend', value: { ...note, outcome: 'ok' } },
  {
    kind: 'batch',
    value: {
      commands: [{ kind: 'nodeDrain', value: { node: 'n1', by: 'anna', reason: 'disk' } }],
      audit: note,
    },
  },
  { kind: 'versionRaise', value: { to: 1 } },
  { kind: 'sessionsExpire', value: {} },
  { kind: 'sessionClose', value: { session: 1 } },
]

test('entries and snapshots of released versions keep their bytes and their meaning', () => {
  assert.deepEqual(
    new Set(script.map(({ kind }) => kind)),
    new Set(Object.keys(catalogue)),
    'a new kind needs its line in the script, and the golden file its bytes',
  )
  const replica = new Replica()
  const states: string[] = []
  for (const [i, command] of script.entries()) {
    const isAlone = catalogue[command.kind].place === 'alone'
    const numbered = { session: 1, serial: i + 1, acked: 0 }
    replica.apply(replica.seal(command, 1_000 * i, isAlone ? undefined : numbered))
    states.push(digestOf(replica.state))
  }
  const snapshot = createHash('sha256')
  for (const chunk of writeSnapshot(replica.state)) snapshot.update(chunk)
  const entries = replica.payloads.map((payload) => Buffer.from(payload).toString('hex'))
  assert.deepEqual({ entries, states, snapshot: snapshot.digest('hex') }, golden)
})
