/** Hosts of a virtual world behind the trusted network, and strangers who are not. */
import assert from 'node:assert/strict'
import type { TrustRefusal } from '../../agent/trust/refusing.ts'
import { TrustedNetwork } from '../../agent/trust/trusted-network.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import type { Network, Purpose, Stream } from '../../protocol/ports/network.ts'
import { simulatedCredential, simulatedTrust } from '../../simulations/world/credentials.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'

export const calls: Purpose = '/skein/calls/1'

export class Seat {
  readonly host: Host
  ports!: HostPorts
  trusted: TrustedNetwork | undefined
  readonly refusals: TrustRefusal[] = []
  /** Frames of others, and who is connected. */
  readonly heard: string[] = []
  readonly events: string[] = []

  constructor(host: Host) {
    this.host = host
  }

  /** What a stranger has in its place. */
  get network(): Network {
    return this.trusted ?? this.ports.network
  }
}

export class Stage {
  readonly world: World
  readonly seats: Seat[] = []
  readonly revoked = new Set<string>()

  constructor(seed: string) {
    this.world = new World({ seed })
  }

  /** A host that shows what it should, or what the change makes of it. */
  seat(name: string, change: Partial<Grant> = {}, credential?: Credential): Seat {
    const seat = this.add(name)
    this.boot(seat, credential ?? simulatedCredential(seat.host.id, name, change))
    return seat
  }

  /** One that has the swarm key and nothing else, and knows no manners. */
  stranger(name: string): Seat {
    const seat = this.add(name)
    this.boot(seat, undefined)
    return seat
  }

  boot(seat: Seat, credential: Credential | undefined): void {
    seat.host.boot((ports) => {
      seat.ports = ports
      seat.trusted =
        credential &&
        new TrustedNetwork(ports, {
          trust: { ...simulatedTrust, isRevoked: (serial) => this.revoked.has(serial) },
          credential,
          keyOf: (peer) => peer,
          onRefused: (refusal) => seat.refusals.push(refusal),
        })
      seat.trusted?.begin()
      const { network } = seat
      network.onConnection = ({ kind, peer }) => {
        seat.events.push(`${kind} ${this.nameOf(peer)}`)
      }
      network.accept(calls, (stream) => {
        stream.onFrame = (frame) => {
          seat.heard.push(`${this.nameOf(stream.peer)}: ${Buffer.from(frame).toString()}`)
        }
        stream.onClose = () => {}
      })
      for (const { host } of this.seats)
        if (host !== seat.host) network.learn(host.id, [host.address])
    })
  }

  /** Resolves with the stream once it is open, or with the code of why it is not. */
  async open(from: Seat, to: Seat, purpose: Purpose = calls): Promise<Stream | string> {
    // Hosts that have just been started run first.
    await this.world.runFor(1)
    from.network.learn(to.host.id, [to.host.address])
    let outcome: Stream | string | undefined
    from.network.open(to.host.id, purpose, new AbortController().signal).then(
      (stream) => {
        outcome = stream
      },
      (error: { code: string }) => {
        outcome = error.code
      },
    )
    assert.ok(await this.world.runUntil(() => outcome !== undefined, 60_000))
    return outcome as Stream | string
  }

  async says(from: Seat, to: Seat, words: string): Promise<Stream> {
    const stream = await this.open(from, to)
    assert.ok(typeof stream !== 'string', `opened, and not ${stream}`)
    stream.onClose = () => {}
    stream.send(Buffer.from(words))
    await this.world.runFor(1_000)
    return stream
  }

  nameOf(id: string): string {
    return this.seats.find(({ host }) => host.id === id)?.host.name ?? id
  }

  private add(name: string): Seat {
    const seat = new Seat(this.world.addHost(name))
    this.seats.push(seat)
    return seat
  }
}
