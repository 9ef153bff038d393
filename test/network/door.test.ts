/** Who gets in, who does not, and what either is told. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { ListenFailed } from '../../agent/network/errors.ts'
import type { RunningNetwork } from '../../agent/network/start.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Unreachable } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { startHostile, withHostile } from './hostile.ts'
import { soon, startHost, swarmKey, withHosts } from './hosts.ts'

const { until } = realPassage
const purpose = '/skein/test-door/1'

async function unreachable(promise: Promise<unknown>): Promise<Unreachable> {
  const error = await promise.then(
    () => assert.fail('it should not have been reached'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Unreachable, String(error))
  return error
}

function portOf(host: RunningNetwork): number {
  return Number(/\/tcp\/(\d+)/.exec(host.addresses()[0]!)?.[1])
}

/** A bare connection, which the other side may reset as it pleases. */
function knock(host: RunningNetwork, localAddress = '127.0.0.1'): Socket {
  const socket = connect({ port: portOf(host), host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  socket.resume()
  return socket
}

test('a foreign swarm key is refused, and the dialler is told what is likely wrong', async () => {
  await withHosts([{}, { swarmKey: swarmKey('theirs') }], async ([ours, theirs]) => {
    const error = await unreachable(theirs!.dial(ours!.addresses()[0]!, soon()))
    assert.equal(error.code, 'handshakeFailed')
    assert.match(error.message, /swarm key/)
    await until('the refusal', () => ours!.refusals().handshakeFailed === 1)
    assert.deepEqual([ours!.connected(), theirs!.connected()], [[], []])
  })
})

test('garbage on the port is dropped and counted, whatever its length', async () => {
  await withHosts([{}, {}], async ([host, friend]) => {
    for (const bytes of [1, 24, 200, 100_000]) {
      const before = host!.refusals().handshakeFailed ?? 0
      knock(host!).end(Buffer.alloc(bytes, 0xab))
      await until('the refusal', () => (host!.refusals().handshakeFailed ?? 0) > before)
    }
    assert.equal(await friend!.dial(host!.addresses()[0]!, soon()), host!.self)
  })
})

test('who says nothing at the door is sent away', async () => {
  await withHosts([{ limits: { upgradeTimeoutMs: 100 } }], async ([host]) => {
    const socket = knock(host!)
    await until('the door to close', () => socket.destroyed)
    assert.equal(host!.refusals().handshakeFailed, 1)
  })
})

test('silent visitors do not fill the house: handshakes under way have a limit', async () => {
  await withHosts([{ limits: { upgradesPendingMax: 3 } }], async ([host]) => {
    const sockets = Array.from({ length: 6 }, () => knock(host!))
    await until('the refusals', () => host!.refusals().tooManyHandshakes === 3)
    for (const socket of sockets) socket.destroy()
  })
})

test('connections have a limit, for those who come and for those we seek', async () => {
  const few = { limits: { connectionsMax: 2 } }
  await withHosts([few, {}, {}, {}], async ([host, ...guests]) => {
    const address = host!.addresses()[0]!
    for (const guest of guests.slice(0, 2)) await guest.dial(address, soon())
    await until('two guests', () => host!.connected().length === 2)
    const late = guests[2]!
    assert.equal((await unreachable(late.dial(address, soon()))).code, 'refused')
    assert.equal(host!.refusals().tooManyConnections, 1)
    const outward = await unreachable(host!.dial(late.addresses()[0]!, soon()))
    assert.equal(outward.code, 'limitReached')
    assert.equal(host!.connected().length, 2)
  })
})

test('an address that connects too often is refused for a while, and counted', async () => {
  const limits = { inboundPerAddressPerSecondMax: 0.001, inboundPerAddressAtOnceMax: 3 }
  await withHosts([{ limits }, {}], async ([host, guest]) => {
    const sockets = Array.from({ length: 12 }, () => knock(host!))
    await until('the refusals', () => host!.refusals().connectionRate === 9)
    // Who comes from elsewhere finds the door open, and whom we know we still reach ourselves.
    const before = host!.refusals().handshakeFailed ?? 0
    knock(host!, '127.0.0.9').end('nonsense of somebody else')
    await until('them', () => (host!.refusals().handshakeFailed ?? 0) > before)
    assert.equal(host!.refusals().connectionRate, 9)
    assert.equal(await host!.dial(guest!.addresses()[0]!, soon()), guest!.self)
    for (const socket of sockets) socket.destroy()
  })
})

test('whoever holds handshakes open keeps out only those who come from the same place', async () => {
  const limits = { upgradesPendingMax: 10, upgradesPendingPerAddressMax: 2 }
  await withHosts([{ limits }], async ([host]) => {
    const held = Array.from({ length: 6 }, () => knock(host!))
    await until('the refusals', () => host!.refusals().tooManyHandshakes === 4)
    knock(host!, '127.0.0.9').end('nonsense')
    await until('who comes from elsewhere', () => host!.refusals().handshakeFailed === 1)
    // The place of whoever goes is free again.
    for (const socket of held) socket.destroy()
    await until('their going', () => host!.refusals().handshakeFailed === 3)
    knock(host!).end('nonsense')
    await until('the next one from there', () => host!.refusals().handshakeFailed === 4)
    assert.equal(host!.refusals().tooManyHandshakes, 4)
  })
})

test('a banned peer is not let in again before its time', async () => {
  await withHosts([{}], async ([host]) => {
    await withHostile(host!.addresses()[0]!, async (_, hostile) => {
      await until('the peer', () => host!.connected().length === 1)
      host!.ban(host!.connected()[0]!, 60_000, 'as the test wants it')
      await until('the farewell', () => hostile.node.getConnections().length === 0)
      assert.deepEqual(host!.connected(), [])
      await hostile.connect(host!.addresses()[0]!).catch(() => {})
      await until('the refusal', () => host!.refusals().bannedPeer === 1)
      await until('the second farewell', () => hostile.node.getConnections().length === 0)
      assert.deepEqual(host!.connected(), [])
    })
  })
})

test('where somebody came from in vain, nobody comes again as soon, and elsewhere nobody waits', async () => {
  // Room for one in vain and one more, and for nobody after the second.
  const limits = {
    inboundPerAddressPerSecondMax: 0.001,
    inboundPerAddressAtOnceMax: 18,
    vainArrivalCosts: 16,
  }
  await withHosts([{ limits }, {}], async ([host, friend]) => {
    const address = host!.addresses()[0]!
    await withHostile(address, async (_, hostile) => {
      await until('the peer', () => host!.connected().length === 1)
      host!.ban(hostile.node.peerId.toString() as PeerId, 60_000, 'as the test wants it')
      await until('the farewell', () => hostile.node.getConnections().length === 0)
      await hostile.connect(address).catch(() => {})
      await until('the refusal', () => host!.refusals().bannedPeer === 1)
      for (let i = 0; i < 5; i++) await hostile.connect(address).catch(() => {})
      // It was not asked who it is.
      assert.equal(host!.refusals().bannedPeer, 1)
      assert.ok((host!.refusals().connectionRate ?? 0) >= 5)
    })
    assert.equal(await host!.dial(friend!.addresses()[0]!, soon()), friend!.self)
    knock(host!, '127.0.0.9').end('nonsense of somebody else')
    await until('who comes from elsewhere', () => host!.refusals().handshakeFailed === 1)
  })
})

test('whoever is shown out has come in vain, and whoever is only disconnected has not', async () => {
  const limits = { inboundPerAddressPerSecondMax: 0.001, inboundPerAddressAtOnceMax: 4 }
  await withHosts([{ limits }], async ([host]) => {
    const address = host!.addresses()[0]!
    await withHostile(address, async (_, hostile) => {
      const comes = async () => {
        await until('the peer', () => host!.connected().length === 1)
        return host!.connected()[0]!
      }
      const goes = () => until('its going', () => hostile.node.getConnections().length === 0)
      host!.disconnect(await comes())
      await goes()
      await hostile.connect(address)
      host!.showOut(await comes())
      await goes()
      await assert.rejects(hostile.connect(address))
      assert.equal(host!.refusals().connectionRate, 1)
    })
  })
})

test('a host that dials itself is told so', async () => {
  await withHosts([{}], async ([host]) => {
    const error = await unreachable(host!.dial(host!.addresses()[0]!, soon()))
    assert.equal(error.code, 'wrongPeer')
    assert.match(error.message, /itself/)
    assert.deepEqual(host!.connected(), [])
  })
})

test('an address in use, a foreign one and one that is none are told apart', async () => {
  await withHosts([{}], async ([host]) => {
    const cases = [
      [host!.addresses()[0]!, 'portTaken'],
      ['/ip4/192.0.2.1/tcp/4130', 'badAddress'],
      ['127.0.0.1:4130', 'badAddress'],
    ] as const
    for (const [address, code] of cases) {
      const error = await startHost(7, { listen: [address] }).then(
        () => assert.fail(`${address} should not do`),
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof ListenFailed, String(error))
      assert.equal(error.code, code)
      assert.ok(error.message.includes(address), error.message)
    }
  })
})

test('a swarm key that is none is named as such', async () => {
  const broken = startHost(7, { swarmKey: new TextEncoder().encode('not a key') })
  await assert.rejects(broken, { code: 'badSwarmKey' })
})

test('a peer of another mesh cannot even be guessed at', async () => {
  await withHosts([{}], async ([host]) => {
    const stranger = await startHostile('theirs')
    await assert.rejects(stranger.connect(host!.addresses()[0]!))
    await stranger.stop()
    assert.deepEqual(host!.connected(), [])
  })
})

test('the bootstrap list is reported once the network is up, with and without peers', async () => {
  const found: [string | undefined, string[]][] = []
  const bootstrap = ['/ip4/127.0.0.1/tcp/9', 'nonsense']
  await withHosts([{}], async ([known]) => {
    const named = `${known!.addresses()[0]}/p2p/${known!.self}`
    const host = await startHost(5, {
      bootstrap: [...bootstrap, named],
      onDiscovered: (peer, addresses) => void found.push([peer, addresses]),
    })
    assert.deepEqual(found, [])
    await until('both', () => found.length === 2)
    assert.deepEqual(found, [
      [undefined, ['/ip4/127.0.0.1/tcp/9']],
      [known!.self, known!.addresses()],
    ])
    assert.deepEqual(host.connected(), [])
    await host.stop()
  })
})

test('an open that is not answered in time says so', async () => {
  await withHosts([{}, {}], async ([a, b]) => {
    a!.learn(b!.self, b!.addresses())
    b!.accept(purpose, (stream) => {
      stream.onFrame = () => {}
    })
    const error = await unreachable(a!.open(b!.self, purpose, AbortSignal.timeout(0)))
    assert.equal(error.code, 'timedOut')
  })
})
