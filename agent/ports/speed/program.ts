/**
 * The process in which a host's speed is found out, once in a long while: it gives way to all others,
 * says what it has found as one line of JSON, and is gone with all the memory that it took.
 * Arithmetic and copying are counted by the time that this process had, not by the clock of others.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { HostSpeed } from '../../../protocol/ports/speed.ts'
import { speedLimits } from './limits.ts'
import { round } from './rounds.ts'

const [path = ''] = process.argv.slice(2)
setPriority(process.pid, speedLimits.priority)

function ownMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** How often it is done in a second of this process's own. */
function perSecond(does: () => void, forMs: number): number {
  const beganMs = ownMs()
  let times = 0
  let tookMs = 0
  do {
    does()
    times++
    tookMs = ownMs() - beganMs
  } while (tookMs < forMs)
  return (times * 1_000) / tookMs
}

function cpu(): number {
  let kept = 1
  const one = () => {
    kept += round(kept)
  }
  // Once it is compiled as it will stay.
  perSecond(one, speedLimits.warmUpMs)
  return perSecond(one, speedLimits.cpuMs)
}

function memory(): number {
  const from = Buffer.alloc(speedLimits.memoryBytes, 1)
  const to = Buffer.alloc(speedLimits.memoryBytes, 2)
  const copies = perSecond(() => from.copy(to), speedLimits.memoryMs)
  return copies * speedLimits.memoryBytes
}

function disk(): Pick<HostSpeed, 'diskBytesPerSecond' | 'syncMs'> {
  const file = openSync(path, 'w', 0o600)
  try {
    const block = Buffer.alloc(speedLimits.blockBytes, 7)
    const beganMs = performance.now()
    for (let bytes = 0; bytes < speedLimits.diskBytes; bytes += block.length) writeSync(file, block)
    fsyncSync(file)
    const tookMs = performance.now() - beganMs
    const small = block.subarray(0, speedLimits.smallBytes)
    const syncs = Array.from({ length: speedLimits.syncs }, () => {
      const startedMs = performance.now()
      writeSync(file, small, 0, small.length, 0)
      fsyncSync(file)
      return performance.now() - startedMs
    }).sort((a, b) => a - b)
    const syncMs = syncs[Math.floor(syncs.length / 2)] as number
    return { diskBytesPerSecond: (speedLimits.diskBytes * 1_000) / tookMs, syncMs }
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

function diskOrNothing(): ReturnType<typeof disk> | Record<string, never> {
  try {
    return disk()
  } catch {
    // It is full, or read-only: that is told elsewhere.
    return {}
  }
}

const speed: HostSpeed = {
  cpuRoundsPerSecond: cpu(),
  memoryBytesPerSecond: memory(),
  ...diskOrNothing(),
}
process.stdout.write(`${JSON.stringify(speed)}\n`)
