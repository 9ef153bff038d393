/** Whoever waits for a leader hears of one at once, and looks by itself when nobody says anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Standing } from '../../agent/ledger/standing.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'

class HandClock implements Clock {
  readonly armed = new Set<() => void>()
  now = () => 0
  wall = () => 0
  every = () => assert.fail('nothing is looked at for ever')

  after(_: number, callback: () => void) {
    this.armed.add(callback)
    return { cancel: () => this.armed.delete(callback) }
  }
}

function waiting() {
  const clock = new HandClock()
  const sources = {
    electionMs: 1_000,
    connected: () => [],
    rumouredLeader: () => undefined,
    onHeeded: () => {},
  }
  const standing = new Standing('n1' as PeerId, sources)
  const ended: number[] = []
  const waits = [0, 1].map((i) => standing.leaderMoves(clock, 25).then(() => ended.push(i)))
  return { clock, standing, ended, waits }
}

test('all who wait are told when somebody leads, and no timer is left behind', async () => {
  const { clock, standing, ended, waits } = waiting()
  standing.announce()
  await Promise.resolve()
  assert.deepEqual(ended, [])
  standing.announceLeader()
  await Promise.all(waits)
  assert.deepEqual(ended, [0, 1])
  assert.equal(clock.armed.size, 0)
})

test('who is told nothing looks when its time is over, and is not told any more', async () => {
  const { clock, standing, ended, waits } = waiting()
  const [first] = clock.armed
  first?.()
  await waits[0]
  assert.deepEqual(ended, [0])
  standing.announceLeader()
  await Promise.all(waits)
  assert.deepEqual(ended, [0, 1])
})
