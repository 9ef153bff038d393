/** What an agent is given: its ports, and how it is set. */
import type { Engine } from '../models/engine.ts'
import type { Limits, Timing } from '../protocol/consensus/limits.ts'
import type { Credential, Trust } from '../protocol/identity/credential.ts'
import type { PeerId, Signer, Verify } from '../protocol/identity/peer-id.ts'
import type { Blobs } from '../protocol/ports/blobs.ts'
import type { Cells } from '../protocol/ports/cells.ts'
import type { Clock } from '../protocol/ports/clock.ts'
import type { Disk } from '../protocol/ports/disk.ts'
import type { Entropy } from '../protocol/ports/entropy.ts'
import type { Functions } from '../protocol/ports/functions.ts'
import type { Log } from '../protocol/ports/log.ts'
import type { Network } from '../protocol/ports/network.ts'
import type { SecretFiles } from '../protocol/ports/secret-files.ts'
import type { SpeedGauge } from '../protocol/ports/speed.ts'
import type { Telemetry } from '../protocol/ports/telemetry.ts'
import type { Web } from '../protocol/ports/web.ts'
import type { Workspace } from '../protocol/ports/workspace.ts'
import type { StoreLimits } from './artifacts/limits.ts'
import type { HistorySettings } from './history/limits.ts'
import type { LedgerWitness } from './ledger/witness.ts'
import type { Founding } from './ports/founding.ts'
import type { SamplingSettings } from './telemetry/limits.ts'
import type { WorkSettings } from './work/limits.ts'

export interface AgentPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  disk: Disk
  telemetry: Telemetry
  speed: SpeedGauge
  /** Where models run. */
  engine: Engine
  blobs: Blobs
  cells: Cells
  functions: Functions
  web: Web
  workspace: Workspace
  secretFiles: SecretFiles
  log: Log
  /** 99th percentile of the event loop's lag over the last seconds. */
  loopLagMs: () => number
}

export interface AgentSettings {
  signer: Signer
  /** How the signatures of others are judged. */
  verify: Verify
  /** Whom this agent takes for one of its mesh, and what it shows to be taken for one. */
  trust: Trust
  credential: Credential
  /** The key behind a peer's id: the id itself, but in worlds whose ids are made up. */
  keyOf: (peer: PeerId) => PeerId
  name: string
  /** What people call the mesh; two meshes with one name are still two. */
  mesh: string
  labels: Readonly<Record<string, string>>
  bootstrap: readonly string[]
  probeIntervalMs: number
  /** How long the ledger waits for a leader that has fallen silent. */
  ledgerTiming: Timing
  ledgerLimits: Limits
  /** Looks over the ledger's shoulder: for simulations. */
  witness?: LedgerWitness
  /** The mesh was made on this host: its ledger begins here, at the first start. */
  founding: Founding
  sampling: SamplingSettings
  work: WorkSettings
  artifacts: StoreLimits
  /** How many different people release a stop of the whole mesh. */
  stopReleasePeople?: number
  /** How long runs that have ended are kept here. */
  runs?: HistorySettings
  /** Shown to people; the agent itself only knows its disk. */
  dataDirectory: string
}
