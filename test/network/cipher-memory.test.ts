/** The swarm key's cipher stays inside its memory, whatever passes and whoever knocks. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { realPassage } from '../contracts/passage.ts'
import { soon, withHosts } from './hosts.ts'
import { echo, forkHost, startHost } from './hosts-in-processes.ts'

const { until } = realPassage
const mib = 1024 * 1024

test('many of the largest frames pass in both directions, and small ones after them', async () => {
  const other = await forkHost(1)
  const host = await startHost(2)
  try {
    host.learn(other.self, [other.address])
    const stream = await host.open(other.self, echo, soon())
    let receivedBytes = 0
    stream.onFrame = (frame) => {
      receivedBytes += frame.length
    }
    for (let sent = 0; sent < 48; sent++) {
      stream.send(new Uint8Array(mib))
      await stream.drained()
    }
    for (let sent = 0; sent < 1_000; sent++) {
      stream.send(new Uint8Array(1))
      if (sent % 10 === 0) await until('the echo', () => receivedBytes === 48 * mib + sent + 1)
    }
    await until('every byte', () => receivedBytes === 48 * mib + 1_000)
    assert.equal(stream.open, true)
  } finally {
    await host.stop()
    await other.kill()
  }
})

/** Two ciphers for each: more than would fit into the memory if they were kept. */
const knocks = 5_500

test('strangers who knock leave nothing behind', async () => {
  const open = { inboundPerAddressAtOnceMax: knocks, inboundPerSecondMax: knocks }
  await withHosts([{ limits: open }, {}], async ([host, friend]) => {
    let answers = 0
    host!.accept(echo, (stream) => {
      stream.onFrame = (frame) => void stream.send(frame)
    })
    friend!.learn(host!.self, host!.addresses())
    const stream = await friend!.open(host!.self, echo, soon())
    stream.onFrame = () => void answers++
    const port = Number(/\/tcp\/(\d+)/.exec(host!.addresses()[0]!)?.[1])
    for (let knocked = 0; knocked < knocks; knocked++) await knock(port)
    assert.equal(host!.refusals().handshakeFailed, knocks)
    // What has outgrown its memory dies of some five hundred words to and fro.
    for (let asked = 1; asked <= 1_000; asked++) {
      stream.send(Uint8Array.of(1))
      await until('the answer', () => answers === asked)
    }
    assert.equal(stream.open, true)
  })
})

function knock(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.once('close', () => resolve())
    socket.resume()
    socket.end(Buffer.alloc(60, 7))
  })
}
