import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssertionFailed } from '../../protocol/assert.ts'
import { FrameDecoder, type FrameRefusal, frameHeader } from '../../protocol/wire/frame.ts'
import { frameBytesLimit } from '../../protocol/wire/limits.ts'

function collect(frameBytesMax: number) {
  const frames: Uint8Array[] = []
  return { frames, decoder: new FrameDecoder({ frameBytesMax }, (frame) => frames.push(frame)) }
}

function framed(...payloads: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(payloads.flatMap((p) => [frameHeader(p.length), p])))
}

test('frames come out as they went in, however the bytes were cut', () => {
  const payload = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.integer({ min: 1, max: 20_000 }).map((length) => new Uint8Array(length).fill(length & 255)),
  )
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9000 })),
      (payloads, cuts) => {
        const { frames, decoder } = collect(20_000)
        const bytes = framed(...payloads)
        let at = 0
        for (const cut of [...cuts, bytes.length + 1]) {
          assert.equal(decoder.push(bytes.subarray(at, at + cut)), undefined)
          at += cut
        }
        assert.deepEqual(frames, payloads)
        assert.equal(decoder.pendingBytes, 0)
      },
    ),
  )
})

test('frames come out byte by byte too, header included', () => {
  const { frames, decoder } = collect(1000)
  const payload = new Uint8Array(300).fill(3)
  for (const byte of framed(payload, payload))
    assert.equal(decoder.push(Uint8Array.of(byte)), undefined)
  assert.deepEqual(frames, [payload, payload])
})

test('what is held is what came, not what was announced', () => {
  const { decoder } = collect(frameBytesLimit)
  decoder.push(frameHeader(frameBytesLimit))
  assert.equal(decoder.pendingBytes, 0)
  decoder.push(new Uint8Array(10_000))
  assert.equal(decoder.pendingBytes, 10_000)
})

test('a frame over the limit is refused by its header alone, and nothing follows', () => {
  const { frames, decoder } = collect(1000)
  const good = framed(Uint8Array.of(1))
  assert.equal(
    decoder.push(new Uint8Array([...good, ...frameHeader(1001), ...good])),
    'frameTooLarge',
  )
  assert.equal(decoder.push(good), 'frameTooLarge')
  assert.deepEqual(frames, [Uint8Array.of(1)])
  assert.equal(decoder.pendingBytes, 0)
})

test('a frame of exactly the limit is taken', () => {
  const { frames, decoder } = collect(1000)
  assert.equal(decoder.push(framed(new Uint8Array(1000))), undefined)
  assert.equal(frames[0]?.length, 1000)
})

test('an empty frame and a header without end are refused', () => {
  const refusal = (...bytes: number[]): FrameRefusal | undefined =>
    collect(1000).decoder.push(Uint8Array.from(bytes))
  assert.equal(refusal(0), 'emptyFrame')
  assert.equal(refusal(0x80, 0x80, 0), 'emptyFrame')
  assert.equal(refusal(0x80, 0x80, 0x80, 0x80), 'frameTooLarge')
})

test('garbage never throws, and is never held beyond its own size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
      const { decoder } = collect(200)
      let pushed = 0
      for (const chunk of chunks) {
        decoder.push(chunk)
        pushed += chunk.length
        assert.ok(decoder.pendingBytes <= pushed)
        assert.ok(decoder.pendingBytes <= 204)
      }
    }),
  )
})

test('a frame is the callee’s to keep: it does not change with the chunk it came in', () => {
  const { frames, decoder } = collect(100)
  const chunk = framed(Uint8Array.of(1, 2, 3))
  decoder.push(chunk)
  chunk.fill(0)
  assert.deepEqual(frames, [Uint8Array.of(1, 2, 3)])
})

test('no header is made for a frame that none may carry', () => {
  for (const length of [0, -1, frameBytesLimit + 1])
    assert.throws(() => frameHeader(length), AssertionFailed)
  assert.throws(() => collect(frameBytesLimit + 1), AssertionFailed)
})
