/** The parts of a desk, put together for one life: from a start to the next stop. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Cells } from '../../protocol/ports/cells.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Functions } from '../../protocol/ports/functions.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { SecretFiles } from '../../protocol/ports/secret-files.ts'
import type { Web } from '../../protocol/ports/web.ts'
import type { Workspace } from '../../protocol/ports/workspace.ts'
import type { Refused } from '../../protocol/work/attempt.ts'
import { Admission, type Executors } from './admission.ts'
import { AttemptBook } from './book.ts'
import { Execution, type Lessons } from './execution.ts'
import type { AttemptArtifacts } from './files.ts'
import { Intake } from './intake.ts'
import { LeaderWatch } from './leader.ts'
import type { WorkSettings } from './limits.ts'
import { LogShelf } from './logs/log-shelf.ts'
import { LogShipping, type Shipper } from './logs/log-shipping.ts'
import { Notebook } from './notebook.ts'
import { Register } from './register.ts'
import { Reports } from './reports.ts'
import type { SecretSource } from './secrets/source.ts'
import { Containers } from './steps/containers.ts'
import { FunctionCalls } from './steps/functions.ts'
import { Programs } from './steps/programs.ts'
import { Requests } from './steps/requests.ts'
import { type Capacity, Turnstile } from './turnstile.ts'
import type { Leading } from './unproven.ts'
import type { WorkWire } from './wire.ts'

export interface WorkPorts {
  clock: Clock
  entropy: Entropy
  disk: Disk
  cells: Cells
  functions: Functions
  web: Web
  workspace: Workspace
  secretFiles: SecretFiles
  /** What stages hand on; not a port, but a neighbour. */
  artifacts: AttemptArtifacts
  log: Log
}

export interface DeskSettings extends WorkSettings {
  /** Where secrets come from; an agent without refuses stages that need one. */
  secrets?: () => SecretSource | undefined
  /** Whether that peer leads in that term, by the ledger's word. */
  leads(peer: PeerId, term: number): Leading
  /** Whether it has said which emergency stops it knows; where it has not, it is asked. */
  hasToldOfStops?(peer: PeerId): boolean
  /** What attempts may set aside; undefined figures are not known yet, and limit nothing. */
  host(): Omit<Capacity, 'attempts'>
  /** Told of each attempt that has ended. */
  lessons?: Lessons
  /** Who keeps copies of what attempts write, should this host die; an agent without keeps to itself. */
  copies?: Shipper
  /** Why nothing of that run may begin here now, asked before all else. */
  forbidden?(from: PeerId, run: string): Refused | undefined
}

/** What lives from one start to the next stop. */
export interface Session {
  leader: LeaderWatch
  readonly notebook: Notebook
  readonly book: AttemptBook
  readonly shelf: LogShelf
  readonly shipping: LogShipping | undefined
  readonly register: Register
  readonly reports: Reports
  readonly turnstile: Turnstile
  readonly admission: Admission
  readonly intake: Intake
  readonly execution: Execution
}

export function newSession(
  ports: WorkPorts,
  settings: DeskSettings,
  executors: Executors,
  send: WorkWire['send'],
): Session {
  const notebook = new Notebook(ports, (error) =>
    ports.log.warn('not cleared away', { why: String(error) }),
  )
  const book = new AttemptBook(notebook, ports)
  const shelf = new LogShelf(ports, settings, notebook)
  const { copies } = settings
  const shipping = copies && new LogShipping(ports.clock, copies, () => shelf.openLogs())
  const register = new Register()
  const turnstile = new Turnstile(() => ({ attempts: settings.attemptsMax, ...settings.host() }))
  const reports = new Reports(ports, { leader: () => session.leader.peer, send })
  const parts = { executors, book, shelf, shipping, register, reports, turnstile }
  const execution = new Execution(ports, parts, () => settings.secrets?.(), settings.lessons)
  const session: Session = {
    notebook,
    leader: new LeaderWatch(0),
    book,
    shelf,
    shipping,
    register,
    reports,
    turnstile,
    admission: new Admission(settings, ports.secretFiles, executors, turnstile, reports),
    intake: new Intake(ports, { book, register, reports, execution }),
    execution,
  }
  return session
}

export function executorsOf(ports: WorkPorts, settings: WorkSettings): Executors {
  const { environment, containerEngine, user } = settings
  const rule = () => settings.sandbox ?? 'auto'
  return {
    script: new Programs('script', ports, environment, rule),
    program: new Programs('program', ports, environment, rule),
    http: new Requests(ports.web),
    function: new FunctionCalls(ports, environment, user),
    container: new Containers(ports, containerEngine, environment),
  }
}
