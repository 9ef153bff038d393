/** Commands that make hosts, stop and start them, and harm their disks and wires. */
import { limits, timing } from '../../protocol/consensus/limits.ts'
import {
  type Config,
  type Entry,
  entryKind,
  type Member,
} from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { checksumOf } from '../../simulations/consensus/machine.ts'
import { SimDisk } from '../../simulations/consensus/sim-disk.ts'
import type { Arguments } from './arguments.ts'
import type { Act } from './commands.ts'
import { Host, type HostOptions } from './host.ts'
import type { Stage } from './stage.ts'

const none: Config = { voters: [], outgoing: [], learners: [] }

/** The number of a disk is its host's; a disk in its place has another. */
export const memberOf = (id: PeerId): Member => ({ id, storage: Number(id.slice(1)) })
const secondDisk = 100

export const settingUp: Record<string, Act> = {
  'add-nodes': addNodes,
  start: (stage, args) => {
    for (const host of args.hosts(0)) stage.start(host)
  },
  crash: (stage, args) => {
    const kept = args.numberOption('kept') ?? 0
    for (const host of args.hosts(0)) stage.crash(host, kept)
  },
  restart: (stage, args) => {
    const kept = args.numberOption('kept') ?? 0
    for (const host of args.hosts(0)) {
      stage.crash(host, kept)
      stage.start(host)
    }
  },
  compact: (stage, args) => {
    for (const host of args.hosts(0)) compact(stage, host)
  },
  wipe: (stage, args) => {
    const host = args.host(0)
    stage.crash(host, 0)
    host.disk = new SimDisk(host.disk.storage + secondDisk, none)
    stage.start(host)
  },
  damage: (stage, args) => {
    const host = args.host(0)
    stage.crash(host, 0)
    host.disk.damageFrom(args.numberOption('from') ?? 1)
    stage.start(host)
  },
  cut: (stage, args) => {
    const [first, ...others] = args.hosts(0)
    const cutOff = others.length > 0 ? others : [...stage.hosts.values()]
    for (const other of cutOff) if (first && other !== first) stage.wire.cut(first.id, other.id)
  },
  heal: (stage) => stage.wire.heal(),
  chance: (_, args) => {
    args.host(0).chance = args.number(1, 'a chance')
  },
}

/** Members found the mesh together; a node that is no member begins blank. */
function addNodes(stage: Stage, args: Arguments): void {
  const count = args.number(0, 'how many')
  const first = stage.hosts.size + 1
  const ids = Array.from({ length: count }, (_, i) => `n${first + i}` as PeerId)
  const learners = args.peersOption('learners') ?? []
  const voters =
    args.peersOption('voters') ?? (first === 1 ? ids.filter((id) => !learners.includes(id)) : [])
  const founders: Config = {
    voters: voters.map(memberOf),
    outgoing: [],
    learners: learners.map(memberOf),
  }
  const options = optionsOf(args)
  const log = logOf(args.option('log') ?? '')
  const term = args.numberOption('term') ?? log.at(-1)?.term ?? 0
  const commit = args.numberOption('commit') ?? 0
  for (const id of ids) {
    const host = new Host(id, memberOf(id).storage, founders, options)
    if (log.length > 0) host.disk.load(log, term)
    host.disk.hardState = { ...host.disk.hardState, term, commit }
    stage.hosts.set(id, host)
    stage.start(host)
  }
}

function optionsOf(args: Arguments): HostOptions {
  const hasteMs = args.numberOption('hasteMs')
  const limit = (name: keyof typeof limits) => args.numberOption(name) ?? limits[name]
  return {
    timing: { ...timing, ...(hasteMs === undefined ? {} : { hasteMs }) },
    limits: {
      ...limits,
      // All get all at once: a trace tells what is said, not how it is spread.
      spareMs: 0,
      // Small traces: what is committed is told at once, and a compaction keeps nothing.
      commitNoticeMs: args.numberOption('commitNoticeMs') ?? 0,
      logTailBytes: args.numberOption('logTailBytes') ?? 0,
      inflightAppendsMax: limit('inflightAppendsMax'),
      appendBytesMax: limit('appendBytesMax'),
      inflightBytesMax: limit('inflightBytesMax'),
      snapshotChunkBytes: limit('snapshotChunkBytes'),
      backlogBytesMax: limit('backlogBytesMax'),
      promotionLagEntriesMax: limit('promotionLagEntriesMax'),
    },
    asyncDisk: args.option('disk') === 'async',
    chance: args.numberOption('chance') ?? 0.5,
  }
}

/** `log=1,1,3`: the terms of entries that an earlier life has written. */
function logOf(text: string): Entry[] {
  const terms = text === '' ? [] : text.split(',').map(Number)
  return terms.map((term, i) => ({
    term,
    kind: entryKind.normal,
    data: Buffer.from(`old ${i + 1}`),
  }))
}

/** A snapshot of what has been applied is on the disk, and the log gives up what it covers. */
function compact(stage: Stage, host: Host): void {
  const position = host.running.snapshotPosition(host.machine.index)
  if (position === undefined) throw new Error('nothing to compact')
  const data = host.machine.snapshot()
  const meta = { ...position, bytes: data.length, checksum: checksumOf(data) }
  const batch = { own: meta, data }
  host.disk.write(batch)
  host.disk.sync(batch)
  host.running.snapshotTaken(meta)
  stage.processReady(host)
}
