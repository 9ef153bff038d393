/**
 * Keeps the swarm key's cipher (xsalsa20 2, below @libp2p/pnet) inside the memory that it starts
 * with. All its instances in a process share one WebAssembly memory. When any of them needs more,
 * the others are left with a view of nothing, each grows the memory again as it notices, and so
 * takes the view from the rest: a few hundred packets later the memory is at its maximum, and
 * every connection of this host fails for good. Two things bring it there: one write of 600 KiB,
 * and instances that nobody gives back, of which every connection leaves two, also a stranger's.
 */
import type { MessageStream } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'

/** At most this much is shown to the cipher at once. */
const pieceBytes = 32 * 1024

/** What the cipher's memory holds for each instance, and before all of them. */
const instanceBytes = 64
const headBytes = 144
const memoryBytes = 640 * 1024

/** Where one more instance would make the memory grow. Connections are refused long before. */
const ciphersMax = Math.floor((memoryBytes - headBytes - pieceBytes) / instanceBytes) - 1

export interface Cipher {
  /** `output` may be the input itself. */
  update(input: Uint8Array, output?: Uint8Array): Uint8Array
  /** Gives the place in the memory back. It must not be used again: somebody else has it. */
  finalize(): void
}

export interface Ciphered {
  inboundXor: Cipher
  outboundXor: Cipher
}

/** Both ciphers of a connection, while they are the ones that it uses. */
export interface CipherPair {
  /** Those before are given back. */
  replace(inbound: Cipher, outbound: Cipher): void
}

let ciphersLive = 0

/** To be called once with each connection that pnet has made, before anybody uses it. */
export function boundCipherMemory(connection: MessageStream): CipherPair {
  const ciphered = connection as unknown as Ciphered
  let ciphers: readonly Cipher[] = []
  const replace = (inbound: Cipher, outbound: Cipher): void => {
    for (const cipher of ciphers) cipher.finalize()
    ciphers = [inbound, outbound]
    ciphered.inboundXor = inPlace(inbound)
    ciphered.outboundXor = outbound
    if (connection.status !== 'open') finalize()
  }
  const finalize = (): void => {
    for (const cipher of ciphers) cipher.finalize()
  }
  replace(new BoundCipher(ciphered.inboundXor), new BoundCipher(ciphered.outboundXor))
  if (connection.status === 'open') connection.addEventListener('close', finalize)
  assert(ciphersLive <= ciphersMax, 'the ciphers fit into their memory', { ciphersLive })
  return { replace }
}

/** What comes from a socket is nobody else's: it is decrypted where it lies. */
function inPlace(cipher: Cipher): Cipher {
  return {
    update: ({ buffer, byteOffset, length }) => {
      const bytes = new Uint8Array(buffer, byteOffset, length)
      return cipher.update(bytes, bytes)
    },
    finalize: () => cipher.finalize(),
  }
}

export class BoundCipher implements Cipher {
  #inner: Cipher | undefined

  constructor(inner: Cipher) {
    assert(typeof inner?.update === 'function', 'pnet keeps a cipher for each direction')
    assert(typeof inner.finalize === 'function', 'a cipher can be given back')
    this.#inner = inner
    ciphersLive += 1
  }

  /** Nothing, once the connection has closed: what still comes then is for nobody. */
  update(input: Uint8Array, output = new Uint8Array(input.length)): Uint8Array {
    const inner = this.#inner
    if (inner === undefined) return new Uint8Array(0)
    if (input.length <= pieceBytes) return inner.update(input, output)
    for (let at = 0; at < input.length; at += pieceBytes) {
      const piece = input.subarray(at, at + pieceBytes)
      inner.update(piece, output.subarray(at, at + piece.length))
    }
    return output
  }

  finalize(): void {
    const inner = this.#inner
    if (inner === undefined) return
    this.#inner = undefined
    ciphersLive -= 1
    try {
      inner.finalize()
    } catch {
      // Another user of the cipher in this process, none of ours, has made the memory grow and
      // taken the view away: there is nothing left to wipe or to give back.
    }
  }
}
