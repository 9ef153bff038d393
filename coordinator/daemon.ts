/**
 * `skein agent run`: one agent as a process. Reads its configuration, takes its data directory,
 * puts real ports under the agent and the control API on top, and ends with the right exit code
 * and one clear line when it cannot.
 */

import { hostname } from 'node:os'
import { join } from 'node:path'
import { Agent } from '../agent/agent.ts'
import { storeLimits } from '../agent/artifacts/limits.ts'
import type { LiveConfig } from '../agent/config/live.ts'
import { noMeshValues } from '../agent/config/mesh.ts'
import type { Config } from '../agent/config/schema.ts'
import type { FlagValue } from '../agent/config/source.ts'
import { answerLetter, EPOCH_NOTE, highestEpoch } from '../agent/estop/letters.ts'
import { rehearsalModule } from '../agent/estop/rehearsal.ts'
import { startHttp } from '../agent/http/listener.ts'
import { withPlainEndpoints } from '../agent/http/plain-endpoints.ts'
import { refusedUnasked } from '../agent/http/refusals.ts'
import type { TlsSource } from '../agent/http/tls.ts'
import { ledgerTiming } from '../agent/ledger/limits.ts'
import { descriptorTarget, type LeveledLog, type LogTarget, openLog } from '../agent/log/log.ts'
import type { ModuleSpec } from '../agent/modules/module.ts'
import { ListenFailed } from '../agent/network/errors.ts'
import { type RunningNetwork, startNetwork } from '../agent/network/start.ts'
import { SwarmKeys } from '../agent/network/swarm-keys.ts'
import { FileBlobs } from '../agent/ports/blobs/blobs.ts'
import { BufferRelief, systemBuffers } from '../agent/ports/buffer-relief.ts'
import { nurseryLanguages, SystemCells } from '../agent/ports/cells/cells.ts'
import { SystemClock } from '../agent/ports/clock.ts'
import { DataDirectory } from '../agent/ports/data-directory.ts'
import { SystemEntropy } from '../agent/ports/entropy.ts'
import { claimFounding } from '../agent/ports/founding.ts'
import { SystemFunctions } from '../agent/ports/functions/functions.ts'
import { restingHeap, systemHeap } from '../agent/ports/heap-rest.ts'
import { ProcessEngine } from '../agent/ports/inference/engine.ts'
import { Letterbox } from '../agent/ports/letterbox.ts'
import { blobLimits } from '../agent/ports/limits.ts'
import { LoopLagMonitor } from '../agent/ports/loop-lag.ts'
import { serviceNotices } from '../agent/ports/sd-notify.ts'
import { memoryPlaces, openSecretFiles } from '../agent/ports/secret-files.ts'
import { issuerFile } from '../agent/ports/secrets.ts'
import { ProcessSpeedGauge } from '../agent/ports/speed/gauge.ts'
import { openTelemetry } from '../agent/ports/telemetry.ts'
import { SystemWeb } from '../agent/ports/web.ts'
import { SystemWorkspace } from '../agent/ports/workspace.ts'
import { streamLimits } from '../agent/stream-limits.ts'
import { topicRules } from '../agent/trust/purposes.ts'
import { limits } from '../protocol/consensus/limits.ts'
import { exitCodes } from '../protocol/exit-codes.ts'
import { shortMeshId } from '../protocol/identity/mesh-id.ts'
import { type PeerId, signerFromSeed, verify } from '../protocol/identity/peer-id.ts'
import type { Log } from '../protocol/ports/log.ts'
import { Problem } from '../protocol/problem.ts'
import { stackOf } from '../protocol/thrown.ts'
import { SignedDoor } from './api/door.ts'
import { rehearseSaying } from './api/estop-rehearsal.ts'
import { metricsOf } from './api/gauges.ts'
import { guardOf } from './api/guard.ts'
import { ControlApi, type ControlApiParts } from './api/handlers.ts'
import { standingOf } from './api/health.ts'
import { gateOf } from './api/ledger-gate.ts'
import { refusedBy } from './api/queries.ts'
import { RefusalWatch } from './audit/refusal-watch.ts'
import { liveConfig, readConfig } from './cli/config-file.ts'
import { stateDirectory } from './cli/where.ts'
import { ConfigDesk } from './config/desk.ts'
import { keptVersion } from './config/kept.ts'
import type { Version } from './config/rows.ts'
import { runsOf, samplingOf, tunersOf } from './config/tuners.ts'
import { coordinationOf } from './coordination.ts'
import { apiTls } from './host/api-tls.ts'
import { membershipOf } from './host/own-credential.ts'
import { ownSwarmKey, swarmKeyIn } from './host/own-swarm-key.ts'
import { issuingSeedIn, keepCredential, seedIn } from './host/peer-files.ts'
import { cellsDirectory, holdingOfStages, workSettingsOf } from './host/stages.ts'
import { SwarmDesk } from './swarm/desk.ts'
import { type SwarmDoor, SwarmHold, takenOf } from './swarm/hold.ts'

export interface AgentRunOptions {
  config?: string
  flags: Readonly<Record<string, FlagValue>>
  /** Parts of the caller's own, beside those of every agent. */
  modules?: (agent: Agent) => readonly ModuleSpec[]
  /** Names our sources in a line of the log that names those of a packed agent. */
  nameSources?: (line: string) => string
}

const STDERR = 2
/** Of an agent's id: enough to tell the agents of one host apart. */
export const OWNER_LETTERS = 12

/** Runs until told to stop. Rejects with a `Problem` when the agent cannot start. */
export async function runAgent(options: AgentRunOptions): Promise<number> {
  const { dataDirectory, network, store } = readConfig(options)
  const clock = new SystemClock()
  const terminal = process.stderr.isTTY === true
  const errors = descriptorTarget(STDERR, { terminal, colour: terminal && !process.env.NO_COLOR })
  const nameSources = options.nameSources ?? ((line) => line)
  const to: LogTarget = { ...errors, write: (line) => errors.write(nameSources(line)) }
  // Said before anything is made.
  swarmKeyIn(network.swarmKeyFile)
  const directory = await DataDirectory.open(dataDirectory, store.keyFile)
  try {
    const kept = await keptVersion(directory.disk)
    const configured = liveConfig(options, kept ?? noMeshValues)
    const log = await openLog({ clock }, { ...configured.config.log, to })
    failLoudly(log)
    return await live({ clock, log, directory, configured, kept }, options.modules)
  } finally {
    await directory.close()
    clock.close()
  }
}

interface Base {
  clock: SystemClock
  log: LeveledLog
  directory: DataDirectory
  configured: LiveConfig
  /** What was set for the mesh when this host was there last. */
  kept: Version | undefined
}

async function live(base: Base, modules: AgentRunOptions['modules']): Promise<number> {
  const { clock, log, directory, configured } = base
  const { config } = configured
  const seed = await seedIn(directory.secrets)
  const signer = signerFromSeed(seed)
  const saysSandbox = configured.sourceOf('work.sandbox') !== 'mesh'
  const holding = await holdingOfStages(config, [stateDirectory(process.env)], saysSandbox)
  const { user } = holding
  const founding = claimFounding(config.network.swarmKeyFile, signer.id)
  const own = await membershipOf(config, directory.secrets, signer.id, founding)
  let agent: Agent | undefined
  const credential = () => agent?.peers.credential ?? own.credential
  const tls = apiTls(config.api, { clock, log }, { seed, credential })
  const issuer = await issuingSeedIn(directory.secrets)
  const swarm = await ownSwarmKey(config.network.swarmKeyFile, directory.secrets, log)
  const relief = new BufferRelief(systemBuffers())
  const network = await startNetwork({
    privateKeySeed: seed,
    swarmKey: new SwarmKeys(takenOf(swarm.held)),
    mesh: own.trust.mesh,
    listen: config.network.listen,
    announce: config.network.announce,
    bootstrap: [],
    mdns: config.network.mdns,
    topics: Object.keys(topicRules),
    purposes: streamLimits,
    limits: { connectionsMax: config.network.connectionsMax },
    heeds: (peer) => agent?.peers.holderOf(peer) !== undefined,
    onDiscovered: (peer, addresses) => {
      if (peer) agent?.membership.discovered(peer, addresses)
    },
    onReceived: (bytes) => relief.received(bytes),
    log,
  }).catch((error: unknown) => {
    throw networkProblem(error)
  })
  const telemetry = openTelemetry(clock, directory.path)
  const lag = new LoopLagMonitor(clock)
  const owner = signer.id.slice(-OWNER_LETTERS)
  const engine = new ProcessEngine()
  const cells = new SystemCells(cellsDirectory(config, user), owner, nurseryLanguages, holding)
  const ports = {
    clock,
    entropy: new SystemEntropy(),
    network,
    disk: directory.disk,
    telemetry: restingHeap(
      telemetry,
      systemHeap(),
      () => agent?.ledger.state.index ?? 0,
      () => agent !== undefined && agent.work.running > 0,
    ),
    speed: new ProcessSpeedGauge(directory.path),
    engine,
    blobs: new FileBlobs(join(directory.path, 'artifacts'), blobLimits, user),
    cells,
    functions: new SystemFunctions(),
    web: new SystemWeb(),
    workspace: new SystemWorkspace(config.work.directory, user),
    secretFiles: await openSecretFiles(owner, memoryPlaces(process.env), user),
    log,
    loopLagMs: () => lag.read().p99Ms,
  }
  const settings = {
    signer,
    verify,
    name: config.node.name,
    mesh: shortMeshId(own.trust.mesh),
    ...own,
    keyOf: (peer: PeerId) => peer,
    labels: config.node.labels,
    bootstrap: config.network.bootstrap,
    probeIntervalMs: config.membership.probeInterval,
    ledgerTiming,
    ledgerLimits: limits,
    founding,
    stopReleasePeople: config.estop.releasePeople,
    sampling: samplingOf(config),
    work: workSettingsOf(config, user),
    artifacts: { ...storeLimits, quotaBytes: config.artifacts.quota },
    runs: runsOf(config),
    dataDirectory: directory.path,
  }
  const swarmHold = new SwarmHold(ports, signer, swarmDoor(network, swarm.keep), swarm.held)
  const gateway: Gateway = { problem: undefined, tls }
  let archiveAfterMs = config.history.runsArchiveAfter
  agent = new Agent(ports, settings, (it) => {
    const tuners = tunersOf(it, {
      setLevel: (level) => log.setLevel(level),
      archiveAfter: (afterMs) => {
        archiveAfterMs = afterMs
      },
    })
    const meshConfig = new ConfigDesk(it, configured, tuners, base.kept)
    const coordination = coordinationOf(it, () => archiveAfterMs, {
      issuer,
      forgetIssuer: () => directory.secrets.remove(issuerFile),
      keep: (renewed) => keepCredential(directory.secrets, renewed),
    })
    const desk = new SwarmDesk(it, coordination.secrets.meshKey, swarmHold)
    return [
      letterboxModule(it),
      gatewayModule(it, config, gateway, { ...coordination, swarm: desk, config: meshConfig }),
      ...coordination.modules,
      desk.module(),
      meshConfig.module(),
      rehearsalModule({
        ...ports,
        isBusy: () => it.work.running > 0 || it.estop.isAnyInForce,
        say: (person) => rehearseSaying(person, ports.clock),
      }),
      ...(modules?.(it) ?? []),
    ]
  })
  try {
    await agent.start()
    if (gateway.problem) throw gateway.problem
    const api = `http${gateway.tls ? 's' : ''}://${config.api.listen.host}:${config.api.listen.port}`
    log.child('agent').info('ready', { api, listen: network.addresses().join(' ') })
    const notices = serviceNotices(process.env)
    await notices.ready(`${settings.name} answers at ${api}`)
    await untilStopped(agent)
    await notices.stopping('leaving the mesh')
    await agent.stop()
    return exitCodes.done
  } finally {
    await network.stop()
    await engine.close()
    await cells.close()
    lag.close()
    telemetry.close()
  }
}

/** For stops, when neither the network nor the gateway works. Before anything that takes work. */
function letterboxModule(agent: Agent): ModuleSpec {
  let box: Letterbox | undefined
  let unfollow = () => {}
  return {
    name: 'letterbox',
    priority: 0,
    needs: [],
    start: async () => {
      const { estop, ports, settings } = agent
      const log = ports.log.child('letterbox')
      const opened = await Letterbox.open(
        settings.dataDirectory,
        (letter) => answerLetter(estop, ports.clock, letter),
        (error) => log.warn('the letterbox does not work', { why: String(error) }),
      )
      const note = (): void => void opened.note(EPOCH_NOTE, `${highestEpoch(estop)}\n`)
      box = opened
      unfollow = estop.follow(note)
      note()
    },
    stop: async () => {
      unfollow()
      await box?.close()
    },
  }
}

interface Gateway {
  /** Why the API could not be served at the first start: then the agent does not start either. */
  problem: Problem | undefined
  readonly tls: TlsSource | undefined
}

function gatewayModule(
  agent: Agent,
  config: Config,
  gateway: Gateway,
  parts: Omit<ControlApiParts, 'door'>,
): ModuleSpec {
  const open = config.api.metrics === 'loopback' ? ['/metrics'] : []
  const door = new SignedDoor(agent.trust, agent.ports, open)
  agent.ledger.guardAppends(gateOf(agent, door))
  const api = new ControlApi(agent, { ...parts, door })
  let listener: Awaited<ReturnType<typeof startHttp>> | undefined
  const refusing = {
    refusals: () => ({ ...door.refusals(), ...refusedUnasked(listener?.stats().refused ?? {}) }),
  }
  const handle = withPlainEndpoints(
    {
      metrics: metricsOf(agent, refusing),
      health: () => standingOf(agent, 'self'),
      ready: () => standingOf(agent, 'mesh'),
    },
    (request, signal) => api.answer(request, signal),
  )
  const watch = new RefusalWatch(agent, parts.audit, () => refusedBy(agent, refusing))
  return {
    name: 'gateway',
    priority: 3,
    needs: [],
    start: async () => {
      const { host, port } = config.api.listen
      try {
        const { log } = agent.ports
        const { tls } = gateway
        const secure = tls === undefined ? {} : { tls }
        const hosts = [hostname(), config.node.name, ...config.api.names]
        const guard = guardOf(door)
        door.open()
        listener = await startHttp({ host, port, log, guard, hosts, ...secure }, handle)
        gateway.problem = undefined
        watch.start()
      } catch (error) {
        if (error instanceof Problem) gateway.problem = error
        throw error
      }
    },
    stop: async () => {
      watch.stop()
      await listener?.close()
      listener = undefined
    },
  }
}

function untilStopped(agent: Agent): Promise<void> {
  return new Promise((resolve) => {
    agent.onLeave = resolve
    const stop = () => {
      process.off('SIGTERM', stop)
      process.off('SIGINT', stop)
      void agent.leave()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

function swarmDoor(network: RunningNetwork, keep: SwarmDoor['keep']): SwarmDoor {
  return {
    keep,
    take: (taken) => network.takeSwarmKeys(taken),
    dialledOnOlderKey: () => network.dialledOnOlderKey(),
    renew: (peer, signal) => network.renew(peer, signal),
  }
}

function networkProblem(error: unknown): unknown {
  if (!(error instanceof ListenFailed)) return error
  const exitCode = error.code === 'portTaken' ? exitCodes.conflict : exitCodes.usage
  const fix = remedies[error.code] ?? 'set network.listen to an address of this host'
  return new Problem({ code: error.code, why: error.message, fix, exitCode }, error)
}

const remedies: Readonly<Record<string, string>> = {
  portTaken: 'stop what listens there (ss -ltnp shows it), or set network.listen to another port',
  noPermission: 'set network.listen to a port above 1023, or run the agent as another user',
}

/** A bug ends the agent at once, with its stack in the log: others take over, and it is restarted. */
function failLoudly(log: Log): void {
  const fail = (kind: string) => (error: unknown) => {
    const why = stackOf(error)
    log.error(kind, { why })
    process.exit(exitCodes.failed)
  }
  process.on('uncaughtException', fail('uncaught error'))
  process.on('unhandledRejection', fail('unhandled rejection'))
}
