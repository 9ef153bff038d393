/** Gossip that survives reconnects, and peers that abuse it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunningNetwork } from '../../agent/network/start.ts'
import { realPassage } from '../contracts/passage.ts'
import { startHostile, withHostile } from './hostile.ts'
import { soon, topic, withHosts } from './hosts.ts'
import { meshsub, messageRpc, prefixed, sendAll, subscriptionsRpc, varint } from './raw-bytes.ts'

const { until, advance } = realPassage
const mib = 1024 * 1024

function listening(host: RunningNetwork): string[] {
  const heard: string[] = []
  host.subscribe(topic, ({ data }) => void heard.push(new TextDecoder().decode(data)))
  return heard
}

/** Nobody promises that any one message arrives, so words are said until one does. */
async function saidUntilHeard(from: RunningNetwork, heard: readonly string[]): Promise<void> {
  const before = heard.length
  for (let word = 0; word < 100 && heard.length === before; word++) {
    from.publish(topic, new TextEncoder().encode(`word ${word}`))
    await advance(50)
  }
  assert.ok(heard.length > before, 'the words were not heard')
}

test('gossip flows again after a disconnection, both ways, again and again', async () => {
  await withHosts([{}, {}], async ([a, b]) => {
    const [atA, atB] = [listening(a!), listening(b!)]
    for (let round = 0; round < 4; round++) {
      const dialler = round % 2 === 0 ? a! : b!
      const other = dialler === a ? b! : a!
      await dialler.dial(other.addresses()[0]!, soon())
      await saidUntilHeard(a!, atB)
      await saidUntilHeard(b!, atA)
      const leaver = round < 2 ? a! : b!
      leaver.disconnect(leaver === a ? b!.self : a!.self)
      await until('both alone', () => a!.connected().length + b!.connected().length === 0)
    }
  })
})

test('gossip flows after two hosts dialled each other at once', async () => {
  // The sooner one of the two connections goes, the more of what was being opened goes with it.
  for (const duplicateCheckMs of [1, 2, 4, 20]) {
    const options = { limits: { duplicateCheckMs } }
    await withHosts([options, options], async ([a, b]) => {
      const [atA, atB] = [listening(a!), listening(b!)]
      await Promise.all([a!.dial(b!.addresses()[0]!, soon()), b!.dial(a!.addresses()[0]!, soon())])
      for (let round = 0; round < 3; round++) {
        await saidUntilHeard(a!, atB)
        await saidUntilHeard(b!, atA)
        await advance(60)
      }
    })
  }
})

test('a message is heard once by each, though each could pass it on', async () => {
  await withHosts([{}, {}, {}, {}, {}], async (hosts) => {
    const heard = hosts.map(listening)
    for (const [at, host] of hosts.entries()) {
      for (const other of hosts.slice(at + 1)) await host.dial(other.addresses()[0]!, soon())
    }
    await until('all heard all', () => {
      for (const host of hosts) host.publish(topic, new TextEncoder().encode(host.self))
      return heard.every((texts) => new Set(texts).size === hosts.length - 1)
    })
    for (const texts of heard) texts.length = 0
    for (let n = 0; n < 20; n++) hosts[0]!.publish(topic, new TextEncoder().encode(`once ${n}`))
    const others = heard.slice(1).map((texts) => () => texts.filter((t) => t.startsWith('once')))
    await until('all of them', () => others.every((texts) => texts().length >= 20))
    await advance(100)
    for (const texts of others) assert.equal(new Set(texts()).size, texts().length)
  })
})

test('topics that are not ours are counted and not kept', async () => {
  await withHosts([{}], async ([host]) => {
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const stream = await connection.newStream(meshsub)
      const foreign = messageRpc({ topic: 'not/ours', data: new Uint8Array(100) })
      await sendAll(stream, [prefixed(subscriptionsRpc(60)), prefixed(foreign)])
      await until('the refusals', () => host!.refusals().topicNotAllowed === 61)
      assert.equal(stream.status, 'open')
    })
  })
})

test('a message whose signature is wrong is counted and not heard', async () => {
  await withHosts([{}], async ([host]) => {
    const heard = listening(host!)
    await withHostile(host!.addresses()[0]!, async (connection, { node }) => {
      const stream = await connection.newStream(meshsub)
      const from = node.peerId.toMultihash().bytes
      const forged = messageRpc({ from, topic, data: new Uint8Array(10) })
      await sendAll(stream, [prefixed(forged)])
      await until('the refusal', () => host!.refusals().gossipForged === 1)
      assert.deepEqual(heard, [])
    })
  })
})

test('a message over the limit is counted and not heard', async () => {
  await withHosts([{}], async ([host]) => {
    const heard = listening(host!)
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const stream = await connection.newStream(meshsub)
      const large = messageRpc({ topic, data: new Uint8Array(mib) })
      await sendAll(stream, [prefixed(large)])
      await until('the refusal', () => (host!.refusals().gossipLimit ?? 0) > 0)
      assert.deepEqual(heard, [])
    })
  })
})

for (const [what, bytes, reason] of [
  ['one RPC of 68 MiB', () => [varint(68 * mib), ...pieces(68)], 'gossipLimit'],
  ['one RPC of 50,000 subscriptions', () => [prefixed(subscriptionsRpc(50_000))], 'gossipLimit'],
  ['an RPC that is no RPC', () => [prefixed(new Uint8Array(50).fill(0x0a))], 'gossipGarbage'],
  ['more RPCs than its rate allows', () => manyRpcs(64), 'gossipLimit'],
] as const) {
  test(`a peer that sends ${what} is shut out, and honest peers are heard`, async () => {
    await withHosts([{}, {}], async ([host, friend]) => {
      const heard = listening(host!)
      listening(friend!)
      await friend!.dial(host!.addresses()[0]!, soon())
      await withHostile(host!.addresses()[0]!, async (connection, hostile) => {
        const stream = await connection.newStream(meshsub)
        await sendAll(stream, bytes())
        await until('the end', () => connection.status !== 'open')
        assert.ok((host!.refusals()[reason] ?? 0) > 0, JSON.stringify(host!.refusals()))
        await hostile.connect(host!.addresses()[0]!).catch(() => {})
        await until('the refusal', () => (host!.refusals().bannedPeer ?? 0) > 0)
      })
      await saidUntilHeard(friend!, heard)
      assert.deepEqual(host!.connected(), [friend!.self])
    })
  })
}

test('one that comes back under ever new names is shut out each time', async () => {
  await withHosts([{}], async ([host]) => {
    for (let name = 1; name <= 3; name++) {
      const hostile = await startHostile()
      const connection = await hostile.connect(host!.addresses()[0]!)
      const stream = await connection.newStream(meshsub)
      await sendAll(stream, [prefixed(subscriptionsRpc(1_000, name))])
      await until('the end', () => connection.status !== 'open')
      assert.equal(host!.refusals().gossipLimit, name)
      await hostile.stop()
    }
  })
})

function* pieces(count: number): Iterable<Uint8Array> {
  for (let piece = 0; piece < count; piece++) yield new Uint8Array(mib)
}

/** Each within what one RPC may carry; only the sum of them, in MiB, is too much. */
function* manyRpcs(sumMib: number): Iterable<Uint8Array> {
  const rpc = prefixed(subscriptionsRpc(60))
  for (let sent = 0; sent < sumMib * mib; sent += rpc.length) yield rpc
}
