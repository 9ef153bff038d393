/**
 * A machine of the world and the one program that runs on it. The machine keeps its disk, its
 * clock and the processes that were started; everything else belongs to a life of the program: a
 * port of a life that is over does nothing and answers nobody.
 */
import type { Engine } from '../../models/engine.ts'
import { assert } from '../../protocol/assert.ts'
import type { Credential, Trust } from '../../protocol/identity/credential.ts'
import type { PeerId, Signer, Verify } from '../../protocol/identity/peer-id.ts'
import type { Blobs } from '../../protocol/ports/blobs.ts'
import type { Cells } from '../../protocol/ports/cells.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Functions } from '../../protocol/ports/functions.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Processes } from '../../protocol/ports/processes.ts'
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import type { SpeedGauge } from '../../protocol/ports/speed.ts'
import type { Telemetry } from '../../protocol/ports/telemetry.ts'
import type { Web } from '../../protocol/ports/web.ts'
import type { Workspace } from '../../protocol/ports/workspace.ts'
import { BlobPlatter } from './blob-platter.ts'
import { SimulatedBlobs } from './blobs.ts'
import { SimulatedCells } from './cells.ts'
import { type ClockOptions, HostTime, VirtualClock } from './clock.ts'
import { simulatedCredential, simulatedTrust } from './credentials.ts'
import { DiskHandle } from './disk.ts'
import { SimulatedEngine } from './engine.ts'
import { HappeningError, HostCall, HostEvent } from './event.ts'
import { type Modules, SimulatedFunctions } from './functions.ts'
import type { Identity } from './identity.ts'
import { TracedLog } from './log.ts'
import { Machine, type MachineOptions } from './machine.ts'
import { SimulatedNetwork } from './network.ts'
import { type DiskOptions, Platter } from './platter.ts'
import { ProcessTable } from './process-table.ts'
import { SimulatedProcesses } from './processes.ts'
import type { Programs } from './programs.ts'
import { SimulatedSecretFiles } from './secret-files.ts'
import { SimulatedSpeedGauge } from './speed.ts'
import { SimulatedTelemetry } from './telemetry.ts'
import type { EventKind } from './trace.ts'
import { hashOfText } from './trace.ts'
import { type Servers, SimulatedWeb } from './web.ts'
import { SimulatedWorkspace } from './workspace.ts'
import type { World } from './world.ts'

/** Everything that a program on a host is given. */
export interface HostPorts {
  clock: Clock
  entropy: Entropy
  network: SimulatedNetwork
  disk: Disk
  processes: Processes
  cells: Cells
  workspace: Workspace
  secretFiles: SecretFiles
  blobs: Blobs
  web: Web
  functions: Functions
  telemetry: Telemetry
  speed: SpeedGauge
  engine: Engine
  log: Log
  signer: Signer
  verify: Verify
  trust: Trust
  keyOf(peer: PeerId): PeerId
  /** Made when it is asked for: most worlds are too small for trust. */
  readonly credential: Credential
}

/** What a program may give back, to be stopped in good order. */
export interface Stoppable {
  stop(): Promise<void> | void
}

// biome-ignore lint/suspicious/noConfusingVoidType: a program that returns nothing is written as one.
export type Main = (ports: HostPorts) => Promise<Stoppable | void> | Stoppable | void

export interface HostOptions extends ClockOptions {
  disk?: Partial<DiskOptions>
  machine?: Partial<MachineOptions>
  /** What can be run here, besides the ordinary programs. */
  programs?: Programs
  /** Modules that functions can be called of, by path. */
  modules?: Modules
  /** The servers that this host can reach. */
  servers?: Servers
  /** Why no secrets are given as files here. */
  secretFilesMissing?: string
}

/**
 * `stopped`: the machine is up and refuses connections, as nothing listens. `off`: it is silent.
 */
export type HostState = 'stopped' | 'up' | 'paused' | 'off'

/** A killed program leaves what it has written; a power loss takes what was not synced. */
export type CrashKind = 'kill' | 'powerLoss'

export class Host {
  readonly world: World
  readonly index: number
  readonly name: string
  readonly identity: Identity
  readonly time: HostTime
  readonly platter: Platter
  readonly blobs: BlobPlatter
  readonly machine: Machine
  readonly processTable: ProcessTable
  /** Left on the disk where its stages work; their programs write next to nothing. */
  freeBytes: number = Number.MAX_SAFE_INTEGER
  readonly modules: Modules
  readonly servers: Servers
  readonly secretFilesMissing: string | undefined
  state: HostState = 'stopped'
  /** Counts the lives of the program. Everything made for another number is void. */
  life = 0
  /** What came due while the host was paused. */
  readonly parkedTimers: HostEvent[] = []
  readonly parked: HostEvent[] = []
  network: SimulatedNetwork | undefined
  private main: Main | undefined
  private program: Stoppable | undefined

  constructor(world: World, index: number, name: string, identity: Identity, options: HostOptions) {
    this.world = world
    this.index = index
    this.name = name
    this.identity = identity
    this.time = new HostTime(this, options)
    this.platter = new Platter(world.entropy.stream(`disk/${name}`), options.disk ?? {})
    this.blobs = new BlobPlatter(world.entropy.stream(`blobs/${name}`))
    this.machine = new Machine(this, options.machine ?? {})
    this.processTable = new ProcessTable(this, options.programs ?? {})
    this.modules = options.modules ?? {}
    this.servers = options.servers ?? {}
    this.secretFilesMissing = options.secretFilesMissing
    this.startMachine()
  }

  get id(): PeerId {
    return this.identity.signer.id
  }

  get address(): string {
    return `/sim/${this.name}`
  }

  /** Starts the program, now, and remembers it for `restart`. */
  boot(main: Main): void {
    assert(this.state === 'stopped' || this.state === 'off', 'a host runs one program at a time', {
      host: this.name,
      state: this.state,
    })
    if (this.state === 'off') this.startMachine()
    this.main = main
    this.life++
    this.state = 'up'
    const ports = this.makePorts()
    this.later(0, 'boot', 'boot', () => this.run(main, ports))
  }

  /** Boots the program that ran here last. */
  restart(): void {
    assert(this.main !== undefined, 'a host restarts what it has run before', { host: this.name })
    this.boot(this.main)
  }

  /** Asks the program to stop in good order, and ends it when it has. */
  async stop(): Promise<void> {
    assert(this.state === 'up', 'a program that runs can be stopped', { host: this.name })
    const { life } = this
    await this.program?.stop()
    if (this.life === life) this.crash('kill')
  }

  crash(kind: CrashKind): void {
    const runs = this.state === 'up' || this.state === 'paused'
    assert(runs || (this.state === 'stopped' && kind === 'powerLoss'), 'what runs can crash', {
      host: this.name,
      state: this.state,
    })
    this.note('fault', `crash: ${kind}`)
    this.life++
    this.state = kind === 'kill' ? 'stopped' : 'off'
    this.parked.length = 0
    this.parkedTimers.length = 0
    this.program = undefined
    this.network?.die(kind)
    this.network = undefined
    this.platter.crash(kind)
    this.blobs.crash(kind)
    if (kind === 'powerLoss') this.processTable.powerLoss()
    this.world.scheduler.cancelAll((event) => event instanceof HostEvent && event.isOverFor(this))
  }

  /** Stops the program where it stands: nothing of it runs, and nobody is told. */
  pause(): void {
    if (this.state !== 'up') return
    this.note('fault', 'pause')
    this.state = 'paused'
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.note('fault', 'resume')
    this.state = 'up'
    // Scheduled, not called: promises get their turn in between, as after any event.
    const { scheduler } = this.world
    for (const event of this.parkedTimers.splice(0)) scheduler.schedule(event, scheduler.nowMs)
    for (const event of this.parked.splice(0)) scheduler.schedule(event, scheduler.nowMs)
  }

  /** Calls back in this life of the program, or never. */
  later(inMs: number, kind: EventKind, what: string, call: () => void): HostCall {
    const event = new HostCall(this, kind, what, call)
    this.world.scheduler.schedule(event, this.world.nowMs + inMs)
    return event
  }

  private startMachine(): void {
    const uptime = this.world.entropy.stream(`boot/${this.name}/${this.life}`)
    this.time.restart(uptime.unit() * 1e6)
  }

  private makePorts(): HostPorts {
    const clock = new VirtualClock(this)
    this.network = new SimulatedNetwork(this)
    const { name } = this
    const { signer, verify, keyOf } = this.identity
    return {
      clock,
      entropy: this.world.entropy.stream(`host/${this.name}/${this.life}`),
      network: this.network,
      disk: new DiskHandle(this),
      processes: new SimulatedProcesses(this),
      cells: new SimulatedCells(this),
      workspace: new SimulatedWorkspace(this),
      secretFiles: new SimulatedSecretFiles(this, this.secretFilesMissing),
      blobs: new SimulatedBlobs(this),
      web: new SimulatedWeb(this),
      functions: new SimulatedFunctions(this),
      telemetry: new SimulatedTelemetry(this, clock),
      speed: new SimulatedSpeedGauge(this),
      engine: new SimulatedEngine(this),
      log: new TracedLog(this),
      signer,
      verify,
      trust: simulatedTrust,
      keyOf,
      get credential() {
        return simulatedCredential(keyOf(signer.id), name)
      },
    }
  }

  private run(main: Main, ports: HostPorts): void {
    const { life } = this
    const keep = (program: Stoppable | undefined) => {
      if (this.life === life) this.program = program
    }
    const started = main(ports)
    if (!(started instanceof Promise)) return keep(started ?? undefined)
    started.then(
      (program) => keep(program ?? undefined),
      (error: unknown) => {
        if (this.life !== life) return
        this.world.fail(new HappeningError(this.world.nowMs, this.name, 'boot', error))
      },
    )
  }

  /** Puts on record what is no event of its own. */
  note(kind: EventKind, what: string): void {
    const { trace, nowMs } = this.world
    trace.event(nowMs, this.index, kind, hashOfText(what))
    trace.sink?.({ atMs: nowMs, host: this.name, kind, text: what })
  }
}
