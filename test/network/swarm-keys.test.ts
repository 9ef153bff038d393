/** Two swarm keys at once: whoever has gone over to the new one and whoever has not still meet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunningNetwork } from '../../agent/network/start.ts'
import { SwarmKeys, type TakenSwarmKeys } from '../../agent/network/swarm-keys.ts'
import type { PeerConnectionEvent } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { soon, withHosts } from './hosts.ts'

const { until } = realPassage

const [a, b, c] = [1, 2, 3].map((n) => new Uint8Array(32).fill(n)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

/** By phase: before, both taken, the new one dialled with, the old one dropped. */
const taken: TakenSwarmKeys[] = [
  { keys: [a], dialled: a },
  { keys: [a, b], dialled: a },
  { keys: [a, b], dialled: b },
  { keys: [b], dialled: b },
]
const phases = taken.map((each) => () => new SwarmKeys(each))

/** Something long comes through. */
async function talks(from: RunningNetwork, to: RunningNetwork): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string>()
  to.accept('/skein/calls/1', (stream) => {
    stream.onFrame = (frame) => resolve(Buffer.from(frame).toString())
    stream.onClose = () => {}
  })
  from.learn(to.self, to.addresses())
  const stream = await from.open(to.self, '/skein/calls/1', soon())
  stream.onFrame = () => {}
  stream.onClose = () => {}
  const text = 'x'.repeat(200_000)
  stream.send(Buffer.from(text))
  assert.equal(await promise, text)
  stream.close()
  to.refuse('/skein/calls/1')
}

for (const [dialler, dialled] of [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
  [2, 3],
  [3, 2],
  [3, 3],
  [0, 2],
  [2, 0],
] as const) {
  test(`a host in phase ${dialler} reaches one in phase ${dialled}`, async () => {
    const keys = [phases[dialler], phases[dialled]] as [() => SwarmKeys, () => SwarmKeys]
    const hosts = keys.map((make) => ({ swarmKey: make() }))
    await withHosts(hosts, async ([from, to]) => {
      await talks(from!, to!)
      assert.deepEqual(to!.connected(), [from!.self])
    })
  })
}

test('a key that is neither of the two is refused, and counted, as ever', async () => {
  const hosts = [{ swarmKey: phases[1]!() }, { swarmKey: new SwarmKeys({ keys: [c], dialled: c }) }]
  await withHosts(hosts, async ([ours, theirs]) => {
    await assert.rejects(theirs!.dial(ours!.addresses()[0]!, soon()), { code: 'handshakeFailed' })
    await until('the refusal', () => ours!.refusals().handshakeFailed === 1)
    await assert.rejects(ours!.dial(theirs!.addresses()[0]!, soon()), { code: 'handshakeFailed' })
    assert.deepEqual([ours!.connected(), theirs!.connected()], [[], []])
  })
})

test('whoever was left behind with the old key does not come in any more', async () => {
  await withHosts(
    [{ swarmKey: phases[3]!() }, { swarmKey: phases[0]!() }],
    async ([ours, late]) => {
      await assert.rejects(late!.dial(ours!.addresses()[0]!, soon()), { code: 'handshakeFailed' })
    },
  )
})

test('a connection on the old key is renewed: nobody is told that it went, and what ran ends', async () => {
  const limits = { renewedGraceMs: 300, duplicateCheckMs: 60_000 }
  const hosts = [1, 2].map(() => ({ swarmKey: phases[1]!(), limits }))
  await withHosts(hosts, async ([one, other]) => {
    const events: PeerConnectionEvent[] = []
    one!.onConnection = (event) => events.push(event)
    other!.accept('/skein/work/1', (stream) => {
      stream.onFrame = (frame) => stream.send(frame)
      stream.onClose = () => {}
    })
    one!.learn(other!.self, other!.addresses())
    const kept = await one!.open(other!.self, '/skein/work/1', soon())
    const closed = new Promise<void>((resolve) => {
      kept.onClose = () => resolve()
    })
    const echo = async (): Promise<void> => {
      const answered = new Promise((resolve) => {
        kept.onFrame = resolve
      })
      kept.send(Uint8Array.of(1))
      await answered
    }
    await echo()
    // Whoever has dialled renews, once its peer has gone over or not.
    one!.takeSwarmKeys(taken[2]!)
    assert.deepEqual(one!.dialledOnOlderKey(), [other!.self])
    assert.deepEqual(other!.dialledOnOlderKey(), [])
    await one!.renew(other!.self, soon())
    assert.deepEqual(one!.dialledOnOlderKey(), [])
    await echo()
    await talks(one!, other!)
    await closed
    assert.deepEqual(one!.connected(), [other!.self])
    for (const each of [one!, other!]) each.takeSwarmKeys(taken[3]!)
    await talks(one!, other!)
    assert.deepEqual(events, [{ peer: other!.self, kind: 'connected' }])
  })
})

test('whoever is connected by a key that is dropped is cut off, and stays out', async () => {
  const hosts = [{ swarmKey: phases[1]!() }, { swarmKey: phases[0]!() }]
  await withHosts(hosts, async ([ours, late]) => {
    await talks(late!, ours!)
    ours!.takeSwarmKeys(taken[3]!)
    await until('it is cut off', () => ours!.connected().length + late!.connected().length === 0)
    await assert.rejects(late!.dial(ours!.addresses()[0]!, soon()), { code: 'handshakeFailed' })
  })
})
