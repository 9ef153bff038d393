/**
 * The swarm key: who has another one hears noise, and is heard as noise. libp2p would often wait
 * for the rest of that noise until the handshake runs out of time, because noise can look like
 * the announcement of a longer word; here the first byte is enough to tell.
 */
import type { ConnectionProtector, MessageStream } from '@libp2p/interface'
import { preSharedKey } from '@libp2p/pnet'
import { boundCipherMemory } from './cipher-memory.ts'
import { straighten } from './straight.ts'

/** A dialler's first word is `/multistream/1.0.0` and a line feed, and its length comes before. */
const firstByte = 19

export class BadSwarmKey extends Error {
  readonly code = 'badSwarmKey'
  constructor() {
    super(
      'the swarm key is not in the form /key/swarm/psk/1.0.0/, /base16/ and 64 hexadecimal ' +
        'digits, a line each: copy the file from a host that is in the mesh',
    )
    this.name = 'BadSwarmKey'
  }
}

export function swarmProtector(swarmKey: Uint8Array): () => ConnectionProtector {
  const inner = protectorWith(swarmKey)
  return () => ({
    protect: async (raw, options) => {
      const connection = await inner.protect(raw, options)
      boundCipherMemory(connection)
      straighten(connection)
      if (raw.direction === 'inbound') await hearOneOfUs(connection, options?.signal)
      return connection
    },
  })
}

function protectorWith(swarmKey: Uint8Array): ConnectionProtector {
  try {
    return preSharedKey({ psk: swarmKey })()
  } catch {
    throw new BadSwarmKey()
  }
}

/** Only for those who come: a dialler speaks first, and would wait here for ever. */
async function hearOneOfUs(
  connection: MessageStream,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const onMessage = (event: { data: Uint8Array | { subarray(): Uint8Array } }): void =>
    resolve(event.data instanceof Uint8Array ? event.data : event.data.subarray())
  const onEnd = (): void => reject(new Error('it ended before a word was said'))
  connection.addEventListener('message', onMessage, { once: true })
  connection.addEventListener('close', onEnd)
  signal?.addEventListener('abort', onEnd)
  try {
    const heard = await promise
    if (heard[0] !== firstByte) throw new Error('noise: another swarm key, or no agent of ours')
    // Nobody listens yet, so what is put back waits for the negotiation that comes next.
    connection.unshift(heard)
  } finally {
    connection.removeEventListener('message', onMessage)
    connection.removeEventListener('close', onEnd)
    signal?.removeEventListener('abort', onEnd)
  }
}
