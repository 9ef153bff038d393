/** What goes over the streams of a simulated mesh, and in which forms a number could be in it. */
import type { Purpose } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { field, float, int, message, uint, type ValueType } from '../../protocol/wire/schema.ts'
import { SimulatedStream } from '../../simulations/world/stream.ts'

/** All of it meanwhile, by what streams are for, as it is before anything is encrypted. */
export async function overheard(
  during: () => Promise<unknown>,
): Promise<ReadonlyMap<Purpose, Buffer>> {
  const frames = new Map<Purpose, Uint8Array[]>()
  const { send } = SimulatedStream.prototype
  SimulatedStream.prototype.send = function (frame) {
    const those = frames.get(this.purpose) ?? []
    frames.set(this.purpose, those)
    those.push(frame.slice())
    return send.call(this, frame)
  }
  try {
    await during()
  } finally {
    SimulatedStream.prototype.send = send
  }
  return new Map([...frames].map(([purpose, those]) => [purpose, Buffer.concat(those)]))
}

function packed(type: ValueType<number>, value: number): Buffer {
  const schema = message('Number', { value: field(1, type) })
  // Without the byte that says which field it is.
  return Buffer.from(encode(schema, { value }).subarray(1))
}

interface Forms {
  readonly uint?: Buffer
  readonly int?: Buffer
  readonly float: Buffer
  readonly json: Buffer
}

/** As each kind of field of our messages has it, and as JSON does. It is 0 or more. */
export function formsOf(value: number): Forms {
  const isWhole = Number.isSafeInteger(value)
  return {
    ...(isWhole ? { uint: packed(uint(), value), int: packed(int(), value) } : {}),
    float: packed(float(), value),
    json: Buffer.from(JSON.stringify(value)),
  }
}

export function isSaidIn(traffic: Buffer, value: number): boolean {
  return Object.values(formsOf(value)).some((form) => traffic.includes(form))
}
