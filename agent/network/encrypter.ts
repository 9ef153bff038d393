/**
 * Noise, told without an exception that no further message has come. libp2p asks for the length
 * of the next one until there is none, and Noise says so with a new error, stack and all, for each
 * chunk that it reads: a fifth of what a short question and its answer cost this host (measured:
 * 45 µs of CPU with it, 35 µs without).
 */
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { assert } from '../../protocol/assert.ts'
import { nativeCipher } from './native-cipher.ts'
import { straighten } from './straight.ts'

/** What we take hold of beyond the interface of an encrypted connection. */
interface CipherInnards {
  decoder: { lengthDecoder(gathered: Gathered): number }
}

/** The bytes of a Noise connection that are not decrypted yet. */
interface Gathered {
  byteLength: number
  getUint16(at: number): number
}

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
  const { decoder } = secured.connection as MessageStream & CipherInnards
  assert(typeof decoder?.lengthDecoder === 'function', 'noise tells messages apart by lengths')
  decoder.lengthDecoder = (gathered) => {
    if (gathered.byteLength < 2) throw notYet
    return gathered.getUint16(0)
  }
  straighten(secured.connection)
  return secured
}
