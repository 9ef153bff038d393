import assert from 'node:assert/strict'
import test from 'node:test'
import type { SwarmRotation } from '../../coordinator/api/swarm-key-routes.ts'
import { isOver } from '../../coordinator/cli/keys-rotate-swarm.ts'

type Step = SwarmRotation['step']

function rotation(step: Step, ...hosts: ('done' | 'late' | 'away')[]): SwarmRotation {
  return {
    step,
    was: 'a',
    now: 'b',
    madeMs: 1,
    hosts: hosts.map((host, i) => ({
      name: `n${i}`,
      here: host !== 'away',
      done: host === 'done',
      has: host === 'done' ? 'new' : 'none',
    })),
  } as SwarmRotation
}

test('a rotation of the swarm key is over when it has ended, or waits for somebody who is away', () => {
  assert.equal(isOver(rotation('taken', 'done', 'done')), false)
  assert.equal(isOver(rotation('taken', 'done', 'away')), false)
  assert.equal(isOver(rotation('dialled', 'done', 'late')), false)
  assert.equal(
    isOver(rotation('dialled', 'done', 'done')),
    false,
    'the old key is yet to be dropped',
  )
  assert.equal(isOver(rotation('dialled', 'done', 'away')), true)
  assert.equal(isOver(rotation('alone', 'done', 'late')), false)
  assert.equal(isOver(rotation('alone', 'done', 'done')), true)
  assert.equal(isOver(rotation('alone', 'done', 'away')), true)
})
