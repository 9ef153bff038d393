/** On a host where nobody waits for what is committed, it is applied some at a time, and never late. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathering } from '../../agent/consensus/gathering.ts'
import { gatheringLimits } from '../../agent/consensus/limits.ts'
import { type Entry, entryKind } from '../../protocol/consensus/messages.ts'
import type { Apply } from '../../protocol/consensus/ready.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { World } from '../../simulations/world/world.ts'

const { entriesMax, waitMsMax } = gatheringLimits
const entry: Entry = { term: 1, kind: entryKind.normal, data: new Uint8Array() }
const snapshot = {
  index: 40,
  term: 1,
  config: { voters: [], outgoing: [], learners: [] },
  bytes: 0,
  checksum: '',
}

function entries(firstIndex: number, count: number): Apply {
  return { kind: 'entries', firstIndex, entries: Array.from({ length: count }, () => entry) }
}

async function begin() {
  const world = new World({ seed: 'gathering', identities: 'plain' })
  let clock: Clock | undefined
  world.addHost('n1').boot((ports) => {
    clock = ports.clock
    return Promise.resolve()
  })
  await world.runFor(100)
  const applied: string[] = []
  const gathering = new Gathering(clock as Clock, (steps) => {
    for (const step of steps) {
      if (step.kind === 'snapshot') applied.push(`snapshot ${step.snapshot.index}`)
      else applied.push(`${step.firstIndex}+${step.entries.length}`)
    }
  })
  return { world, gathering, applied }
}

test('what has gathered is applied at once, as one run, when it is enough', async () => {
  const { gathering, applied } = await begin()
  for (let i = 1; i < entriesMax; i++) gathering.take([entries(i, 1)], false)
  assert.deepEqual(applied, [])
  gathering.take([entries(entriesMax, 1)], false)
  assert.deepEqual(applied, [`1+${entriesMax}`])
})

test('many that come together wait for nothing', async () => {
  const { gathering, applied } = await begin()
  gathering.take([entries(1, entriesMax)], false)
  assert.deepEqual(applied, [`1+${entriesMax}`])
})

test('the first of few waits no longer than it may, however many come behind it', async () => {
  const { world, gathering, applied } = await begin()
  gathering.take([entries(1, 1)], false)
  await world.runFor(waitMsMax / 2)
  gathering.take([entries(2, 1)], false)
  assert.deepEqual(applied, [])
  await world.runFor(waitMsMax / 2)
  assert.deepEqual(applied, ['1+2'])
  await world.runFor(10 * waitMsMax)
  assert.deepEqual(applied, ['1+2'], 'and all of it is applied once')
})

test('somebody who waits for it gets it at once, and the next waits its own time', async () => {
  const { world, gathering, applied } = await begin()
  gathering.take([entries(1, 1)], false)
  await world.runFor(waitMsMax / 2)
  gathering.flush()
  gathering.flush()
  assert.deepEqual(applied, ['1+1'])
  gathering.take([entries(2, 1)], false)
  await world.runFor(0.75 * waitMsMax)
  assert.deepEqual(applied, ['1+1'])
  await world.runFor(0.25 * waitMsMax)
  assert.deepEqual(applied, ['1+1', '2+1'])
})

test('whoever is in a hurry waits for nothing, and has what gathered before in front', async () => {
  const { world, gathering, applied } = await begin()
  gathering.take([entries(1, 1)], true)
  assert.deepEqual(applied, ['1+1'])
  gathering.take([entries(2, 1)], false)
  gathering.take([entries(3, 1)], true)
  assert.deepEqual(applied, ['1+1', '2+2'])
  gathering.take([entries(4, 1)], false)
  gathering.take([], true)
  assert.deepEqual(applied, ['1+1', '2+2', '4+1'])
  await world.runFor(10 * waitMsMax)
  assert.deepEqual(applied, ['1+1', '2+2', '4+1'])
})

test('a snapshot comes behind what was committed before it, and in front of what follows', async () => {
  const { gathering, applied } = await begin()
  gathering.take([entries(1, 1)], false)
  gathering.take([{ kind: 'snapshot', snapshot }, entries(41, 2)], false)
  assert.deepEqual(applied, ['1+1', 'snapshot 40', '41+2'])
})

test('nothing is applied any more when it has ended', async () => {
  const { world, gathering, applied } = await begin()
  gathering.take([entries(1, 1)], false)
  gathering.end()
  await world.runFor(10 * waitMsMax)
  assert.deepEqual(applied, [])
})
