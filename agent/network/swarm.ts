/**
 * The swarm key: who has another one hears noise, and is heard as noise. libp2p would often wait
 * for the rest of that noise until the handshake runs out of time, because noise can look like
 * the announcement of a longer word; here the first byte is enough to tell.
 */
import type { ConnectionProtector, MessageStream } from '@libp2p/interface'
import { preSharedKey } from '@libp2p/pnet'
import { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'
import { formatSwarmKey } from '../../protocol/identity/swarm-key.ts'
import {
  BoundCipher,
  boundCipherMemory,
  type Cipher,
  type Ciphered,
  type CipherPair,
} from './cipher-memory.ts'
import { straighten } from './straight.ts'
import type { SwarmKeys } from './swarm-keys.ts'

/** A dialler's first word is `/multistream/1.0.0` and a line feed, and its length comes before. */
const firstByte = 19

/** The whole of it: one byte is right by chance too often where more than one key may be meant. */
const firstWord = Buffer.concat([Uint8Array.of(firstByte), Buffer.from('/multistream/1.0.0\n')])

const nonceBytes = 24

/** What pnet says first, each way. */
interface Nonces {
  theirs: Uint8Array
  ours: Uint8Array
}

export function swarmProtector(keys: SwarmKeys): () => ConnectionProtector {
  return () => ({
    protect: async (raw, options) => {
      const first = keys.firstFor(raw)
      const others = raw.direction === 'inbound' ? keys.all.filter((key) => key !== first) : []
      const overheardIn = others.length > 0 ? overhear(raw) : undefined
      keys.note(raw, first)
      const psk = Buffer.from(formatSwarmKey(first))
      const connection = await preSharedKey({ psk })().protect(raw, options)
      const nonces = overheardIn?.()
      const makeCipher = cipherMaker(connection)
      const pair = boundCipherMemory(connection)
      straighten(connection)
      if (raw.direction !== 'inbound') return connection
      const enough = nonces === undefined ? 1 : firstWord.length
      await hearFirst(connection, enough, options?.signal, (heard) => {
        if (isFirstWord(heard)) return heard
        for (const key of nonces === undefined ? [] : others) {
          const read = nonces && readWith(key, { nonces, first, heard, makeCipher, pair })
          if (read === undefined) continue
          keys.note(raw, key)
          return read
        }
        throw new Error('noise: another swarm key, or no agent of ours')
      })
      return connection
    },
  })
}

type MakeCipher = (nonce: Uint8Array, key: Uint8Array) => Cipher

/** As pnet makes its own. */
function cipherMaker(connection: MessageStream): MakeCipher {
  const { inboundXor } = connection as unknown as Ciphered
  const XSalsa20 = inboundXor.constructor as new (nonce: Uint8Array, key: Uint8Array) => Cipher
  return (nonce, key) => new BoundCipher(new XSalsa20(nonce, key))
}

/** What both sides are about to say. What is returned is asked once they have. */
function overhear(raw: MessageStream): () => Nonces {
  let theirs = new Uint8ArrayList()
  const listener = ({ data }: { data: Uint8Array | Uint8ArrayList }): void => {
    if (theirs.byteLength < nonceBytes) theirs.append(data)
  }
  raw.addEventListener('message', listener)
  let ours: Uint8Array | undefined
  const send = raw.send
  raw.send = (data) => {
    ours ??= data.subarray().slice(0, nonceBytes)
    return send.call(raw, data)
  }
  return () => {
    raw.removeEventListener('message', listener)
    raw.send = send
    theirs = theirs.sublist(0, nonceBytes)
    assert(theirs.byteLength === nonceBytes && ours?.length === nonceBytes, 'pnet says its nonces')
    return { theirs: theirs.subarray(), ours }
  }
}

interface Heard {
  nonces: Nonces
  /** The key that the connection began with, by which `heard` was read. */
  first: Uint8Array
  heard: Uint8Array
  makeCipher: MakeCipher
  pair: CipherPair
}

/** Undefined where it is noise by this key, too; else the connection goes on with it. */
function readWith(
  key: Uint8Array,
  { nonces, first, heard, makeCipher, pair }: Heard,
): Uint8Array | undefined {
  const undoing = makeCipher(nonces.theirs, first)
  const asItCame = undoing.update(heard)
  undoing.finalize()
  const inbound = makeCipher(nonces.theirs, key)
  const read = inbound.update(asItCame)
  if (isFirstWord(read)) {
    // We have said nothing yet.
    pair.replace(inbound, makeCipher(nonces.ours, key))
    return read
  }
  inbound.finalize()
  return undefined
}

function isFirstWord(heard: Uint8Array): boolean {
  const length = Math.min(heard.length, firstWord.length)
  return Buffer.compare(heard.subarray(0, length), firstWord.subarray(0, length)) === 0
}

/** Only of those who come: a dialler speaks first, and would wait here for ever. */
async function hearFirst(
  connection: MessageStream,
  enough: number,
  signal: AbortSignal | undefined,
  understand: (heard: Uint8Array) => Uint8Array,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const heard = new Uint8ArrayList()
  const onMessage = (event: { data: Uint8Array | Uint8ArrayList }): void => {
    heard.append(event.data)
    if (heard.byteLength >= enough) resolve()
  }
  const onEnd = (): void => reject(new Error('it ended before a word was said'))
  connection.addEventListener('message', onMessage)
  connection.addEventListener('close', onEnd)
  signal?.addEventListener('abort', onEnd)
  try {
    await promise
    connection.removeEventListener('message', onMessage)
    // All that has come so far, for all of it was read with the one key. Nobody listens yet, so what
    // is put back waits for the negotiation that comes next.
    connection.unshift(understand(heard.subarray()))
  } finally {
    connection.removeEventListener('message', onMessage)
    connection.removeEventListener('close', onEnd)
    signal?.removeEventListener('abort', onEnd)
  }
}
