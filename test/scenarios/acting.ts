/** Commands that ask something of a core: to stand, to take a proposal, to change who decides. */
import type { ReadMode } from '../../protocol/consensus/core.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { describePosition } from '../../simulations/readable/entries.ts'
import type { Arguments } from './arguments.ts'
import type { Act } from './commands.ts'
import type { Host } from './host.ts'
import { memberOf } from './setting-up.ts'
import type { Stage } from './stage.ts'

/** A host that does not stand within so many wakings never will. */
const wakingsMax = 10

export const acting: Record<string, Act> = {
  campaign: (stage, args) => {
    for (const host of args.hosts(0)) campaign(stage, host)
  },
  elect: (stage, args) => {
    const host = args.host(0)
    const others = stage.running.filter((other) => other !== host)
    for (const other of others) other.clockMs += other.options.timing.electionMs
    campaign(stage, host)
    stage.stabilize([...stage.hosts.values()])
    if (!host.running.leads) throw new Error(`${host.id} is not elected`)
  },
  propose,
  reconfigure,
  'transfer-leader': (stage, args) => {
    const host = args.host(0)
    tell(stage, host, host.running.transfer(args.host(1).id, host.clockMs))
  },
  resign: (_, args) => {
    const host = args.host(0)
    host.running.resign(host.clockMs)
  },
  read: (stage, args) => {
    const host = args.host(0)
    const mode = args.word(1, 'safe or lease')
    if (mode !== 'safe' && mode !== 'lease') throw new Error(`no way to read: ${mode}`)
    read(stage, host, mode)
  },
  'report-unreachable': (_, args) => {
    const host = args.host(0)
    host.running.unreachable(args.host(1).id, host.clockMs)
  },
  'report-reachable': (_, args) => {
    const host = args.host(0)
    host.running.reachable(args.host(1).id, host.clockMs)
  },
}

function campaign(stage: Stage, host: Host): void {
  for (let waking = 0; waking < wakingsMax; waking++) {
    const { wakeAtMs } = host.running
    if (wakeAtMs === Number.POSITIVE_INFINITY) return stage.print(`${host.id} may not stand`)
    const before = host.running.status()
    stage.wake(host, wakeAtMs)
    const { role, term } = host.running.status()
    if (role !== 'follower' && (role !== before.role || term !== before.term)) return
    if (before.role !== 'follower' && role === before.role && role !== 'leader') return
    stage.processReady(host)
  }
  throw new Error(`${host.id} does not stand`)
}

/** `propose n1 a b`: two proposals at once. `bytes=` makes each that long. */
function propose(stage: Stage, args: Arguments): void {
  const host = args.host(0)
  const bytes = args.numberOption('bytes')
  const proposals = args.words.slice(1).map((word) => {
    const text = bytes === undefined ? word : word.padEnd(bytes, '.')
    return { data: Buffer.from(text) }
  })
  tell(stage, host, host.running.propose(proposals, host.clockMs))
}

/** Says who is to vote and learn in the end; the core finds the way. */
function reconfigure(stage: Stage, args: Arguments): void {
  const host = args.host(0)
  const { config, configIndex } = host.running.status()
  const basedOn = args.numberOption('basedOn') ?? configIndex
  const present = (id: PeerId) => ({ id, storage: storageOf(stage, id) })
  const voters = args.peersOption('voters')?.map(present) ?? config.voters
  const learners = args.peersOption('learners')?.map(present) ?? config.learners
  tell(stage, host, host.running.reconfigure({ voters, learners }, basedOn, host.clockMs))
}

/** The disk that a host has now. */
function storageOf(stage: Stage, id: PeerId): number {
  return stage.hosts.get(id)?.disk.storage ?? memberOf(id).storage
}

function read(stage: Stage, host: Host, mode: ReadMode): void {
  const id = stage.nextReadOf(host)
  const outcome = host.running.read(id, mode, host.clockMs)
  if (outcome.ok) stage.print(`read ${id} is asked`)
  else {
    host.reads.delete(id)
    tell(stage, host, outcome)
  }
}

type Outcome =
  | { ok: true; index?: number; term?: number }
  | { ok: false; reason: string; leader: string | undefined }

function tell(stage: Stage, host: Host, outcome: Outcome): void {
  if (!outcome.ok) {
    const whom = outcome.leader === host.id ? '' : `, leader ${outcome.leader ?? 'unknown'}`
    stage.print(`refused: ${outcome.reason}${whom}`)
  } else if (outcome.index !== undefined && outcome.term !== undefined)
    stage.print(`at ${describePosition({ index: outcome.index, term: outcome.term })}`)
}
