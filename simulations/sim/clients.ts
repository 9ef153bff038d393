/**
 * Clients of the ledger, who put, read, compare and delete through whichever agent they like, give
 * up, come back through another, and note what they heard. Some number their commands in a session
 * and propose one again until they know what became of it; the others leave it open.
 */
import type { Agent } from '../../agent/agent.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Numbered } from '../../protocol/ledger/commands/sessions.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import { below, type Entropy, pick } from '../../protocol/ports/entropy.ts'
import type { Operation, Outcome, RegisterOp } from '../checkers/operations.ts'
import type { History } from './history.ts'
import { clientLimits } from './limits.ts'
import type { SimulatedMesh } from './mesh.ts'
import type { Pace } from './pace.ts'
import { heardWithin, rest } from './patience.ts'

const NAMESPACE = 'sim'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Session {
  readonly id: number
  serial: number
}

/** Whoever knows more than a client does. */
export interface Listener {
  /** What is committed by now, at least: any read that is begun from here on has to see it. */
  committed(): number
  ended(operation: Operation): void
  /** A read was answered by `agent` from the state after that entry. */
  read(agent: Agent, committed: number, index: number): void
}

/** `undefined`: nothing was heard in time. */
type Answer = Appended | undefined

export class Client {
  private readonly mesh: SimulatedMesh
  private readonly history: History
  private readonly entropy: Entropy
  private readonly name: string
  private readonly sessions: boolean
  private number: number
  private session: Session | undefined
  private words = 0
  private stopped = false
  /** The revision at which a key was last read: what a comparison may expect. */
  private readonly seen = new Map<string, number>()
  private readonly listener: Listener

  constructor(
    mesh: SimulatedMesh,
    history: History,
    name: string,
    sessions: boolean,
    listener: Listener,
  ) {
    this.listener = listener
    this.mesh = mesh
    this.history = history
    this.name = name
    this.sessions = sessions
    this.entropy = mesh.world.entropy.stream(`client/${name}`)
    this.number = history.newClient()
  }

  stop(): void {
    this.stopped = true
  }

  /** `pace`: how much it is to think, now. */
  async run(pace: () => Pace): Promise<void> {
    while (!this.stopped) {
      // Quiet for a while, then several in a row: both find something.
      await this.think(pace)
      const hurries = pace().thinkMs === clientLimits.hurryMs
      if (hurries && this.entropy.unit() < clientLimits.flurryShare) this.flurry()
      const row = this.entropy.unit() < 0.2 ? 2 + below(this.entropy, 8) : 1
      for (let i = 0; i < row && !this.stopped; i++) await this.step()
    }
  }

  private async step(): Promise<void> {
    const agent = this.someAgent()
    if (!agent) return
    const draw = this.entropy.unit()
    if (draw < 0.35) return this.get(agent)
    await this.change(agent, draw)
  }

  private async think(pace: () => Pace): Promise<void> {
    const drawn = -Math.log(1 - this.entropy.unit())
    let restedMs = 0
    for (;;) {
      const { thinkMs, forMs } = pace()
      const leftMs = drawn * thinkMs - restedMs
      if (leftMs <= 0) return
      const restMs = Math.min(leftMs, forMs)
      await rest(this.mesh.world, restMs)
      restedMs += restMs
    }
  }

  // ── What it does ──────────────────────────────────────────────────────────────────────────────

  private async get(agent: Agent): Promise<void> {
    const key = this.someKey()
    const end = this.begin(key, { kind: 'get' })
    const committed = this.listener.committed()
    const timeoutMs = this.patience()
    const answer = await heardWithin(
      this.mesh.world,
      timeoutMs + clientLimits.graceMs,
      agent.ledger.read(
        { kind: 'kvGet', namespace: NAMESPACE, key },
        { consistency: 'linearizable', timeoutMs },
      ),
    )
    if (answer?.kind !== 'read') return end({ kind: 'refused' })
    this.listener.read(agent, committed, answer.index)
    const row = answer.value
    const revision = row?.revision ?? 0
    this.seen.set(key, revision)
    end({ kind: 'read', value: row && decoder.decode(row.value), revision })
  }

  /** Many at once, and nobody waits: the log has batches in it, several of them under way. */
  private flurry(): void {
    const { flurryMin, flurryMax, flurryBytesMax } = clientLimits
    const agent = this.someAgent()
    for (let i = flurryMin + below(this.entropy, flurryMax - flurryMin); agent && i > 0; i--) {
      const value = this.entropy.bytes(below(this.entropy, flurryBytesMax))
      const key = `flurry-${below(this.entropy, clientLimits.flurryKeys)}`
      const command = { kind: 'kvPut' as const, value: { namespace: NAMESPACE, key, value } }
      void this.append(agent, command, undefined)
    }
  }

  private change(agent: Agent, draw: number): Promise<void> {
    const key = this.someKey()
    const namespace = NAMESPACE
    const known = this.seen.get(key)
    const expected = known === undefined || draw < 0.75 ? {} : { expect: known }
    if (draw >= 0.92) {
      const command = { kind: 'kvDelete' as const, value: { namespace, key, ...expected } }
      return this.carryOut(agent, key, { kind: 'delete', ...expected }, command)
    }
    const text = `${this.name}-${++this.words}`
    const command = {
      kind: 'kvPut' as const,
      value: { namespace, key, value: encoder.encode(text), ...expected },
    }
    return this.carryOut(agent, key, { kind: 'put', value: text, ...expected }, command)
  }

  private async carryOut(
    agent: Agent,
    key: string,
    op: RegisterOp,
    command: Command,
  ): Promise<void> {
    if (!this.sessions) {
      const end = this.begin(key, op)
      return end(outcomeOf(op, await this.append(agent, command, undefined)))
    }
    const session = await this.openSession()
    if (!session) return
    const end = this.begin(key, op)
    end(await this.untilKnown(session, agent, op, command))
  }

  /** Proposes it again, with its number, through anybody, until someone knows what came of it. */
  private async untilKnown(
    session: Session,
    first: Agent,
    op: RegisterOp,
    command: Command,
  ): Promise<Outcome> {
    const serial = ++session.serial
    const numbered = { session: session.id, serial, acked: serial - 1 }
    let agent: Agent | undefined = first
    for (let tries = 0; tries < clientLimits.triesMax && !this.stopped; tries++) {
      const answer: Answer = agent && (await this.append(agent, command, numbered))
      if (answer?.kind === 'applied') {
        if (answer.result.code === 'sessionExpired') break
        return outcomeOf(op, answer)
      }
      // A refusal says nothing about an earlier try: only after the first it is the end.
      if (answer?.kind === 'refused' && tries === 0) return { kind: 'refused' }
      await rest(this.mesh.world, clientLimits.retryMs)
      agent = this.someAgent()
    }
    this.session = undefined
    return { kind: 'unknown' }
  }

  private async openSession(): Promise<Session | undefined> {
    if (this.session) return this.session
    const agent = this.someAgent()
    if (!agent) return undefined
    const ttlMs = clientLimits.sessionTtlMs
    const answer = await this.append(agent, { kind: 'sessionOpen', value: { ttlMs } }, undefined)
    if (answer?.kind !== 'applied' || answer.result.revision === undefined) return undefined
    this.session = { id: answer.result.revision, serial: 0 }
    return this.session
  }

  private append(agent: Agent, command: Command, numbered: Numbered | undefined): Promise<Answer> {
    const timeoutMs = this.patience()
    const options = numbered ? { timeoutMs, numbered } : { timeoutMs }
    return heardWithin(
      this.mesh.world,
      timeoutMs + clientLimits.graceMs,
      agent.ledger.append(command, options),
    )
  }

  // ── Noting it ─────────────────────────────────────────────────────────────────────────────────

  private begin(key: string, op: RegisterOp): (outcome: Outcome) => void {
    const { scheduler } = this.mesh.world
    // Steps tell the order of what happens at one moment.
    const asked = { client: this.number, key, op, invokedAt: scheduler.fired }
    const ended = this.history.begin(asked)
    return (outcome) => {
      const open = outcome.kind === 'unknown'
      if (open) this.number = this.history.newClient()
      const returnedAt = open ? undefined : scheduler.fired
      this.listener.ended(ended(outcome, returnedAt))
    }
  }

  // ── Chance and time ───────────────────────────────────────────────────────────────────────────

  /** Paused ones as well: a client cannot know. */
  private someAgent(): Agent | undefined {
    return pick(this.entropy, this.mesh.reachable)?.agent
  }

  /** New ones as time goes by, so that no key has a history too long to be searched. */
  private someKey(): string {
    const epoch = Math.floor(this.mesh.world.nowMs / clientLimits.keyEpochMs)
    return `k${epoch}-${below(this.entropy, clientLimits.keys)}`
  }

  private patience(): number {
    return 500 + this.entropy.unit() * clientLimits.patienceMs
  }
}

function outcomeOf(op: RegisterOp, answer: Answer): Outcome {
  if (!answer || answer.kind === 'unknown') return { kind: 'unknown' }
  if (answer.kind === 'refused') return { kind: 'refused' }
  const { code, revision } = answer.result
  switch (code) {
    case 'ok':
      return op.kind === 'put' && revision !== undefined ? { kind: 'ok', revision } : { kind: 'ok' }
    case 'conflict':
      return { kind: 'conflict', revision: revision ?? 0 }
    case 'notFound':
      return { kind: 'notFound' }
    default:
      return { kind: 'refused' }
  }
}
