/** Ports of a host that say when an attempt comes to a point of its life at which much can go wrong. */
import { AttemptRecord, attemptPrefix } from '../../../agent/work/records.ts'
import type { Cells } from '../../../protocol/ports/cells.ts'
import type { Disk, DiskOp } from '../../../protocol/ports/disk.ts'
import { decode } from '../../../protocol/wire/codec.ts'
import type { HostPorts } from '../../world/host.ts'
import type { WorkMoment } from '../fault.ts'

/** `forgets`: what is written of attempts does not last; a host that must be caught. */
export function watchedPorts(
  ports: HostPorts,
  notice: (moment: WorkMoment) => void,
  forgets: boolean,
): HostPorts {
  const disk = watchedDisk(ports.disk, notice)
  return {
    ...ports,
    disk: forgets ? forgetful(disk) : disk,
    cells: watchedCells(ports.cells, notice),
  }
}

/** What it is told of attempts goes nowhere. */
function forgetful(disk: Disk): Disk {
  const isLasting = (op: DiskOp) => 'del' in op || !op.put.startsWith(attemptPrefix)
  return { ...disk, write: (batch, options) => disk.write(batch.filter(isLasting), options) }
}

function watchedDisk(disk: Disk, notice: (moment: WorkMoment) => void): Disk {
  return {
    get: (key) => disk.get(key),
    write: (batch, options) => {
      for (const op of batch) {
        const moment = momentOf(op)
        if (moment !== undefined) notice(moment)
      }
      return disk.write(batch, options)
    },
    scan: (range) => disk.scan(range),
    sync: () => disk.sync(),
    close: () => disk.close(),
    scrub: (prefix) => disk.scrub(prefix),
  }
}

/** It has been sent an attempt, or knows how one ended, and is about to write that down. */
function momentOf(op: DiskOp): WorkMoment | undefined {
  if (!('put' in op) || !op.put.startsWith(attemptPrefix)) return undefined
  const record = decode(AttemptRecord, op.value)
  if (!record.ok) return undefined
  return record.value.kind === 'taken' ? 'takes' : 'tells'
}

function watchedCells(cells: Cells, notice: (moment: WorkMoment) => void): Cells {
  return {
    start: (spec, onOutput) => {
      notice('starts')
      return cells.start(spec, onOutput)
    },
    rules: () => cells.rules(),
    find: (name, trace, onOutput) => cells.find(name, trace, onOutput),
    killAll: (names) => cells.killAll(names),
    still: () => cells.still(),
    hurry: () => cells.hurry(),
    inhabited: () => cells.inhabited(),
    sweep: (keep, inhabited) => cells.sweep(keep, inhabited),
  }
}
