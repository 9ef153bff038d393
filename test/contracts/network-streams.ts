/** What every stream promises between two hosts that can reach each other. */
import assert from 'node:assert/strict'
import {
  accepting,
  echo,
  type NetworkSubject,
  open,
  other,
  pair,
  sendUntilHeld,
} from './network-subject.ts'
import { outcome } from './passage.ts'
import { promising } from './promise.ts'

const number = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(0)

function numbered(n: number, bytes = 4): Uint8Array {
  const frame = new Uint8Array(bytes)
  new DataView(frame.buffer).setUint32(0, n)
  return frame
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

export function streamContract(
  name: string,
  make: () => Promise<NetworkSubject> | NetworkSubject,
): void {
  const it = promising(name, make)

  it('frames arrive whole, in order, and from whom they say', async (subject) => {
    const [a, b] = subject.hosts
    const { near, far } = await pair(subject)
    for (const n of upTo(300)) near.stream.send(numbered(n, 4 + (n % 97)))
    await subject.until('all frames', () => far.frames.length >= 300)
    assert.deepEqual(far.frames.map(number), upTo(300))
    for (const frame of far.frames) assert.equal(frame.length, 4 + (number(frame) % 97))
    assert.equal(far.stream.peer, a.self)
    assert.equal(near.stream.peer, b.self)
    assert.equal(far.stream.purpose, echo)
  })

  it('both ends may send', async (subject) => {
    const { near, far } = await pair(subject)
    for (const n of upTo(50)) {
      near.stream.send(numbered(n))
      far.stream.send(numbered(1_000 + n))
    }
    await subject.until('all frames', () => near.frames.length + far.frames.length >= 100)
    assert.deepEqual(far.frames.map(number), upTo(50))
    assert.deepEqual(
      near.frames.map(number),
      upTo(50).map((n) => 1_000 + n),
    )
  })

  it('the largest frame passes, with every byte', async (subject) => {
    const { near, far } = await pair(subject)
    const frame = new Uint8Array(subject.limits.frameBytesMax)
    for (let i = 0; i < frame.length; i++) frame[i] = (i * 31 + (i >> 8)) & 255
    near.stream.send(frame)
    await subject.until('the frame', () => far.frames.length === 1)
    assert.equal(Buffer.compare(far.frames[0]!, frame), 0)
  })

  it('an empty frame and one that is too large are bugs of the sender', async (subject) => {
    const { near, far } = await pair(subject)
    assert.throws(() => near.stream.send(new Uint8Array(0)))
    assert.throws(() => near.stream.send(new Uint8Array(subject.limits.frameBytesMax + 1)))
    near.stream.send(numbered(1))
    await subject.until('the lawful frame', () => far.frames.length === 1)
    assert.deepEqual(far.frames.map(number), [1])
  })

  it('a reader that pauses is delivered nothing until it resumes', async (subject) => {
    const { near, far } = await pair(subject)
    far.stream.pause()
    for (const n of upTo(10)) near.stream.send(numbered(n))
    await subject.advance(100)
    assert.equal(far.frames.length, 0)
    far.stream.resume()
    await subject.until('all frames', () => far.frames.length === 10)
    assert.deepEqual(far.frames.map(number), upTo(10))
  })

  it('a slow reader holds its writer back, and then gets everything', async (subject) => {
    const { near, far } = await pair(subject)
    far.stream.pause()
    const sent = await sendUntilHeld(subject, near.stream, 60_000)
    assert.equal(near.stream.open, true)
    far.stream.resume()
    await outcome(subject, 'drained', near.stream.drained())
    await subject.until('all frames', () => far.frames.length === sent)
    assert.deepEqual(far.frames.map(number), upTo(sent))
    assert.equal(near.stream.send(numbered(sent + 1)), true)
  })

  it('a writer that does not listen loses its stream, not our memory', async (subject) => {
    const { near, far } = await pair(subject)
    far.stream.pause()
    const frame = new Uint8Array(subject.limits.frameBytesMax)
    // More than the buffer, and than any window between the two.
    for (let sent = 0; sent < 4 * subject.limits.streamBufferBytesMax; sent += frame.length) {
      near.stream.send(frame)
      assert.ok(near.stream.bufferedBytes <= subject.limits.streamBufferBytesMax)
    }
    assert.equal(near.stream.open, false)
    await outcome(subject, 'drained, for the stream is closed', near.stream.drained())
    await subject.until('the end', () => near.closed.length > 0)
    far.stream.resume()
    await subject.until('the far end', () => far.closed.length > 0)
    assert.equal(near.closed.length + far.closed.length, 2)
  })

  it('closing delivers what was sent before', async (subject) => {
    const { near, far } = await pair(subject)
    for (const n of upTo(100)) near.stream.send(numbered(n, 1_000))
    near.stream.close()
    assert.equal(near.stream.open, false)
    near.stream.send(numbered(999))
    await subject.until('both ends', () => near.closed.length > 0 && far.closed.length > 0)
    assert.deepEqual(far.frames.map(number), upTo(100))
    assert.deepEqual([near.closed, far.closed], [['closedHere'], ['closedThere']])
  })

  it('aborting ends a stream for both, once', async (subject) => {
    const { near, far } = await pair(subject)
    near.stream.abort('garbage')
    near.stream.abort('closedHere')
    near.stream.close()
    assert.equal(near.stream.open, false)
    await subject.until('both ends', () => near.closed.length > 0 && far.closed.length > 0)
    await subject.advance(50)
    assert.deepEqual(near.closed, ['garbage'])
    assert.equal(far.closed.length, 1)
    assert.equal(far.stream.open, false)
  })

  it('on a closed stream nothing is sent, and nobody waits', async (subject) => {
    const { near, far } = await pair(subject)
    far.stream.close()
    await subject.until('the end', () => near.closed.length === 1)
    assert.equal(near.stream.open, false)
    near.stream.send(numbered(1))
    near.stream.pause()
    near.stream.resume()
    await outcome(subject, 'drained', near.stream.drained())
    await subject.advance(50)
    assert.deepEqual(far.frames, [])
  })

  it('a held-up stream does not hold up another', async (subject) => {
    const [a, b] = subject.hosts
    const { near, far } = await pair(subject)
    const others = accepting(b, other)
    const clear = await open(subject, a, b, other)
    far.stream.pause()
    await sendUntilHeld(subject, near.stream, 60_000)
    clear.stream.send(numbered(7))
    await subject.until('the frame on the other stream', () => others[0]?.frames.length === 1)
    assert.equal(far.frames.length, 0)
  })

  it('streams of one purpose are apart', async (subject) => {
    const [a, b] = subject.hosts
    const accepted = accepting(b, echo)
    const first = await open(subject, a, b, echo)
    const second = await open(subject, a, b, echo)
    first.stream.send(numbered(1))
    second.stream.send(numbered(2))
    await subject.until('both', () => accepted.flatMap((end) => end.frames).length === 2)
    assert.deepEqual(accepted.map((end) => end.frames.map(number)).sort(), [[1], [2]])
    first.stream.close()
    second.stream.send(numbered(3))
    await subject.until('the second', () => accepted.flatMap((end) => end.frames).length === 3)
    assert.equal(second.stream.open, true)
  })

  it('what passes over the wire is counted at both ends', async (subject) => {
    const [a, b] = subject.hosts
    const { near, far } = await pair(subject)
    const before = [a.traffic().sentBytes, b.traffic().receivedBytes] as const
    near.stream.send(new Uint8Array(50_000))
    await subject.until('the frame', () => far.frames.length === 1)
    assert.ok(a.traffic().sentBytes - before[0] >= 50_000)
    assert.ok(b.traffic().receivedBytes - before[1] >= 50_000)
  })
}
