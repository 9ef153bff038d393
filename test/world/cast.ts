/** Small programs for hosts of a world, and the moves that tests of worlds share. */
import assert from 'node:assert/strict'
import type { CloseReason, Purpose, Stream } from '../../protocol/ports/network.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import type { World } from '../../simulations/world/world.ts'

export const purpose: Purpose = '/skein/toy/1'
export const forever = () => new AbortController().signal
export const numberIn = (frame: Uint8Array) =>
  new DataView(frame.buffer, frame.byteOffset).getUint32(0)

export function numbered(n: number, bytes = 4): Uint8Array {
  const frame = new Uint8Array(bytes)
  new DataView(frame.buffer).setUint32(0, n)
  return frame
}

/** Boots a program that does nothing, and hands out its ports. */
export async function idle(host: Host): Promise<HostPorts> {
  let ports: HostPorts | undefined
  host.boot((given) => {
    ports = given
  })
  await host.world.runFor(0)
  assert.ok(ports)
  return ports
}

export interface StreamEnd {
  stream: Stream
  numbers: number[]
  closed: CloseReason[]
}

export function watch(stream: Stream): StreamEnd {
  const end: StreamEnd = { stream, numbers: [], closed: [] }
  stream.onFrame = (frame) => void end.numbers.push(numberIn(frame))
  stream.onClose = (reason) => void end.closed.push(reason)
  return end
}

export interface Pair {
  a: Host
  b: Host
  portsA: HostPorts
  portsB: HostPorts
  near: StreamEnd
  far: StreamEnd
}

/** Two hosts and a stream from the first to the second. */
export async function joined(world: World): Promise<Pair> {
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const [portsA, portsB] = [await idle(a), await idle(b)]
  let far: StreamEnd | undefined
  portsB.network.accept(purpose, (stream) => {
    far = watch(stream)
  })
  portsA.network.learn(b.id, [b.address])
  let near: StreamEnd | undefined
  void portsA.network.open(b.id, purpose, forever()).then((stream) => {
    near = watch(stream)
  })
  assert.ok(await world.runUntil(() => near !== undefined, 60_000))
  return { a, b, portsA, portsB, near: near!, far: far! }
}

/**
 * A toy agent: says a number to every other host now and then, passes on what it hears under its
 * own, and keeps count on its disk.
 */
export function chatter(others: () => readonly Host[]): (ports: HostPorts) => Promise<void> {
  return async ({ clock, entropy, network, disk, log }) => {
    const stored = await disk.get('heard')
    let heard = stored ? numberIn(stored) : 0
    network.accept(purpose, (stream) => {
      stream.onFrame = (frame) => {
        heard++
        log.info('heard', { number: numberIn(frame), from: stream.peer })
        const written = disk.write([{ put: 'heard', value: numbered(heard) }], {
          durable: heard % 5 === 0,
        })
        void written.then(() => network.publish('heard', numbered(heard)))
      }
    })
    network.subscribe('heard', ({ data }) => log.debug('told', { number: numberIn(data) }))
    for (const other of others()) {
      if (other.id === network.self) continue
      network.learn(other.id, [other.address])
      void keepTalking(other, { clock, entropy, network })
    }
  }
}

async function keepTalking(
  other: Host,
  { clock, entropy, network }: Pick<HostPorts, 'clock' | 'entropy' | 'network'>,
): Promise<void> {
  for (let n = 1; ; n++) {
    try {
      const stream = await network.open(other.id, purpose, forever())
      let open = true
      stream.onFrame = () => {}
      stream.onClose = () => (open = false)
      while (open) {
        if (!stream.send(numbered(n, 100))) await stream.drained()
        await new Promise<void>((resolve) => clock.after(20 + 60 * entropy.unit(), resolve))
      }
    } catch {
      await new Promise<void>((resolve) => clock.after(100, resolve))
    }
  }
}
