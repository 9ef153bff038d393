/** What is noticed of a host whose process dies without a word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CloseReason, PeerConnectionEvent } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { soon } from './hosts.ts'
import { echo, forkHost, startHost } from './hosts-in-processes.ts'

test('the death of a process ends its streams and its connection, once', async () => {
  const victim = await forkHost(1)
  const host = await startHost(2)
  try {
    const events: PeerConnectionEvent[] = []
    const ends: CloseReason[] = []
    host.onConnection = (event) => void events.push(event)
    host.learn(victim.self, [victim.address])
    let answered = 0
    const streams = await Promise.all([1, 2].map(() => host.open(victim.self, echo, soon())))
    for (const stream of streams) {
      stream.onFrame = () => void answered++
      stream.onClose = (reason) => void ends.push(reason)
      stream.send(Uint8Array.of(1))
    }
    await realPassage.until('both answers', () => answered === 2)
    await victim.kill()
    await realPassage.until('the ends', () => ends.length === 2 && events.length === 2)
    assert.deepEqual(ends, ['connectionLost', 'connectionLost'])
    assert.deepEqual(events, [
      { peer: victim.self, kind: 'connected' },
      { peer: victim.self, kind: 'disconnected' },
    ])
    assert.deepEqual(host.connected(), [])
    for (const stream of streams) {
      assert.equal(stream.open, false)
      stream.send(Uint8Array.of(2))
      await stream.drained()
    }
    await assert.rejects(host.open(victim.self, echo, soon()), { code: 'refused' })
  } finally {
    await host.stop()
    await victim.kill()
  }
})
