/**
 * The flood of subscriptions of CVE-2026-46679: gossipsub kept every topic that any peer said it
 * had subscribed to, so a peer could fill a host's memory by naming topics.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stream } from '../../protocol/ports/network.ts'
import { soon } from './hosts.ts'
import { echo, forkFlood, forkHost, startHost } from './hosts-in-processes.ts'

const mib = 1024 * 1024
const floodBytes = 68 * mib

/**
 * After a collection. A victim that keeps what it is told holds all of the flood, and more; one that
 * does not remembers those whom it has shut out, as many as it has room for.
 */
const heldGrowthBytesMax = 16 * mib
/** At the worst moment, with what waits to be collected. */
const residentGrowthBytesMax = 48 * mib

test('a host that is flooded with subscriptions keeps none of them and goes on answering', async (t) => {
  const victim = await forkHost(1)
  const honest = await startHost(2)
  let flood: ReturnType<typeof forkFlood> | undefined
  try {
    honest.learn(victim.self, [victim.address])
    const stream = await honest.open(victim.self, echo, soon())
    const answers = answering(stream)
    await answers.next()
    const before = await victim.weigh()
    flood = forkFlood(victim.address, floodBytes)
    let over: Awaited<typeof flood.over> | undefined
    const ending = flood.over.then((result) => (over = result))
    let answered = 0
    while (over === undefined) {
      await answers.next()
      answered += 1
    }
    await ending
    await answers.next()
    const after = await victim.weigh()
    assert.ok(over.written >= floodBytes)
    assert.ok(over.identities > 1, 'the victim hangs up on a peer that floods')
    assert.ok(answered > 0)
    assert.ok((after.refusals.topicNotAllowed ?? 0) > 0)
    assert.ok((after.refusals.gossipLimit ?? 0) > 0)
    const held = after.heldBytes - before.heldBytes
    t.diagnostic(`${over.identities} identities, ${answered} answers, ${held} bytes more held`)
    assert.ok(held < heldGrowthBytesMax, `holds ${held} bytes more`)
    const resident = after.residentBytesMax - before.residentBytesMax
    assert.ok(resident < residentGrowthBytesMax, `grew by ${resident} bytes`)
  } finally {
    await flood?.kill()
    await honest.stop()
    await victim.kill()
  }
})

/** Asks one thing after another; each `next` is one question with its answer. */
function answering(stream: Stream): { next(): Promise<void> } {
  let waiting: PromiseWithResolvers<void> | undefined
  let asked = 0
  stream.onFrame = (frame) => {
    if (new DataView(frame.buffer).getUint32(0) === asked) waiting?.resolve()
    else waiting?.reject(new Error('an answer to another question'))
  }
  stream.onClose = (reason) => waiting?.reject(new Error(`the stream ended: ${reason}`))
  return {
    next: () => {
      waiting = Promise.withResolvers<void>()
      asked += 1
      const question = new Uint8Array(4)
      new DataView(question.buffer).setUint32(0, asked)
      assert.ok(stream.send(question), 'an honest host is not held up')
      return waiting.promise
    },
  }
}
