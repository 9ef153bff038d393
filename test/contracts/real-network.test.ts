/** The network contract, kept by libp2p over loopback. */
import { createServer, type Socket } from 'node:net'
import { peerIdOf, startHost, topic } from '../network/hosts.ts'
import { networkContract } from './network.ts'
import type { NetworkSubject } from './network-subject.ts'
import { realPassage } from './passage.ts'

const kib = 1024
const limits = {
  frameBytesMax: 256 * kib,
  streamBufferBytesMax: 2 * kib * kib,
  streamsOutboundMax: 4,
}

networkContract('libp2p', async () => {
  const options = {
    limits: {
      streamBufferBytesMax: limits.streamBufferBytesMax,
      purposeDefault: {
        frameBytesMax: limits.frameBytesMax,
        streamsOutboundMax: limits.streamsOutboundMax,
        streamsInboundMax: limits.streamsOutboundMax,
      },
      duplicateCheckMs: 100,
    },
  }
  const [a, b, c] = await Promise.all([0, 1, 2].map((number) => startHost(number, options)))
  const hosts = [a!, b!, c!] as const
  for (const host of hosts) {
    for (const peer of hosts) if (peer !== host) host.learn(peer.self, peer.addresses())
  }
  const silent = await silentListener()
  const subject: NetworkSubject = {
    ...realPassage,
    hosts,
    limits,
    topic,
    stranger: await peerIdOf(99),
    silentAddress: silent.address,
    kill: (host) => hosts.find(({ self }) => self === host.self)?.stop(),
    close: async () => {
      await Promise.all(hosts.map((host) => host.stop()))
      silent.close()
    },
  }
  return subject
})

/** Takes connections and never says a word. */
async function silentListener(): Promise<{ address: string; close: () => void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    address: `/ip4/127.0.0.1/tcp/${port}`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
