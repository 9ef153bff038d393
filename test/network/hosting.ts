/**
 * The program of an honest host in a process of its own, for tests that kill it or weigh it. It
 * sends every frame back and answers questions about itself. Argument: its number.
 */
import type { RefusalCounts } from '../../protocol/ports/network.ts'
import { echo, startHost, topic } from './hosts-in-processes.ts'

export interface Weight {
  /** After a collection, when the process was started with `--expose-gc`. */
  heldBytes: number
  /** The most that was resident since the process started. */
  residentBytesMax: number
  refusals: RefusalCounts
  connections: number
}

const network = await startHost(Number(process.argv[2]))
network.accept(echo, (stream) => {
  stream.onFrame = (frame) => void stream.send(frame)
})
network.subscribe(topic, () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', () => process.send?.(weight()))
process.send?.({ self: network.self, address: network.addresses()[0] })

function weight(): Weight {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return {
    heldBytes: heapUsed + external,
    residentBytesMax: process.resourceUsage().maxRSS * 1024,
    refusals: network.refusals(),
    connections: network.connected().length,
  }
}
