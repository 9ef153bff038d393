/** What is told of one stage: whom it waits for, which of its items are in trouble, what failed tries wrote. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt, Stage } from '../../coordinator/api/run-schemas.ts'
import { describeStage, stageTable, waitOf } from '../../coordinator/cli/stage-text.ts'
import { Terminal } from './stage.ts'

const io = new Terminal()

function stage(over: Partial<Stage>): Stage {
  return {
    name: 'build',
    section: 'stages',
    kind: 'run',
    needs: [],
    state: 'pending',
    attempt: 0,
    ...over,
  }
}

function attempt(over: Partial<Attempt>): Attempt {
  return {
    attempt: 1,
    node: 'a',
    nodeName: 'n1',
    assignedMs: 1_000,
    endedMs: 2_000,
    outcome: 'failed',
    code: 'exit',
    message: 'it exited with code 3',
    exitCode: 3,
    ...over,
  }
}

test('one that is to be tried again says so, and what came before', () => {
  const dueMs = new Date().setHours(10, 0, 5, 0)
  assert.equal(
    waitOf({ waitsFor: 'retry', dueMs, why: 'it exited with code 3' }),
    'waits to be tried again until 10:00:05, after: it exited with code 3',
  )
})

test('one that waits for an event says with which key', () => {
  const wait = { waitsFor: 'signal', detail: 'deployed', key: 'prod' } as const
  assert.equal(waitOf(wait), 'waits for the event deployed with the key prod')
})

test('one that people must agree to says what they are asked, and who may', () => {
  const approval = {
    count: 2,
    votes: [{ by: 'bob', approves: true, timeMs: 1, note: 'fine' }],
    message: 'Ship it?',
    roles: ['approver'],
    from: ['eve'],
    approved: false,
    denied: false,
  }
  const text = describeStage(stage({ state: 'waiting', waitsFor: 'approval', approval }), io)
  assert.match(text, /message +Ship it\?/)
  assert.match(text, /asks +eve or whoever has the role approver/)
  assert.match(text, /approvals +1 of 2, bob yes \(fine\)/)
})

test('a try that failed shows what it wrote last, and one that succeeded does not', () => {
  const logTail = 'one\ntwo\nthree\nfour\nfive\ncannot reach the database\n'
  const failed = describeStage(
    stage({ state: 'failed', attempts: [attempt({ logTail })], attempt: 1 }),
    io,
  )
  assert.match(failed, /attempt 1 +failed on n1/)
  assert.match(failed, /it exited with code 3 \(exit\)/)
  assert.match(failed, /\| two\n.*\| cannot reach the database$/s)
  assert.doesNotMatch(failed, /\| one/)
  const fine = attempt({ logTail, outcome: 'succeeded' })
  assert.doesNotMatch(describeStage(stage({ attempts: [fine] }), io), /database/)
})

test('of items those come first that are in trouble', () => {
  const item = (number: number, over: object) => ({ item: number, attempt: 1, ...over })
  const units = [
    item(0, { state: 'succeeded', nodeName: 'n1' }),
    item(1, { state: 'failed', nodeName: 'n2', why: 'it exited with code 1' }),
  ] as NonNullable<Stage['items']>['units']
  const items = { count: 200, states: { succeeded: 1, failed: 1, pending: 198 }, units }
  const text = describeStage(stage({ state: 'open', items }), io)
  assert.match(text, /1 +failed +n2 +1 +it exited with code 1\n +0 +succeeded +n1/)
  assert.match(text, /and 198 more/)
})

test('what never ran is not pending once the run is over', () => {
  const stages = [stage({ name: 'tell' })]
  assert.match(stageTable(stages, false, io), /tell +pending/)
  assert.match(stageTable(stages, true, io), /tell +not run/)
})

test('one that chooses says in the table which others it took, and closely why', () => {
  const chose = { case: 2, when: 'inputs.n > 3', stages: ['middle', 'also'] }
  const one = stage({ state: 'succeeded', kind: 'choose', chose, outputs: { case: 1 } })
  assert.match(stageTable([one], true, io), /chose middle, also/)
  assert.match(describeStage(one, io), /^chose +middle, also, its case 2 held: inputs.n > 3$/m)
  const none = stage({ state: 'succeeded', kind: 'choose', chose: { stages: [] } })
  assert.match(stageTable([none], true, io), /chose nothing/)
  assert.match(describeStage(none, io), /^chose +nothing, none of its cases held$/m)
})
