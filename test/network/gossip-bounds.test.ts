/** What gossip may cost a host, and that nobody is shut out for what others made it pass on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunningNetwork } from '../../agent/network/start.ts'
import { realPassage } from '../contracts/passage.ts'
import { withHostile } from './hostile.ts'
import { peerIdOf, soon, topic, withHosts } from './hosts.ts'
import { meshsub, prefixed, sendAll, subscriptionsRpc } from './raw-bytes.ts'

const { until } = realPassage
const bytes = (text: string) => new TextEncoder().encode(text)

function listening(host: RunningNetwork): Set<string> {
  const heard = new Set<string>()
  host.subscribe(topic, ({ data }) => void heard.add(new TextDecoder().decode(data)))
  return heard
}

/** Until whoever listens has heard one of them: from then on it is known who listens. */
async function warmed(from: RunningNetwork, heard: Set<string>): Promise<void> {
  await until('a first word', () => {
    from.publish(topic, bytes('warm-up'))
    return heard.has('warm-up')
  })
}

test('of what others say little is passed on, and all of it is heard here', async () => {
  const passedOn = {
    messages: { perSecond: 0.001, atOnce: 40 },
    bytes: { perSecond: 1, atOnce: 1_000 },
  }
  await withHosts([{}, { limits: { gossip: { passedOn } } }, {}], async (hosts) => {
    const [author, middle, far] = hosts as [RunningNetwork, RunningNetwork, RunningNetwork]
    const [atMiddle, atFar] = [listening(middle), listening(far)]
    listening(author)
    await author.dial(middle.addresses()[0]!, soon())
    await far.dial(middle.addresses()[0]!, soon())
    await warmed(middle, atFar)
    await warmed(author, atMiddle)
    for (let n = 0; n < 100; n++) author.publish(topic, bytes(`word ${n}`))
    await until('all of them', () => atMiddle.size === 101)
    assert.ok((middle.refusals().gossipNotPassedOn ?? 0) >= 60, 'most go no further')
    // Its own words are not among those that it passes on.
    middle.publish(topic, bytes('the last'))
    await until('the last', () => atFar.has('the last'))
    assert.ok(atFar.size > 2 && atFar.size <= 42, `${atFar.size} of them came so far`)
    assert.deepEqual(far.refusals(), {})
  })
})

test('what strangers say or pass on is not looked at, and friends are heard', async () => {
  const friendId = await peerIdOf(1)
  const heeds = (peer: string) => peer === friendId
  await withHosts([{ heeds }, {}, {}], async (hosts) => {
    const [host, friend, stranger] = hosts as [RunningNetwork, RunningNetwork, RunningNetwork]
    const heard = listening(host)
    listening(friend)
    for (const other of [friend, stranger]) await other.dial(host.addresses()[0]!, soon())
    await until('its refusal', () => {
      stranger.publish(topic, bytes('from a stranger'))
      return (host.refusals().gossipOfStranger ?? 0) > 0
    })
    await warmed(friend, heard)
    assert.deepEqual([...heard], ['warm-up'])
    assert.deepEqual(host.connected().sort(), [friend.self, stranger.self].sort())
  })
})

test('a newer version may name topics that are not known here, and nobody names them without end', async () => {
  const passedOn = { messages: { perSecond: 1, atOnce: 10 }, bytes: { perSecond: 1, atOnce: 1 } }
  const rates = { messagesPerSecondMax: 2, burstMessagesMax: 60, messagesPerRpcMax: 50 }
  const gossip = { ...rates, passedOn }
  await withHosts([{ limits: { gossip } }], async ([host]) => {
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const stream = await connection.newStream(meshsub)
      await sendAll(stream, [prefixed(subscriptionsRpc(40))])
      await until('those counted', () => host!.refusals().topicNotAllowed === 40)
      assert.equal(stream.status, 'open')
      await sendAll(stream, [prefixed(subscriptionsRpc(40, 40))])
      await until('the end', () => connection.status !== 'open')
      assert.equal(host!.refusals().gossipLimit, 1)
    })
  })
})
