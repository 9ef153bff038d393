/** Somebody beside a mesh of real agents, who shows what it likes and says what it likes. */
import assert from 'node:assert/strict'
import { TrustedNetwork } from '../../agent/trust/trusted-network.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Network, Purpose, Stream } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { Hello, helloOf } from '../../protocol/wire/versions.ts'
import { simulatedCredential } from '../../simulations/world/credentials.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import type { Member, Mesh } from '../history/stage.ts'
import type { Said } from './frames.ts'

export interface Visit {
  /** Frames that the other side has sent, its greeting included. */
  readonly heard: Uint8Array[]
  open: boolean
  send(bytes: Uint8Array): void
}

export class Intruder {
  readonly mesh: Mesh
  readonly host: Host
  ports!: HostPorts

  /** `change`: of what an agent shows; undefined for somebody who shows nothing at all. */
  constructor(mesh: Mesh, name: string, change: Partial<Grant> | undefined) {
    this.mesh = mesh
    this.host = mesh.world.addHost(name)
    this.host.boot((ports) => {
      this.ports = ports
      if (change === undefined) {
        ports.network.onConnection = () => {}
        return
      }
      const roles = ['agent'] as const
      const credential = simulatedCredential(ports.keyOf(this.host.id), name, { roles, ...change })
      const trusted = new TrustedNetwork(ports, {
        trust: ports.trust,
        credential,
        keyOf: ports.keyOf,
        onRefused: () => {},
      })
      trusted.onConnection = () => {}
      trusted.begin()
    })
  }

  get id(): PeerId {
    return this.host.id
  }

  /** Around all that an honest host looks at first. */
  get network(): Network {
    return this.ports.network
  }

  async visit({ host }: Member, purpose: Purpose): Promise<Visit> {
    await this.mesh.world.runFor(1)
    this.network.learn(host.id, [host.address])
    const heard: Uint8Array[] = []
    const visit: Visit = { heard, open: false, send: () => {} }
    const opened = this.network
      .open(host.id, purpose, new AbortController().signal)
      .catch(() => undefined)
    const stream: Stream | undefined = await this.mesh.answer(opened)
    if (stream === undefined) return visit
    visit.open = true
    visit.send = (bytes) => {
      if (stream.open) stream.send(bytes)
    }
    stream.onFrame = (frame) => heard.push(frame.slice())
    stream.onClose = () => {
      visit.open = false
    }
    return visit
  }

  /** Greets, and says one thing after another, on a stream for each. */
  async says(to: Member, purpose: Purpose, said: Said, greets: boolean): Promise<Visit> {
    const visit = await this.visit(to, purpose)
    if (greets) visit.send(hello)
    visit.send(said.bytes)
    await this.mesh.world.runFor(300)
    return visit
  }
}

export const hello = encode(Hello, helloOf('0.0.0', 'intruder'))

/** What may not change by anything that an intruder does. */
export function standingOf(mesh: Mesh): object {
  return mesh.members.map(({ agent }) => {
    const { term, leader, config } = agent.ledger.status() ?? {}
    assert.ok(config)
    return {
      term,
      leader,
      voters: config.voters.map(({ id }) => id),
      running: agent.work.running + agent.work.waiting,
      isStopped: agent.estop.isAnyInForce,
    }
  })
}
