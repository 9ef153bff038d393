/** What a host holds for a peer that does not read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Purpose } from '../../protocol/ports/network.ts'
import { realPassage } from '../contracts/passage.ts'
import { soon, withHosts } from './hosts.ts'

const { until } = realPassage
const purpose: Purpose = '/skein/test-slow/1'
const kib = 1024

test('a reader that does not read is not sent more than window and buffers hold', async () => {
  const highWaterBytes = 256 * kib
  await withHosts([{}, {}], async ([reader, writer]) => {
    const frame = new Uint8Array(64 * kib)
    let received = 0
    let resume = (): void => {}
    reader!.accept(purpose, (stream) => {
      stream.onFrame = () => void received++
      stream.pause()
      resume = () => stream.resume()
    })
    writer!.learn(reader!.self, reader!.addresses())
    const stream = await writer!.open(reader!.self, purpose, soon())
    stream.onFrame = () => {}
    let sent = 0
    let held = false
    const writing = (async () => {
      while (sent < 512) {
        sent += 1
        if (stream.send(frame)) continue
        held = true
        await stream.drained()
        held = false
      }
    })()
    let before = -1
    await until('the writer to be held', () => {
      const still = held && sent === before && stream.bufferedBytes >= highWaterBytes
      before = sent
      return still
    })
    assert.ok(sent < 512, 'not all of 32 MiB was taken')
    assert.ok(stream.bufferedBytes < highWaterBytes + 2 * frame.length)
    assert.equal(received, 0)
    resume()
    await writing
    await until('every frame', () => received === 512)
  })
})
