/**
 * One host with a desk and another that plays the leader, in a virtual world. The leader says what
 * it is told to say, and writes down all that it hears.
 */
import assert from 'node:assert/strict'
import { type StoreLimits, storeLimits } from '../../agent/artifacts/limits.ts'
import { ArtifactStore } from '../../agent/artifacts/store.ts'
import { equals } from '../../agent/trust/ranks.ts'
import type { Lessons } from '../../agent/work/execution.ts'
import { type WorkSettings, workDefaults } from '../../agent/work/limits.ts'
import type { SecretSource } from '../../agent/work/secrets/source.ts'
import { type FromAgent, WorkWire } from '../../agent/work/wire.ts'
import { WorkDesk } from '../../agent/work/work-desk.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import type {
  Assignment,
  AttemptNews,
  AttemptReport,
  Finished,
} from '../../protocol/work/attempt.ts'
import { type AttemptId, attemptKey, type Fence } from '../../protocol/work/fence.ts'
import type { Inventory, WorkFrame } from '../../protocol/work/messages.ts'
import type { AttemptStep } from '../../protocol/work/step.ts'
import type { CrashKind, Host, HostOptions, HostPorts } from '../../simulations/world/host.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { World } from '../../simulations/world/world.ts'

export const shortGraceMs = 1_000

/** A leader of one term, on a host of its own. */
export class Leader {
  readonly host: Host
  term: number
  /** Every report, in the order in which they came. */
  readonly heard: AttemptReport[] = []
  readonly inventories: Inventory[] = []
  /** Results are called committed as they come. */
  commits = false
  #wire: WorkWire | undefined
  readonly #agent: Host

  constructor(host: Host, agent: Host, term: number) {
    this.host = host
    this.term = term
    this.#agent = agent
    host.boot((ports) => {
      ports.network.learn(agent.id, [agent.address])
      this.#wire = new WorkWire(ports, host.id, helloOf('test', host.name), equals)
      this.#wire.open()
      this.#wire.onAgent = (_, frame) => this.#hear(frame)
    })
  }

  send(frame: WorkFrame): void {
    assert.ok(this.#wire)
    this.#wire.send(this.#agent.id, frame)
  }

  assign(...assignments: Assignment[]): void {
    this.send({ kind: 'assign', value: { term: this.term, assignments } })
  }

  cancel(of: Assignment, atOnce = false): void {
    const attempts = [{ id: of.id, fence: of.fence, reason: 'a test', atOnce }]
    this.send({ kind: 'cancel', value: { term: this.term, attempts } })
  }

  committed(...of: { id: AttemptId; fence: Fence }[]): void {
    const attempts = of.map(({ id, fence }) => ({ id, fence }))
    this.send({ kind: 'committed', value: { term: this.term, attempts } })
  }

  askInventory(serial = 1): void {
    this.send({ kind: 'inventoryRequest', value: { term: this.term, serial } })
  }

  /** What was said of one attempt. */
  newsOf(of: { id: AttemptId; fence: Fence }): AttemptNews[] {
    return this.heard
      .filter(({ id, fence }) => attemptKey(id) === attemptKey(of.id) && sameAs(fence, of.fence))
      .map(({ news }) => news)
  }

  kindsOf(of: { id: AttemptId; fence: Fence }): string[] {
    return this.newsOf(of).map(({ kind }) => kind)
  }

  resultsOf(of: { id: AttemptId; fence: Fence }): Finished[] {
    return this.newsOf(of).flatMap((news) => (news.kind === 'finished' ? [news.value] : []))
  }

  refusalOf(of: { id: AttemptId; fence: Fence }): string | undefined {
    const news = this.newsOf(of).find(({ kind }) => kind === 'refused')
    return news?.kind === 'refused' ? news.value.code : undefined
  }

  #hear(frame: FromAgent): void {
    if (frame.kind === 'inventory') this.inventories.push(frame.value)
    else {
      this.heard.push(...frame.value.reports)
      if (!this.commits) return
      const over = frame.value.reports.filter(({ news }) => news.kind === 'finished')
      if (over.length > 0) this.committed(...over)
    }
  }
}

function sameAs(a: Fence, b: Fence): boolean {
  return a.term === b.term && a.index === b.index
}

export interface StageOptions extends HostOptions {
  seed?: string
  work?: Partial<WorkSettings>
  store?: Partial<StoreLimits>
  secrets?: SecretSource
  lessons?: Lessons
}

export class Stage {
  readonly world: World
  readonly host: Host
  readonly leader: Leader
  desk: WorkDesk | undefined
  artifacts: ArtifactStore | undefined
  ports: HostPorts | undefined
  /** How often each program was started, by its whole command line. */
  readonly starts = new Map<string, number>()
  readonly #settings: WorkSettings
  readonly #secrets: SecretSource | undefined
  readonly #lessons: Lessons | undefined
  readonly #storeLimits: Partial<StoreLimits>
  #nextIndex = 1

  constructor({
    seed = 'work',
    work = {},
    store = {},
    programs = {},
    secrets,
    lessons,
    ...options
  }: StageOptions = {}) {
    this.world = new World({ seed, identities: 'plain' })
    this.#storeLimits = store
    this.#settings = { ...workDefaults, ...work }
    this.#secrets = secrets
    this.#lessons = lessons
    this.host = this.world.addHost('agent', { ...options, programs: this.#counted(programs) })
    this.leader = this.leaderOf(1)
    this.host.boot((ports) => this.#run(ports))
  }

  /** Another leader, on another host. */
  leaderOf(term: number): Leader {
    const host = this.world.addHost(`leader-${this.world.hosts.length}`)
    this.ports?.network.learn(host.id, [host.address])
    return new Leader(host, this.host, term)
  }

  async ready(): Promise<this> {
    await this.until(() => this.desk !== undefined, 'the desk is there')
    return this
  }

  /** Until agent and leader hear each other: what is sent into a broken connection is lost. */
  async talking(leader = this.leader): Promise<void> {
    const before = leader.inventories.length
    for (let tries = 0; tries < 60 && leader.inventories.length === before; tries++) {
      leader.askInventory(tries)
      await this.world.runFor(1_000)
    }
    assert.ok(leader.inventories.length > before, 'the agent answers')
  }

  /** The agent dies and begins again. */
  async again(kind: CrashKind, awayMs = 0): Promise<void> {
    this.host.crash(kind)
    await this.world.runFor(awayMs)
    this.desk = undefined
    this.host.restart()
    await this.ready()
  }

  async until(holds: () => boolean, what: string, withinMs = 60_000): Promise<void> {
    assert.ok(await this.world.runUntil(holds, withinMs), what)
  }

  /** Until the leader has a result of it. */
  async over(of: Assignment, leader = this.leader): Promise<Finished> {
    await this.until(() => leader.resultsOf(of).length > 0, `${attemptKey(of.id)} is over`)
    return leader.resultsOf(of)[0] as Finished
  }

  /** A program and its arguments, or any step; another attempt of another stage each time. */
  assignment(what: readonly string[] | AttemptStep, rest: Partial<Assignment> = {}): Assignment {
    const index = this.#nextIndex++
    const step: AttemptStep =
      'kind' in what ? what : { kind: 'program', value: { argv: [...what] } }
    return {
      id: { run: 'r1', stage: `s${index}`, attempt: 1 },
      fence: { term: 1, index },
      step,
      workflow: 'w',
      env: {},
      secrets: {},
      secretFiles: {},
      artifacts: [],
      artifactsFrom: [],
      timeouts: { graceMs: shortGraceMs },
      resources: { custom: {} },
      ...rest,
    }
  }

  /** Stops the desk in good order; the answer says whether it has come to that. */
  stopDesk(): () => boolean {
    let stopped = false
    void this.desk?.stop().then(() => {
      stopped = true
    })
    return () => stopped
  }

  started(...argv: string[]): number {
    return this.starts.get(argv.join(' ')) ?? 0
  }

  async #run(ports: HostPorts): Promise<WorkDesk> {
    this.desk = undefined
    this.ports = ports
    const wire = new WorkWire(ports, this.host.id, helloOf('test', this.host.name), equals)
    const host = () => ({ cpu: 4, memoryBytes: 8 * 2 ** 30 })
    this.artifacts = new ArtifactStore(ports, {
      hello: helloOf('test', this.host.name),
      limits: { ...storeLimits, ...this.#storeLimits },
      onWarning: () => {},
      onVerdict: () => {},
    })
    await this.artifacts.start()
    const { artifacts } = this
    const leads = () => 'yes' as const
    const lessons = this.#lessons === undefined ? {} : { lessons: this.#lessons }
    const settings = { ...this.#settings, ...lessons, leads, host, secrets: () => this.#secrets }
    const desk = new WorkDesk({ ...ports, artifacts }, settings, wire)
    await desk.start()
    wire.open()
    this.desk = desk
    for (const other of this.world.hosts) ports.network.learn(other.id, [other.address])
    return desk
  }

  #counted(programs: NonNullable<HostOptions['programs']>): NonNullable<HostOptions['programs']> {
    return Object.fromEntries(
      Object.entries(programs).map(([name, program]) => [
        name,
        program === 'notExecutable' ? program : this.#counting(program),
      ]),
    )
  }

  #counting(program: Program): Program {
    return (self) => {
      const line = self.argv.join(' ')
      this.starts.set(line, (this.starts.get(line) ?? 0) + 1)
      program(self)
    }
  }
}

export const noop: AttemptStep = {
  kind: 'function',
  value: { module: 'skein:noop', export: 'default' },
}
