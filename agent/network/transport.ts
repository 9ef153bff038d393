/**
 * The TCP transport with a doorkeeper: libp2p hands every raw connection of either direction to
 * an upgrader, and this is where we stand between the two, to count its bytes, to refuse it before
 * its handshake costs anything, and to notice how that handshake ends.
 */
import { Server, Socket } from 'node:net'
import type { Listener, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { assert } from '../../protocol/assert.ts'
import { HandshakeFailed } from './errors.ts'
import type { Gater } from './gater.ts'
import type { NetworkLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'
import { straighten } from './straight.ts'
import type { SwarmKeys } from './swarm-keys.ts'
import type { Traffic } from './traffic.ts'

export interface Doorkeeper {
  gater: Gater
  traffic: Traffic
  refusals: Refusals
  limits: NetworkLimits
  swarmKeys: SwarmKeys
  listenError: (address: string, error: unknown) => void
}

type TcpComponents = Parameters<ReturnType<typeof tcp>>[0]

/** A dead peer on a silent link is noticed by the membership long before; this is the last net. */
const keepAliveInitialDelayMs = 30_000

export function guardedTcp(door: Doorkeeper): (components: TcpComponents) => Transport {
  const socketOptions = {
    keepAlive: true,
    keepAliveInitialDelay: keepAliveInitialDelayMs,
    noDelay: true,
  }
  return (components) => {
    const transport = tcp({
      // Streams may be silent for as long as they like: nothing here takes quiet for death.
      inboundSocketInactivityTimeout: 0,
      outboundSocketInactivityTimeout: 0,
      maxConnections: door.limits.connectionsMax + door.limits.upgradesPendingMax,
      dialOpts: socketOptions,
      listenOpts: socketOptions,
    })(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = async (address, options) => {
      const upgrader = guardedUpgrader(options.upgrader, door)
      try {
        return await dial(address, { ...options, upgrader })
      } catch (error) {
        // Whoever was refused at the door has heard nothing, and would only knock twice.
        const mayHaveOther =
          door.swarmKeys.all.length > 1 && error instanceof HandshakeFailed && error.heard
        if (!mayHaveOther || options.signal?.aborted) throw error
        return dial(address, {
          ...options,
          upgrader: guardedUpgrader(options.upgrader, door, true),
        })
      }
    }
    transport.createListener = (options) =>
      reportingListener(
        createListener({ ...options, upgrader: guardedUpgrader(options.upgrader, door) }),
        door,
      )
    return transport
  }
}

function reportingListener(listener: Listener, door: Doorkeeper): Listener {
  judgeConnections(listener, door.gater)
  const listen = listener.listen.bind(listener)
  // The transport manager would fold the error into the text of another.
  listener.listen = async (address: Multiaddr) => {
    try {
      await listen(address)
    } catch (error) {
      door.listenError(address.toString(), error)
      throw error
    }
  }
  return listener
}

/**
 * Before even a socket is made for it: to take a connection and drop it is all that a refusal costs.
 * Node asks the list of a server about each address that connects, and asks it nothing else.
 */
function judgeConnections(listener: Listener, gater: Gater): void {
  const { server } = listener as unknown as { server?: unknown }
  assert(server instanceof Server, 'a listener of libp2p has a server of node')
  const judge = { check: (address: string) => gater.refuses(address) }
  Object.assign(server, { blockList: judge })
}

function guardedUpgrader(upgrader: Upgrader, door: Doorkeeper, withOtherKey = false): Upgrader {
  return {
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
    upgradeInbound: async (raw: MultiaddrConnection, options: { signal: AbortSignal }) => {
      door.traffic.watch(raw)
      straighten(raw)
      const host = hostOf(raw)
      door.gater.enter(host, raw)
      try {
        await upgrader.upgradeInbound(raw, options)
      } catch (error) {
        if (!options.signal.aborted) countFailure(error, door.refusals)
        throw error
      } finally {
        door.gater.leave(host)
      }
    },
    upgradeOutbound: async (raw: MultiaddrConnection, options: { signal: AbortSignal }) => {
      const heard = door.traffic.watch(raw)
      if (withOtherKey) door.swarmKeys.tryOtherFor(raw)
      straighten(raw)
      const signal = AbortSignal.any([
        options.signal,
        AbortSignal.timeout(door.limits.upgradeTimeoutMs),
      ])
      try {
        return await upgrader.upgradeOutbound(raw, { ...options, signal })
      } catch (error) {
        throw new HandshakeFailed(heard(), error)
      }
    },
  }
}

function countFailure(error: unknown, refusals: Refusals): void {
  const name = error instanceof Error ? error.name : ''
  // The gater has counted what it refused.
  if (name === 'ConnectionInterceptedError') return
  refusals.count(name === 'InvalidPeerIdError' ? 'ownIdentity' : 'handshakeFailed')
}

/** As the socket says it: other texts of one address would be other addresses here. */
function hostOf(raw: MultiaddrConnection): string {
  const { socket } = raw as unknown as { socket?: unknown }
  assert(socket instanceof Socket, 'an inbound connection of this transport has a socket of node')
  return socket.remoteAddress ?? ''
}
