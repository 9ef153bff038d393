/**
 * Noise, told without an exception that no further message has come. libp2p asks for the length
 * of the next one until there is none, and Noise says so with a new error, stack and all, for each
 * chunk that it reads: a fifth of what a short question and its answer cost this host (measured:
 * 45 µs of CPU with it, 35 µs without).
 */
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import type { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'
import { nativeCipher } from './native-cipher.ts'
import { straighten } from './straight.ts'

type Bytes = Uint8Array | Uint8ArrayList

/** What we take hold of beyond the interface of an encrypted connection. */
interface CipherInnards {
  decoder: {
    /** What is not decrypted yet: the beginning of a message of which the rest is yet to come. */
    buffer: Uint8ArrayList
    lengthDecoder(gathered: Uint8ArrayList): number
    decode(data: Bytes): Iterable<Bytes>
  }
  handshake: { decrypt(chunk: Uint8Array, into: Uint8Array): Bytes }
  decrypt(chunk: Bytes): Bytes
  onData(data: Bytes): void
}

const lengthBytes = 2
const tagBytes = 16

/** Its kind is all that libp2p looks at. */
const notYet = new RangeError('the length of the next message has not come yet')

type NoiseComponents = Parameters<ReturnType<typeof noise>>[0]

export function thriftyNoise(): (components: NoiseComponents) => ConnectionEncrypter {
  return (components) => {
    const encrypter = noise({ crypto: nativeCipher })(components)
    const secureInbound = encrypter.secureInbound.bind(encrypter)
    const secureOutbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = async (raw, options) => thrifty(await secureInbound(raw, options))
    encrypter.secureOutbound = async (raw, options) => thrifty(await secureOutbound(raw, options))
    return encrypter
  }
}

function thrifty<E>(secured: SecuredConnection<E>): SecuredConnection<E> {
  const innards = secured.connection as MessageStream & CipherInnards
  const { decoder } = innards
  assert(typeof decoder?.lengthDecoder === 'function', 'noise tells messages apart by lengths')
  decoder.lengthDecoder = (gathered) => {
    if (gathered.byteLength < lengthBytes) throw notYet
    return gathered.getUint16(0)
  }
  readWholeMessages(innards)
  straighten(secured.connection)
  return secured
}

/** Those that have come in one piece are decrypted where they lie; libp2p puts each into three lists. */
function readWholeMessages(connection: CipherInnards): void {
  const { decoder } = connection
  assert(typeof decoder.decode === 'function', 'noise takes apart what comes in one place')
  assert(typeof connection.decrypt === 'function', 'noise decrypts in one place')
  const decode = decoder.decode.bind(decoder)
  const decrypt = connection.decrypt.bind(connection)
  connection.decrypt = (chunk) => {
    if (!(chunk instanceof Uint8Array) || chunk.length < tagBytes) return decrypt(chunk)
    return connection.handshake.decrypt(chunk, chunk.subarray(0, chunk.length - tagBytes))
  }
  decoder.decode = (data) => {
    if (!(data instanceof Uint8Array) || decoder.buffer.byteLength > 0) return decode(data)
    let at = 0
    while (data.length - at > lengthBytes) {
      const from = at + lengthBytes
      const length = ((data[at] as number) << 8) | (data[at + 1] as number)
      if (length === 0 || data.length - from < length) break
      at = from + length
      connection.onData(connection.decrypt(data.subarray(from, at)))
    }
    return at === data.length ? [] : decode(data.subarray(at))
  }
}
