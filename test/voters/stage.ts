/** Voters in a virtual world, each over a list of what it was told to remember. */
import { createHash } from 'node:crypto'
import { setAside } from '../../agent/consensus/aside.ts'
import { EraPassed } from '../../agent/consensus/failures.ts'
import type { Damage } from '../../agent/consensus/look.ts'
import type { StateMachine } from '../../agent/consensus/state-machine.ts'
import { ConsensusStore } from '../../agent/consensus/store.ts'
import { verified } from '../../agent/consensus/verified.ts'
import { Voter } from '../../agent/consensus/voter.ts'
import { equals } from '../../agent/trust/ranks.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { noConfig } from '../../protocol/consensus/config.ts'
import { type Limits, limits, timing } from '../../protocol/consensus/limits.ts'
import {
  type Config,
  type Entry,
  entryKind,
  type SnapshotMeta,
} from '../../protocol/consensus/messages.ts'
import { blank, type RaftEvent } from '../../protocol/consensus/ready.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'

/** Remembers each word, in order. The result is how many there are. */
export class Words implements StateMachine<number> {
  words: string[] = []

  apply(_firstIndex: number, entries: readonly Entry[]): number[] {
    return entries.map((entry) => {
      if (entry.kind === entryKind.normal) this.words.push(new TextDecoder().decode(entry.data))
      return this.words.length
    })
  }

  async restore(_snapshot: SnapshotMeta, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const part of parts) pieces.push(part)
    this.words = JSON.parse(Buffer.concat(pieces).toString()) as string[]
  }

  copy(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify(this.words))]
  }
}

export interface Seat {
  host: Host
  voter: Voter<number> | undefined
  words: Words
  storage: number
  damage: readonly Damage[]
  events: RaftEvent[]
  failure: unknown
}

export class Council {
  readonly world: World
  readonly seats: Seat[] = []
  /** What anybody holds is to be copied nowhere. */
  inDoubt = false
  private founders: Config = noConfig

  private readonly limits: Limits

  constructor(seed: string, count: number, changed: Partial<Limits> = {}) {
    this.limits = { ...limits, ...changed }
    this.world = new World({ seed, identities: 'plain' })
    for (let i = 0; i < count; i++) {
      const host = this.world.addHost(`n${i + 1}`)
      const seat: Seat = {
        host,
        voter: undefined,
        words: new Words(),
        storage: 0,
        damage: [],
        events: [],
        failure: undefined,
      }
      this.seats.push(seat)
    }
  }

  /** Draws the number of each disk first, so that the founders can name them. */
  async found(): Promise<void> {
    for (const seat of this.seats) {
      seat.host.boot(async ({ disk, entropy }) => {
        seat.storage = (await ConsensusStore.open(disk, entropy)).storage
      })
    }
    await this.world.runFor(100)
    for (const { host } of this.seats) host.crash('kill')
    const voters = this.seats.map(({ host, storage }) => ({ id: host.id, storage }))
    this.founders = { voters, outgoing: [], learners: [] }
    for (const seat of this.seats) this.boot(seat)
  }

  boot(seat: Seat): void {
    seat.voter = undefined
    seat.words = new Words()
    seat.events = []
    seat.host.boot((ports) => this.run(seat, ports))
  }

  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.world.nowMs + withinMs
    while (!holds() && this.world.nowMs < endMs) await this.world.runFor(10)
    return holds()
  }

  /** Of the latest term, if several think so. */
  get leader(): Seat | undefined {
    const termOf = ({ voter }: Seat) => voter?.status().term ?? 0
    return this.seats
      .filter(({ host, voter }) => host.state === 'up' && voter?.status().role === 'leader')
      .sort((a, b) => termOf(b) - termOf(a))[0]
  }

  /** Says a word to whoever leads; again when it was refused, or its leader is no more. */
  async say(word: string): Promise<void> {
    let asked: Voter<number> | undefined
    let taken = false
    const ask = (voter: Voter<number>) => {
      asked = voter
      void voter.propose([{ data: new TextEncoder().encode(word) }]).then((outcome) => {
        taken ||= outcome.ok
        if (!outcome.ok && asked === voter) asked = undefined
      })
    }
    const done = await this.until(() => {
      const voter = this.leader?.voter
      if (!taken && voter && voter !== asked) ask(voter)
      return taken
    }, 10_000)
    if (!done) throw new Error(`nobody took ${word}`)
  }

  private async run(seat: Seat, ports: HostPorts): Promise<void> {
    const { disk, entropy } = ports
    const opened = await ConsensusStore.open(disk, entropy)
    seat.storage = opened.storage
    seat.damage = opened.damage
    // A disk that was emptied since is no founder's.
    const founds = this.founders.voters.some((voter) => voter.storage === opened.storage)
    const restored =
      opened.restored ?? (founds ? await opened.store.found(this.founders) : blank(noConfig))
    if (restored.snapshot.index > 0) {
      const { snapshot } = restored
      await seat.words.restore(snapshot, verified(snapshot, opened.store.readSnapshot()))
    }
    for (const { host } of this.seats) ports.network.learn(host.id, [host.address])
    const voter = new Voter(
      ports,
      {
        id: seat.host.id,
        storage: opened.storage,
        restored,
        timing,
        limits: this.limits,
        hello: helloOf(AGENT_VERSION, seat.host.name),
        ranks: equals,
        mayCopy: () => !this.inDoubt,
        isFollowed: () => false,
        onEvent: (event) => seat.events.push(event),
        onFailure: (error) => {
          seat.failure = error
          if (error instanceof EraPassed) void this.beginAnew(seat, ports, voter)
        },
      },
      opened.store,
      seat.words,
    )
    ports.network.onConnection = ({ peer, kind }) => {
      if (kind === 'connected') voter.connected(peer)
      else voter.disconnected(peer)
    }
    seat.voter = voter
  }

  /** As the ledger of an agent does. */
  private async beginAnew(seat: Seat, ports: HostPorts, voter: Voter<number>): Promise<void> {
    await voter.stop()
    await setAside(ports.disk, { why: 'passed', wallMs: ports.clock.wall() })
    seat.words = new Words()
    await this.run(seat, ports)
  }
}

export function digestOf(words: readonly string[]): string {
  return createHash('sha256').update(words.join('\n')).digest('hex')
}
