/**
 * One agent, in either world: its ports are given to it. It puts the parts together, starts and
 * stops them in order, and is the face that the coordinator's folder sees of an agent.
 *
 * Base parts (disk, network, membership, calls, journal) live as long as the agent; everything
 * else is a module that can fail, restart and be stopped on its own.
 */

import { grantIn } from '../protocol/identity/certificate.ts'
import type { Trust } from '../protocol/identity/credential.ts'
import type { PeerId } from '../protocol/identity/peer-id.ts'
import type { Revoked } from '../protocol/identity/revocation.ts'
import type { Profile } from '../protocol/membership/digest.ts'
import type { MembershipEvent } from '../protocol/membership/outbox.ts'
import type { Log } from '../protocol/ports/log.ts'
import type { HostFacts } from '../protocol/ports/telemetry.ts'
import { helloOf } from '../protocol/wire/versions.ts'
import { Releasing } from './artifacts/releasing.ts'
import { ArtifactStore } from './artifacts/store.ts'
import { HeadKeeper } from './audit/head-keeper.ts'
import { StopRecording } from './estop/recording.ts'
import { EmergencyStop } from './estop/service.ts'
import { Visits } from './estop/visits.ts'
import type { AgentPorts, AgentSettings } from './given.ts'
import { RunHistory } from './history/history.ts'
import { historyDefaults } from './history/limits.ts'
import { Doorway } from './joining/doorway.ts'
import { Journal } from './journal/journal.ts'
import { tellArtifacts, tellMembership, tellModule, tellRefusal, tellStop } from './journal/tell.ts'
import { tellRevoked } from './journal/tell-trust.ts'
import { tellWarnings } from './journal/tell-warnings.ts'
import { LabelStore } from './labels.ts'
import { Learning } from './learning/learning.ts'
import { speedTimes } from './learning/limits.ts'
import { LedgerReporter } from './ledger/reporter.ts'
import { claimsAmong, lagAmong } from './ledger/rumours.ts'
import { LedgerService } from './ledger/service.ts'
import { MembershipService } from './membership/service.ts'
import { ModuleGraph } from './modules/graph.ts'
import type { ModuleSpec } from './modules/module.ts'
import { Outlook } from './outlook.ts'
import { ownModules } from './own-modules.ts'
import { Calls } from './requests/calls.ts'
import { HostWatch } from './telemetry/host-watch.ts'
import { loadRecordOf } from './telemetry/load-record.ts'
import { Sampler } from './telemetry/sampler.ts'
import { Greeting } from './trust/greeting.ts'
import { heedRevocations } from './trust/heeding.ts'
import { RevocationSpread } from './trust/revocation-spread.ts'
import { Revocations } from './trust/revocations.ts'
import { TrustedNetwork } from './trust/trusted-network.ts'
import { AGENT_VERSION } from './version.ts'
import type { WorkSettings, WorkTuning } from './work/limits.ts'
import { COPY_SERVICE } from './work/logs/copy-wire.ts'
import { LogCopies } from './work/logs/log-copies.ts'
import { shipperBy } from './work/logs/log-shipping.ts'
import type { SecretSource } from './work/secrets/source.ts'
import type { DeskSettings } from './work/session.ts'
import { fitting } from './work/texts.ts'
import { WorkWire } from './work/wire.ts'
import { WorkDesk } from './work/work-desk.ts'

export class Agent {
  /** The network among them is the trusted one. */
  readonly ports: AgentPorts
  /** Peers of the mesh, each within its role. */
  readonly peers: TrustedNetwork
  readonly settings: AgentSettings
  /** What was taken back; `trust` with it is what this agent goes by. */
  readonly revocations: Revocations
  readonly journal: Journal
  readonly membership: MembershipService
  readonly calls: Calls
  readonly ledger: LedgerService
  readonly sampler: Sampler
  /** What this host warns of. */
  readonly watch: HostWatch
  /** What leaders and agents say about work; also for the leader on this host. */
  readonly workWire: WorkWire
  readonly work: WorkDesk
  /** What other hosts have sent of the logs of their attempts. */
  readonly logCopies: LogCopies
  /** What stages hand on. */
  readonly artifacts: ArtifactStore
  /** Runs that have ended. */
  readonly history: RunHistory
  /** What this host learns of its work, and learns with others. */
  readonly learning: Learning
  /** Heads of the audit log, as agents have signed them. */
  readonly auditHeads: HeadKeeper
  readonly estop: EmergencyStop
  readonly revocationSpread: RevocationSpread
  /** Where hosts that are not of the mesh yet ask to be let in. */
  readonly doorway: Doorway
  readonly modules: ModuleGraph
  readonly labels: LabelStore
  /** Opens secrets for the stages that run here; given by whoever keeps them. */
  secretSource: SecretSource | undefined
  readonly startedMs: number
  facts: HostFacts | undefined
  /** Called when an operator has asked the agent to leave and stop. */
  onLeave: () => void = () => {}
  /** Called when there may be something new in the namespaces that agents heed. */
  onHeeded: () => void = () => {}
  /** As they are now: some change while the agent runs. */
  private readonly workSettings: WorkSettings
  private readonly log: Log
  private readonly outlook: Outlook
  private readonly ledgerReporter: LedgerReporter
  private readonly releasing: Releasing
  private readonly stopRecording: StopRecording
  private readonly stopVisits: Visits
  private readonly greeting: Greeting

  /** `modules` are those of the caller's own, with the agent already there to be asked. */
  constructor(
    given: AgentPorts,
    settings: AgentSettings,
    modules: (agent: Agent) => readonly ModuleSpec[],
  ) {
    this.settings = settings
    this.workSettings = { ...settings.work }
    this.revocations = new Revocations(given, settings.trust)
    this.peers = new TrustedNetwork(given, {
      trust: this.trust,
      credential: settings.credential,
      keyOf: settings.keyOf,
      onRefused: (refusal) => tellRefusal(refusal, this.journal),
      farewellFor: (peer, issuer = '') =>
        this.revocations.wordOf(settings.keyOf(peer)) ?? this.revocations.wordOf(issuer),
      onFarewell: (word) => this.revocations.heard(word),
    })
    this.greeting = new Greeting(given.clock, (peer) => this.peers.meet(peer))
    const ports = { ...given, network: this.peers }
    this.ports = ports
    this.log = ports.log.child('agent')
    this.startedMs = ports.clock.now()
    this.journal = new Journal(ports)
    this.labels = new LabelStore(ports.disk, settings.labels)
    this.sampler = new Sampler(ports, settings.sampling)
    this.watch = new HostWatch({
      ...ports,
      means: (...asked) => this.sampler.means(...asked),
      newest: () => this.sampler.newest(),
      attempts: () => this.work.running,
      ...tellWarnings(() => this.membership, this.journal, ports.log),
    })
    this.calls = new Calls(ports, helloOf(AGENT_VERSION, settings.name))
    this.membership = new MembershipService(ports, {
      signer: settings.signer,
      verify: settings.verify,
      profile: this.describe(),
      bootstrap: settings.bootstrap,
      probeIntervalMs: settings.probeIntervalMs,
      onEvent: (event) => this.heard(event),
    })
    this.ledger = new LedgerService(
      ports,
      {
        id: settings.signer.id,
        hello: helloOf(AGENT_VERSION, settings.name),
        ranks: this.peers,
        timing: settings.ledgerTiming,
        limits: settings.ledgerLimits,
        witness: settings.witness,
        founding: settings.founding,
        gauges: {
          loopLagMs: ports.loopLagMs,
          lagOfPeerMs: (peer) => lagAmong(this.membership.members(), peer),
        },
        rumouredLeader: () => this.outlook.rumouredLeader().leader,
        claims: () => claimsAmong(this.membership.others()),
        onHeeded: () => {
          heedRevocations(this.ledger.state, this.revocations)
          this.onHeeded()
        },
        onEvent: (event) => {
          this.ledgerReporter.heard(event)
          this.followLeader()
        },
        onStop: (reason) => this.ledgerReporter.stoppedFor(reason),
      },
      this.calls,
    )
    this.outlook = new Outlook({
      membership: this.membership,
      ledger: this.ledger,
      peers: this.peers,
      isRevoked: (peer) => this.trust.isRevoked(settings.keyOf(peer)),
      meet: (peer) => this.greeting.wish(peer),
    })
    this.auditHeads = new HeadKeeper(ports, settings.signer, () =>
      this.membership.members().map(({ id, digest }) => ({ peer: id, head: digest.ledger?.audit })),
    )
    this.ledgerReporter = new LedgerReporter(
      this.ledger,
      this.membership,
      this.journal,
      ports.clock,
      this.auditHeads,
    )
    this.workWire = new WorkWire(
      ports,
      settings.signer.id,
      helloOf(AGENT_VERSION, settings.name),
      this.peers,
    )
    this.artifacts = new ArtifactStore(ports, {
      hello: helloOf(AGENT_VERSION, settings.name),
      limits: settings.artifacts,
      ...tellArtifacts(this.membership, this.journal, ports.log),
    })
    this.learning = new Learning({
      ...ports,
      calls: this.calls,
      signer: settings.signer,
      verify: settings.verify,
      name: settings.name,
      facts: () => this.facts,
      isBusy: () =>
        this.work.running + this.work.waiting > 0 ||
        (this.sampler.newest()?.sample.cpu ?? 1) > speedTimes.loadMax,
      state: () => this.ledger.state,
      leads: (peer, term) => this.outlook.leads(peer, term) === 'yes',
      isHost: (peer) => this.outlook.isHost(peer),
      others: () => this.outlook.othersAlive(),
      isCoordinator: (peer) => this.peers.isCoordinator(peer),
      mayAsk: () => grantIn(this.peers.credential.leaf)?.roles.includes('coordinator') === true,
    })
    this.releasing = new Releasing(ports, this.artifacts, this.ledger)
    this.logCopies = new LogCopies(ports, settings.work.logsAgeMs)
    this.calls.serve(COPY_SERVICE, this.logCopies.service)
    this.work = new WorkDesk(
      { ...ports, artifacts: this.artifacts },
      Object.assign(this.workSettings, {
        secrets: () => this.secretSource,
        leads: (peer, term) => this.outlook.leads(peer, term),
        host: () => ({
          cpu: this.facts?.coresUsable,
          memoryBytes: this.facts?.memoryUsableBytes,
        }),
        forbidden: (from, run) => this.estop.forbids(from, run),
        hasToldOfStops: (peer) => this.estop.hasHeardOf(peer),
        copies: shipperBy(this.calls, () => this.outlook.othersAlive()),
        lessons: {
          load: () => this.sampler.newest()?.sample.cpu,
          learn: (lesson) => this.learning.history.learn(lesson),
          notLearned: (error) => this.learning.history.notLearned(error),
        },
      } satisfies Omit<DeskSettings, keyof WorkSettings>),
      this.workWire,
    )
    this.estop = new EmergencyStop(ports, {
      self: settings.signer.id,
      hello: helloOf(AGENT_VERSION, settings.name),
      trust: this.trust,
      rules: { releasePeople: settings.stopReleasePeople ?? 1 },
      labels: () => this.labels.current(),
      halt: (isMeant, reason, mode) => this.work.halt(isMeant, reason, mode),
      still: () => ports.cells.still(),
      hurry: () => ports.cells.hurry(),
      alive: () => this.outlook.othersAlive(),
      heardOf: () => this.work.review(),
      ...tellStop(this.membership, this.journal, () => this.stopRecording.look()),
    })
    this.stopVisits = new Visits(ports, {
      estop: this.estop,
      credential: () => this.peers.credential,
      self: settings.signer.id,
      nodes: () =>
        this.membership
          .members()
          .map(({ id, state }) => ({ id, state, name: this.membership.nameOf(id) ?? id })),
    })
    this.doorway = new Doorway(ports, { credential: () => this.peers.credential })
    this.stopRecording = new StopRecording({
      clock: ports.clock,
      log: ports.log.child('estop'),
      self: settings.signer.id,
      core: () => this.estop.core,
      leads: () => this.ledger.leads,
      state: () => this.ledger.state,
      append: async (command, timeoutMs) => {
        const said = await this.ledger.append(command, { timeoutMs })
        return said.kind === 'applied' ? said.result.code : said.why
      },
      nameOf: (peer) => this.membership.nameOf(peer),
      alive: () => this.outlook.othersAlive(),
    })
    this.history = new RunHistory(ports, settings.runs ?? historyDefaults, {
      calls: this.calls,
      state: () => this.ledger.state,
      peers: () => this.outlook.holders(),
    })
    const own = ownModules({
      sampler: this.sampler,
      watch: this.watch,
      ledger: this.ledger,
      ledgerReporter: this.ledgerReporter,
      artifacts: this.artifacts,
      learning: this.learning,
      releasing: this.releasing,
      logCopies: this.logCopies,
      work: this.work,
      estop: this.estop,
      auditHeads: this.auditHeads,
      history: this.history,
      reportLoad: () => this.reportLoad(),
      followLeader: () => this.followLeader(),
    })
    this.modules = new ModuleGraph(ports, [...own, ...modules(this)], {
      onChange: (event) => tellModule(event, this.membership.self(), this.journal),
    })
    this.revocationSpread = new RevocationSpread(
      { ...ports, calls: this.calls, connected: () => this.peers.connected() },
      this.revocations,
    )
    this.revocations.onNews = (revoked) => {
      tellRevoked(revoked, this, ports.log)
      this.peers.lookAgain()
      this.revocationSpread.news(revoked.what)
    }
    ports.network.onConnection = (event) => {
      if (event.kind === 'connected') {
        this.revocationSpread.connected(event.peer)
        this.calls.resetBackoff(event.peer)
        this.workWire.connected(event.peer)
      }
      this.membership.connectionChanged(event)
      this.ledger.connectionChanged(event.peer, event.kind)
      this.estop.connectionChanged(event)
    }
  }

  get id(): PeerId {
    return this.settings.signer.id
  }

  /** Whom this agent takes for one of its mesh, as it knows it now. */
  get trust(): Trust {
    return this.revocations.trust
  }

  /** Who took that peer back, when and why; undefined where nobody did. */
  revokedPeer(peer: PeerId): Omit<Revoked, 'what'> | undefined {
    return this.revocations.find(this.settings.keyOf(peer))
  }

  /** Who took back the issuing key behind what this host shows; undefined where nobody did. */
  revokedIssuer(): Revoked | undefined {
    const { issuer } = this.peers.credential
    const what = issuer && grantIn(issuer)?.serial
    const told = what === undefined ? undefined : this.revocations.find(what)
    return what === undefined || told === undefined ? undefined : { what, ...told }
  }

  async start(): Promise<void> {
    await this.revocations.load()
    await this.labels.load()
    await this.estop.load()
    await this.journal.load()
    this.facts = await this.ports.telemetry.facts()
    await this.membership.start()
    // What was taken back is known, and the others can be told of by name.
    this.peers.begin()
    const own = this.revokedPeer(this.id)
    if (own) tellRevoked({ what: this.settings.keyOf(this.id), ...own }, this, this.ports.log)
    const issuer = this.revokedIssuer()
    if (issuer) tellRevoked(issuer, this, this.ports.log)
    this.revocationSpread.start()
    this.membership.describe(this.describe())
    this.workWire.open()
    this.estop.open()
    this.stopVisits.open()
    await this.modules.startAll()
    this.log.info('agent started', { id: this.id, name: this.settings.name })
  }

  /** Stops in good order. The others will call this node dead unless it left first. */
  async stop(): Promise<void> {
    await this.modules.stopAll()
    this.membership.stop()
    this.workWire.close()
    this.stopRecording.stop()
    this.stopVisits.close()
    this.estop.close()
    this.revocationSpread.stop()
    this.calls.close()
    this.peers.stop()
    this.log.info('agent stopped')
  }

  async leave(): Promise<void> {
    this.log.info('leaving the mesh')
    await this.membership.leave()
    this.onLeave()
  }

  async changeLabels(set: Record<string, string>, remove: readonly string[]): Promise<void> {
    await this.labels.change(set, remove)
    this.estop.labelsChanged()
    this.membership.describe(this.describe())
  }

  /** What an operator has changed of work: obeyed from now on, and told to the others. */
  retuneWork(tuning: WorkTuning): void {
    Object.assign(this.workSettings, tuning)
    this.logCopies.keepFor(tuning.logsAgeMs)
    this.work.retuned()
    this.membership.describe(this.describe())
  }

  private describe(): Omit<Profile, 'owner' | 'incarnation'> {
    return {
      name: this.settings.name,
      addresses: this.ports.network.addresses(),
      labels: this.labels.current(),
      agentVersion: AGENT_VERSION,
      platform: this.facts ? `${this.facts.platform}-${this.facts.arch}` : 'unknown',
      cores: Math.max(1, Math.round(this.facts?.coresUsable ?? 1)),
      memoryBytes: this.facts?.memoryUsableBytes ?? 0,
      attemptsMax: this.workSettings.enabled ? this.workSettings.attemptsMax : 0,
      ...this.lacking(),
    }
  }

  private lacking(): Pick<Profile, 'noSandbox' | 'noSecretFiles'> {
    const rule = this.ports.cells.rules().find(({ name }) => name === 'sandbox')
    const { missing } = this.ports.secretFiles
    const without = this.workSettings.sandbox === 'none' ? 'work.sandbox is none' : rule?.missing
    return {
      ...(without === undefined ? {} : { noSandbox: fitting(without, 160) }),
      ...(missing === undefined ? {} : { noSecretFiles: fitting(missing, 160) }),
    }
  }

  private reportLoad(): void {
    // The ledger may have taken somebody's certificate back.
    this.peers.lookAgain()
    const reading = this.sampler.newest()
    if (!reading || !this.facts) return
    const lagMs = this.ports.loopLagMs()
    const load = loadRecordOf(reading.sample, this.facts, lagMs, this.watch.kinds())
    this.membership.report(load, this.work.running)
    this.followLeader()
  }

  /** Whom results go to, until a leader speaks for itself. */
  private followLeader(): void {
    const { leader, term } = this.outlook.leader()
    if (leader !== undefined) this.work.leaderKnown(leader, term)
  }

  private heard(event: MembershipEvent): void {
    tellMembership(event, this.membership, this.journal, this.log)
  }
}
