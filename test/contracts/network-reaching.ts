/** What every network promises of reaching peers, losing them, and keeping them out. */
import assert from 'node:assert/strict'
import type { Network, PeerConnectionEvent } from '../../protocol/ports/network.ts'
import {
  accepting,
  echo,
  forever,
  type NetworkSubject,
  open,
  other,
  pair,
  refusedWith,
  watch,
} from './network-subject.ts'
import { outcome, settled } from './passage.ts'
import { promising } from './promise.ts'

export function reachingContract(
  name: string,
  make: () => Promise<NetworkSubject> | NetworkSubject,
): void {
  const it = promising(name, make)

  it('an address is dialled without knowing whose it is', async (subject) => {
    const [a, b] = subject.hosts
    for (const address of b.addresses()) {
      assert.equal(await outcome(subject, address, a.dial(address, forever())), b.self)
    }
    assert.ok(b.addresses().length > 0)
    await subject.until('both to know', () => b.connected().includes(a.self))
    assert.deepEqual(a.connected(), [b.self])
  })

  it('connections are told to both when they come and when they go', async (subject) => {
    const [a, b] = subject.hosts
    const told = new Map<Network, PeerConnectionEvent[]>()
    for (const host of [a, b]) {
      told.set(host, [])
      host.onConnection = (event) => void told.get(host)?.push(event)
    }
    await pair(subject)
    await subject.until(
      'both to know',
      () => told.get(a)!.length === 1 && told.get(b)!.length === 1,
    )
    a.disconnect(b.self)
    await subject.until(
      'both to know',
      () => told.get(a)!.length === 2 && told.get(b)!.length === 2,
    )
    const both = (peer: Network) =>
      (['connected', 'disconnected'] as const).map((kind) => ({ peer: peer.self, kind }))
    assert.deepEqual(told.get(a), both(b))
    assert.deepEqual(told.get(b), both(a))
    assert.deepEqual([a.connected(), b.connected()], [[], []])
  })

  it('disconnecting ends every stream, and the next open connects again', async (subject) => {
    const [a, b] = subject.hosts
    const { near, far } = await pair(subject)
    a.disconnect(b.self)
    await subject.until('both ends', () => near.closed.length > 0 && far.closed.length > 0)
    assert.equal(near.stream.open, false)
    const again = await open(subject, a, b, echo)
    assert.equal(again.stream.open, true)
  })

  it('disconnecting a peer that is not connected does nothing', ({ hosts: [a, b], stranger }) => {
    a.disconnect(b.self)
    a.disconnect(stranger)
  })

  it('two hosts that open to each other at once both succeed', async (subject) => {
    const [a, b] = subject.hosts
    const [atA, atB] = [accepting(a, echo), accepting(b, echo)]
    const both = Promise.all([
      a.open(b.self, echo, forever()).then(watch),
      b.open(a.self, echo, forever()).then(watch),
    ])
    const [fromA, fromB] = await outcome(subject, 'both streams', both)
    fromA.stream.send(Uint8Array.of(1))
    fromB.stream.send(Uint8Array.of(2))
    await subject.until('both frames', () => {
      return atB.some((end) => end.frames.length > 0) && atA.some((end) => end.frames.length > 0)
    })
    assert.deepEqual(a.connected(), [b.self])
    assert.deepEqual(b.connected(), [a.self])
  })

  it('a purpose that is not offered is refused as such', async (subject) => {
    const [a, b] = subject.hosts
    accepting(b, echo)
    const opened = a.open(b.self, other, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'purposeUnsupported')
  })

  it('a peer without an address is refused as such', async (subject) => {
    const [a] = subject.hosts
    const opened = a.open(subject.stranger, echo, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'unknownAddress')
  })

  it('an address that is none is refused as such', async (subject) => {
    const [a] = subject.hosts
    for (const address of ['', 'nonsense', '/nonsense/1']) {
      const dialled = a.dial(address, forever())
      assert.equal(await refusedWith(subject, address, dialled), 'unknownAddress')
    }
  })

  it('another peer behind the address learnt is not taken for the one wanted', async (subject) => {
    const [a, b] = subject.hosts
    accepting(b, echo)
    a.learn(subject.stranger, bare(b.addresses()))
    const opened = a.open(subject.stranger, echo, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'wrongPeer')
  })

  it('a purpose that is refused can be accepted again, by another', async (subject) => {
    const [a, b] = subject.hosts
    const first = accepting(b, echo)
    await open(subject, a, b, echo)
    b.refuse(echo)
    const opened = a.open(b.self, echo, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'purposeUnsupported')
    const second = accepting(b, echo)
    const again = await open(subject, a, b, echo)
    again.stream.send(Uint8Array.of(0))
    await subject.until('the far end', () => second[0]?.frames.length === 1)
    assert.ok(first.every((end) => end.frames.length === 0))
  })

  it('what is learnt replaces what was known', async (subject) => {
    const [a, b] = subject.hosts
    accepting(b, echo)
    a.learn(b.self, [])
    const opened = a.open(b.self, echo, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'unknownAddress')
    a.learn(b.self, b.addresses())
    await open(subject, a, b, echo)
  })

  it('the death of a peer ends its streams', async (subject) => {
    const [a, b] = subject.hosts
    const { near } = await pair(subject)
    await subject.kill(b)
    await subject.until('the end', () => near.closed.length > 0)
    assert.equal(near.stream.open, false)
    assert.notEqual(near.closed[0], 'closedHere')
    await subject.until('the disconnection', () => a.connected().length === 0)
    await subject.advance(50)
    assert.equal(near.closed.length, 1)
  })

  it('a host whose agent is not running refuses', async (subject) => {
    const [a, b] = subject.hosts
    const [address] = b.addresses()
    await subject.kill(b)
    const opened = a.open(b.self, echo, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'refused')
    assert.equal(await refusedWith(subject, 'dial', a.dial(address!, forever())), 'refused')
  })

  it('an attempt can be given up, before and during', async (subject) => {
    const [a, b] = subject.hosts
    accepting(b, echo)
    const before = a.open(b.self, echo, AbortSignal.abort())
    assert.equal(await refusedWith(subject, 'open', before), 'aborted')
    const during = new AbortController()
    const dialled = a.dial(subject.silentAddress, during.signal)
    let refused = false
    dialled.catch(() => (refused = true))
    await subject.advance(50)
    assert.equal(refused, false)
    during.abort()
    assert.equal(await refusedWith(subject, 'dial', dialled), 'aborted')
  })

  it('streams of one purpose to one peer have a limit', async (subject) => {
    const [a, b] = subject.hosts
    accepting(b, echo)
    for (let i = 0; i < subject.limits.streamsOutboundMax; i++) await open(subject, a, b, echo)
    const opened = a.open(b.self, echo, forever())
    assert.equal(await refusedWith(subject, 'open', opened), 'limitReached')
  })

  it('a banned peer loses its streams and is kept out, both ways', async (subject) => {
    const [a, b] = subject.hosts
    accepting(a, echo)
    const { near, far } = await pair(subject)
    a.ban(b.self, 60_000, 'as the test wants it')
    await subject.until('both ends', () => near.closed.length > 0 && far.closed.length > 0)
    await subject.until('the disconnection', () => b.connected().length === 0)
    assert.equal(await refusedWith(subject, 'open', a.open(b.self, echo, forever())), 'banned')
    const before = total(a)
    await refusedWith(subject, 'open', b.open(a.self, echo, forever()))
    await subject.until('the refusal to be counted', () => total(a) > before)
  })

  it('a ban ends', async (subject) => {
    const [a, b] = subject.hosts
    accepting(b, echo)
    a.ban(b.self, 40, 'as the test wants it')
    let stream: unknown
    for (let tries = 0; tries < 40 && stream === undefined; tries++) {
      await subject.advance(50)
      const result = await settled(subject, 'open', a.open(b.self, echo, forever()))
      if (result.status === 'fulfilled') stream = result.value
      else assert.equal(result.reason.code, 'banned')
    }
    assert.ok(stream)
  })
}

/** Addresses without the peer id that may stand at their end. */
function bare(addresses: readonly string[]): string[] {
  return addresses.map((address) => address.replace(/\/p2p\/[^/]+$/, ''))
}

function total(host: Network): number {
  return Object.values(host.refusals()).reduce((sum, count) => sum + count, 0)
}
