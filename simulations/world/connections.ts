/**
 * The connections of one life of a host: how they come about, who may come in, and how they end.
 * Between two hosts that dial each other at once there may be two, as in production; peers are
 * told of as one.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { PeerConnectionEvent, UnreachableCode } from '../../protocol/ports/network.ts'
import { connect, type End } from './connection.ts'
import type { CrashKind, Host } from './host.ts'
import { tcp } from './limits.ts'
import type { SimulatedNetwork } from './network.ts'
import { unreachable } from './unreachable.ts'

const addressForm = /^\/sim\/([a-z0-9-]+)(?:\/p2p\/[^/]+)?$/

/** Keys and names, each way. */
const handshakeBytes = 200

export interface ConnectionWatcher {
  changed(event: PeerConnectionEvent): void
  /** Its streams are gone with it. */
  lost(end: End): void
}

export class Connections {
  private readonly host: Host
  private readonly network: SimulatedNetwork
  private readonly watcher: ConnectionWatcher
  private readonly learnt = new Map<PeerId, readonly string[]>()
  private readonly ends = new Map<PeerId, End[]>()
  private readonly halfOpen = new Set<End>()
  private readonly connecting = new Map<PeerId, Promise<End>>()
  private readonly bannedUntilMs = new Map<PeerId, number>()

  constructor(host: Host, network: SimulatedNetwork, watcher: ConnectionWatcher) {
    this.host = host
    this.network = network
    this.watcher = watcher
  }

  peers(): PeerId[] {
    return [...this.ends.keys()]
  }

  /** One end for each peer. */
  *neighbours(): Iterable<End> {
    for (const [end] of this.ends.values()) if (end !== undefined) yield end
  }

  learn(peer: PeerId, addresses: readonly string[]): void {
    this.learnt.set(peer, addresses.slice(0, this.host.world.limits.addressesPerPeerMax))
  }

  /** The connection that is there, or the one that is being made, or a new one. */
  async to(peer: PeerId): Promise<End> {
    if (this.banned(peer)) throw unreachable('banned', peer)
    const open = this.ends.get(peer)?.[0]
    if (open !== undefined) return open
    const underWay = this.connecting.get(peer)
    if (underWay !== undefined) return underWay
    const attempt = this.tryAll(peer).finally(() => this.connecting.delete(peer))
    this.connecting.set(peer, attempt)
    return attempt
  }

  dial(address: string, expected?: PeerId): Promise<End> {
    return new Promise((resolve, reject) => {
      // The last words of a life that is over reach nobody, and nobody waits for an answer.
      if (!this.network.alive) return
      const { world } = this.host
      const fail = (code: UnreachableCode) => reject(unreachable(code, address))
      const name = addressForm.exec(address)?.[1]
      if (name === undefined) return fail('unknownAddress')
      if (name === this.host.name) return fail('wrongPeer')
      if (this.ends.size >= world.limits.connectionsMax) return fail('limitReached')
      const target = world.hostNamed(name)
      const near = target && this.begin(target)
      const { addressDialTimeoutMs } = world.limits
      const timeout = this.host.later(addressDialTimeoutMs, 'connect', 'no answer', () => {
        if (near === undefined) fail('timedOut')
        else near.onDialled?.('timedOut')
      })
      // An address where no machine is: nobody answers.
      if (near === undefined) return
      near.onDialled = (failure) => {
        world.scheduler.cancel(timeout)
        const code = failure ?? this.judge(near, expected)
        if (code === undefined) this.complete(near)
        else this.abandon(near, code)
        if (code === undefined) resolve(near)
        else fail(code)
      }
    })
  }

  /** A stranger knocks: its identity is known at once, as nothing here needs proof. */
  greeted(end: End): void {
    const { limits } = this.host.world
    end.network = this.network
    const banned = this.banned(end.other.host.id)
    if (banned || this.ends.size >= limits.connectionsMax) {
      this.network.countRefusal(banned ? 'bannedPeer' : 'tooManyConnections')
      end.refuse()
      return
    }
    end.state = 'connecting'
    this.halfOpen.add(end)
    end.say({ kind: 'welcome' }, handshakeBytes)
    this.host.later(limits.upgradeTimeoutMs, 'connect', 'handshake too long', () => {
      if (end.state === 'connecting') this.lose(end)
    })
  }

  established(end: End): void {
    if (end.state === 'open') return
    end.state = 'open'
    this.halfOpen.delete(end)
    const peer = end.other.host.id
    const ends = this.ends.get(peer)
    if (ends !== undefined) {
      ends.push(end)
      return
    }
    this.ends.set(peer, [end])
    this.watcher.changed({ peer, kind: 'connected' })
  }

  lose(end: End): void {
    if (end.state === 'closed') return
    end.close()
    this.halfOpen.delete(end)
    this.watcher.lost(end)
    const peer = end.other.host.id
    const ends = this.ends.get(peer)
    if (ends === undefined || !ends.includes(end)) return
    ends.splice(ends.indexOf(end), 1)
    if (ends.length > 0) return
    this.ends.delete(peer)
    this.watcher.changed({ peer, kind: 'disconnected' })
  }

  disconnect(peer: PeerId): void {
    for (const end of [...(this.ends.get(peer) ?? [])]) {
      end.say({ kind: 'reset', code: 'refused' }, 0)
      this.lose(end)
    }
  }

  ban(peer: PeerId, forMs: number): void {
    const untilMs = this.host.world.nowMs + forMs
    this.bannedUntilMs.set(peer, Math.max(untilMs, this.bannedUntilMs.get(peer) ?? 0))
    this.disconnect(peer)
  }

  /** Breaks the connections to a host that stays silent for as long as TCP's patience lasts. */
  watchSilence(peer: Host): void {
    const { host } = this
    const sinceMs = host.world.nowMs
    for (const end of this.ends.get(peer.id) ?? []) {
      host.later(tcp.keepAliveMs, 'connect', 'keep-alive', () => {
        if (end.state === 'open' && end.silentSince(sinceMs)) this.lose(end)
      })
    }
  }

  /** The program is gone. A machine that still runs says so to all who were connected. */
  die(kind: CrashKind): void {
    for (const end of [...[...this.ends.values()].flat(), ...this.halfOpen]) {
      for (const stream of end.streams) stream.die()
      if (kind === 'kill') end.refuse()
      else end.close()
      if (kind === 'powerLoss') end.other.host.network?.watchSilence(this.host)
    }
    this.ends.clear()
  }

  private begin(target: Host): End {
    const near = connect(this.host, target)
    near.network = this.network
    near.state = 'connecting'
    this.halfOpen.add(near)
    near.say({ kind: 'hello' }, handshakeBytes)
    return near
  }

  private complete(near: End): void {
    near.onDialled = undefined
    near.say({ kind: 'ready' }, handshakeBytes)
    this.established(near)
  }

  /** Also for one that was refused: a reset is answered by nobody. */
  private abandon(near: End, code: UnreachableCode): void {
    near.say({ kind: 'reset', code }, 0)
    this.lose(near)
  }

  private async tryAll(peer: PeerId): Promise<End> {
    let failure: unknown = unreachable('unknownAddress', peer)
    for (const address of this.learnt.get(peer) ?? []) {
      try {
        return await this.dial(address, peer)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  private judge(near: End, expected: PeerId | undefined): UnreachableCode | undefined {
    const peer = near.other.host.id
    if (expected !== undefined && expected !== peer) return 'wrongPeer'
    return this.banned(peer) ? 'banned' : undefined
  }

  private banned(peer: PeerId): boolean {
    const untilMs = this.bannedUntilMs.get(peer)
    if (untilMs === undefined) return false
    if (untilMs > this.host.world.nowMs) return true
    this.bannedUntilMs.delete(peer)
    return false
  }
}
