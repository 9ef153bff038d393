/** How often a peer may open streams, and what becomes of one that opens them for nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import type { RunningNetwork } from '../../agent/network/start.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { withHostile } from './hostile.ts'
import { soon, withHosts } from './hosts.ts'
import { muxerOpening, sendBelowMuxer } from './raw-bytes.ts'

const { until } = realPassage
const purpose: Purpose = '/skein/test-openings/1'
const other: Purpose = '/skein/test-openings-too/1'
/** Nothing is forgiven while a test lasts. */
const perSecond = 0.001

function taking(host: RunningNetwork, ...purposes: Purpose[]): Map<string, number> {
  const taken = new Map<string, number>()
  for (const each of purposes) {
    host.accept(each, (stream) => {
      taken.set(each, (taken.get(each) ?? 0) + 1)
      stream.onFrame = () => {}
    })
  }
  return taken
}

async function inVain(connection: Connection): Promise<void> {
  await assert.rejects(connection.newStream('/skein/nobody-knows/1', { signal: soon() }))
}

test('whoever goes on opening streams for nothing is cut off, and is not forgiven for coming again', async () => {
  const limits = { streamsPerConnectionMax: 5, vainStreams: { perSecond, atOnce: 5 } }
  await withHosts([{ limits }, {}], async ([host, friend]) => {
    const taken = taking(host!, purpose)
    friend!.learn(host!.self, host!.addresses())
    await friend!.open(host!.self, purpose, soon())
    await withHostile(host!.addresses()[0]!, async (first, hostile) => {
      for (let i = 0; i < 3; i++) await inVain(first)
      await first.newStream(purpose, { signal: soon() })
      await inVain(first)
      assert.equal(host!.refusals().streamFlood, undefined)
      await inVain(first)
      await until('the cut', () => first.status !== 'open')
      assert.deepEqual([host!.refusals().streamFlood, host!.refusals().unknownPurpose], [1, 4])
      const again = await hostile.connect(host!.addresses()[0]!)
      // It is let in, and may have again what was of use.
      await again.newStream(purpose, { signal: soon() })
      await inVain(again)
      await until('the second cut', () => again.status !== 'open')
      assert.equal(host!.refusals().streamFlood, 2)
    })
    await until('those taken', () => taken.get(purpose) === 3)
    await until('the end of it', () => host!.connected().length === 1)
    assert.deepEqual(host!.connected(), [friend!.self])
  })
})

test('streams that never say what they are for are for nothing, too', async () => {
  const limits = { streamsPerConnectionMax: 4, vainStreams: { perSecond, atOnce: 6 } }
  await withHosts([{ limits }], async ([host]) => {
    const address = host!.addresses()[0]!
    await withHostile(address, async (first, hostile) => {
      await until('the peer', () => host!.connected().length === 1)
      for (let i = 0; i < 7; i++) sendBelowMuxer(first, muxerOpening(1_001 + 2 * i))
      await until('the cut', () => first.status !== 'open')
      assert.deepEqual([host!.refusals().tooManyStreams, host!.refusals().streamFlood], [3, 1])
      const again = await hostile.connect(address)
      await until('the peer again', () => host!.connected().length === 1)
      sendBelowMuxer(again, muxerOpening(1_001))
      await until('the second cut', () => again.status !== 'open')
      assert.equal(host!.refusals().streamFlood, 2)
    })
  })
})

test('streams that were of use cost nothing, however many, and however they ended', async () => {
  const limits = {
    streamsPerConnectionMax: 4,
    vainStreams: { perSecond, atOnce: 4 },
    purposeDefault: { opensAtOnceMax: 27 },
  }
  await withHosts([{ limits }], async ([host]) => {
    const taken = taking(host!, purpose)
    await withHostile(host!.addresses()[0]!, async (first, hostile) => {
      for (let i = 1; i <= 20; i++) {
        const stream = await first.newStream(purpose, { signal: soon() })
        await until('its taking', () => taken.get(purpose) === i)
        stream.abort(new Error('enough'))
      }
      for (let i = 0; i < 3; i++) await first.newStream(purpose, { signal: soon() })
      first.abort(new Error('broken'))
      await until('its end', () => host!.connected().length === 0)
      const again = await hostile.connect(host!.addresses()[0]!)
      for (let i = 0; i < 4; i++) await again.newStream(purpose, { signal: soon() })
      await until('all of them', () => taken.get(purpose) === 27)
      assert.equal(host!.refusals().streamFlood, undefined)
    })
  })
})

test('streams that are not wanted are for nothing, named and taken as they are', async () => {
  const limits = { streamsPerConnectionMax: 4, vainStreams: { perSecond, atOnce: 4 } }
  await withHosts([{ limits }], async ([host]) => {
    let ended = 0
    host!.accept(purpose, (stream) => {
      stream.onFrame = () => {}
      stream.abort('unwanted')
      ended++
    })
    host!.accept(other, (stream) => {
      stream.onFrame = () => {}
      stream.abort('closedHere')
      ended++
    })
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const opened = async (name: Purpose, upTo: number) => {
        // It may be taken back while it is agreed on.
        await connection.newStream(name, { signal: soon() }).catch(() => {})
        await until('its end', () => ended === upTo || connection.status !== 'open')
      }
      for (let i = 1; i <= 8; i++) await opened(other, i)
      for (let i = 9; i <= 12; i++) await opened(purpose, i)
      assert.equal(host!.refusals().streamFlood, undefined)
      await opened(purpose, 13)
      await until('the cut', () => connection.status !== 'open')
      assert.deepEqual([ended, host!.refusals().streamFlood], [12, 1])
    })
  })
})

test('streams of one purpose may be opened seldom for long; others and others’ are not touched', async () => {
  const limits = { purposeDefault: { opensPerSecondMax: perSecond, opensAtOnceMax: 3 } }
  const purposes = { [other]: { opensAtOnceMax: 5 } }
  await withHosts([{ limits, purposes }, {}], async ([host, friend]) => {
    const taken = taking(host!, purpose, other)
    await withHostile(host!.addresses()[0]!, async (connection) => {
      const opened = async (name: string) => {
        const stream = await connection.newStream(name, { signal: soon() })
        return () => stream.status === 'open'
      }
      for (let i = 0; i < 3; i++) await opened(purpose)
      const late = await opened(purpose)
      await until('the reset', () => !late())
      assert.equal(host!.refusals().streamRate, 1)
      for (let i = 0; i < 5; i++) await opened(other)
      friend!.learn(host!.self, host!.addresses())
      await friend!.open(host!.self, purpose, soon())
      await until('those taken', () => taken.get(purpose) === 4 && taken.get(other) === 5)
      assert.equal(host!.refusals().streamRate, 1)
    })
  })
})
