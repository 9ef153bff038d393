import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Command, catalogue } from '../../protocol/ledger/catalogue.ts'
import type {
  RaceTransition,
  Transition,
  WaveTransition,
} from '../../protocol/ledger/commands/work-transitions.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import { runStates, unitStates, waitReasons } from '../../protocol/work/states.ts'
import { canonicalHash } from '../../protocol/workflow/canonical.ts'
import golden from './golden-v1.json' with { type: 'json' }
import golden2 from './golden-v2.json' with { type: 'json' }
import golden3 from './golden-v3.json' with { type: 'json' }
import golden4 from './golden-v4.json' with { type: 'json' }
import { bytesOf, put, Replica } from './stage.ts'

const note = { actor: 'anna', verb: 'drain', object: 'n1', from: '::1', reason: 'r', detail: 'd' }
const stop = { scope: 'mesh', by: 'anna', reason: 'smoke', proof: bytesOf('signed') }

const text = '{"name":"dëploy"}'
const hash = canonicalHash(text)
const child = {
  run: 'r2',
  workflow: hash,
  name: 'deploy',
  inputs: '{"n":1}',
  by: 'anna',
  labels: { team: 'edge', env: 'test' },
  planHash: 'p1',
  key: 'k1',
  priority: 3,
  parent: { run: 'r1', stage: 'sub', item: 1 },
  retry: { run: 'r0', keep: ['build', 'test'] },
}
const begin = { attempt: 1, readyMs: 7, after: ['skip'], closing: false }
const signal = { event: 'done', key: 'x', data: '1', by: 'r1' }

const transitions: Transition[] = [
  { kind: 'admitted', value: {} },
  { kind: 'passed', value: { stages: ['skip'], to: unitStates.skipped, why: 'if', after: [] } },
  { kind: 'opened', value: { ...begin, stage: 'sub', items: 2, list: '[1,2]' } },
  { kind: 'launched', value: { ...begin, stage: 'sub', item: 1, child, waits: true } },
  { kind: 'assigned', value: { ...begin, stage: 'sub', item: 0, node: 'n1' } },
  {
    kind: 'waiting',
    value: {
      ...begin,
      stage: 'ask',
      waitsFor: waitReasons.approval,
      dueMs: 90_000,
      detail: 'd',
      key: 'k',
      count: 2,
      message: 'sure?',
    },
  },
  {
    kind: 'waiting',
    value: { ...begin, stage: 'again', waitsFor: waitReasons.retry, errorClass: 'bug' },
  },
  {
    kind: 'settled',
    value: {
      stage: 'old',
      to: unitStates.succeeded,
      errorClass: 'bug',
      why: 'w',
      outputs: '{"ä":1}',
      after: ['skip'],
      signal,
      adopted: true,
    },
  },
]

const advance = (of: Transition[]): Command => ({
  kind: 'workAdvance',
  value: { runs: [{ run: 'r1', transitions: of }], term: 0 },
})

const work: readonly Command[] = [
  {
    kind: 'workflowPut',
    value: { hash, name: 'deploy', chunks: 1, chunk: 0, text: bytesOf(text) },
  },
  { kind: 'workflowPublish', value: { name: 'deploy', hash } },
  {
    kind: 'runStart',
    value: {
      ...child,
      run: 'r1',
      key: 'k0',
      group: { key: 'g', limit: 1, policy: 'queue' },
    },
  },
  { kind: 'signalSend', value: signal },
  advance(transitions),
  {
    kind: 'runVote',
    value: {
      run: 'r1',
      stage: 'ask',
      by: 'ben',
      approves: true,
      planHash: 'p1',
      note: 'fine',
    },
  },
  { kind: 'runCancel', value: { run: 'r1', by: 'anna', reason: 'enough' } },
  { kind: 'runKill', value: { run: 'r2', by: 'anna', reason: 'enough' } },
  advance([
    {
      kind: 'finished',
      value: {
        stage: 'sub',
        item: 0,
        attempt: 1,
        term: 0,
        index: 23,
        to: unitStates.waiting,
        waitsFor: waitReasons.retry,
        dueMs: 99_000,
        errorClass: 'lost',
        why: 'w',
        exitCode: -1,
        outputs: '{}',
        record: bytesOf('what it took'),
      },
    },
    {
      kind: 'assigned',
      value: { ...begin, stage: 'sub', item: 0, attempt: 2, node: 'n2', closing: true },
    },
    { kind: 'stopped', value: { mode: 2, by: 'leader', reason: 'late' } },
  ]),
  advance([
    {
      kind: 'finished',
      value: { stage: 'sub', item: 0, attempt: 2, term: 0, index: 27, to: unitStates.cancelled },
    },
    { kind: 'ended', value: { after: [], to: runStates.cancelled, outputs: '{}', reason: 'late' } },
  ]),
  { kind: 'runArchive', value: { runs: ['r1'] } },
]

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
  { kind: 'sessionOpen', value: { ttlMs: 60_000 } },
  ...work,
]

/** What has come since, with the agreement on it. */
const script2: readonly Command[] = [
  { kind: 'versionRaise', value: { to: 2 } },
  {
    kind: 'runAgain',
    value: {
      start: { ...child, run: 'r3', key: 'k3', retry: { run: 'r0', keep: [] } },
      kept: bytesOf('a set'),
    },
  },
]

const wave = (of: WaveTransition[]): Command => ({
  kind: 'workWave',
  value: { runs: [{ run: 'r3', transitions: of }], term: 0 },
})

const script3: readonly Command[] = [
  { kind: 'versionRaise', value: { to: 3 } },
  wave([
    { kind: 'stagesAssigned', value: { stages: 'build/test/lint', node: 'n1', readyMs: 7 } },
    { kind: 'passed', value: { stages: ['skip'], to: unitStates.skipped, after: [] } },
  ]),
  wave([
    {
      kind: 'stagesFinished',
      value: {
        stages: 'build/lint',
        attempt: 1,
        term: 0,
        index: script.length + script2.length + 2,
        record: bytesOf('what it took'),
      },
    },
  ]),
]

const race = (of: RaceTransition[]): Command => ({
  kind: 'workRace',
  value: { runs: [{ run: 'r3', transitions: of }], term: 0 },
})

const before4 = script.length + script2.length + script3.length
const record = bytesOf('what it took')

const script4: readonly Command[] = [
  { kind: 'versionRaise', value: { to: 4 } },
  race([
    { kind: 'stagesAssigned', value: { stages: 'pack/ship', node: 'n1', readyMs: 7 } },
    { kind: 'raced', value: { stage: 'pack', attempt: 2, node: 'n2' } },
  ]),
  race([{ kind: 'raced', value: { stage: 'ship', attempt: 2, node: 'n3' } }]),
  race([
    {
      kind: 'fellOut',
      value: { stage: 'pack', attempt: 1, term: 0, index: before4 + 2, record },
    },
    {
      kind: 'finished',
      value: {
        stage: 'ship',
        attempt: 2,
        term: 0,
        index: before4 + 3,
        to: unitStates.succeeded,
        record,
      },
    },
  ]),
]

function told(...scripts: (readonly Command[])[]) {
  const replica = new Replica()
  const states: string[] = []
  let session = 0
  for (const [i, command] of scripts.flat().entries()) {
    const isAlone = catalogue[command.kind].place === 'alone'
    const numbered = { session, serial: i + 1, acked: 0 }
    const payload = replica.seal(command, 1_000 * i, isAlone ? undefined : numbered)
    const { result } = replica.apply(payload)
    if ([work, script2, script3, script4].some((all) => all.includes(command))) {
      assert.deepEqual(result, { code: 'ok', revision: i + 1 })
    }
    if (command.kind === 'sessionOpen') session = result.revision ?? 0
    states.push(digestOf(replica.state))
  }
  const snapshot = createHash('sha256')
  for (const chunk of writeSnapshot(replica.state)) snapshot.update(chunk)
  const entries = replica.payloads.map((payload) => Buffer.from(payload).toString('hex'))
  return { entries, states, snapshot: snapshot.digest('hex') }
}

/** What a script adds to those before it. */
function since(before: readonly (readonly Command[])[], script: readonly Command[]) {
  const { entries, states, snapshot } = told(...before, script)
  const from = before.flat().length
  return { entries: entries.slice(from), states: states.slice(from), snapshot }
}

test('entries and snapshots of released versions keep their bytes and their meaning', () => {
  assert.deepEqual(
    new Set([...script, ...script2, ...script3, ...script4].map(({ kind }) => kind)),
    new Set(Object.keys(catalogue)),
    'a new kind needs its line in a script, and a golden file its bytes',
  )
  assert.deepEqual(told(script), golden)
  assert.deepEqual(since([script], script2), golden2)
  assert.deepEqual(since([script, script2], script3), golden3)
  assert.deepEqual(since([script, script2, script3], script4), golden4)
})
