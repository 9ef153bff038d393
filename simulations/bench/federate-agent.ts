/**
 * An agent as `skein agent run` starts it, with one more part: when it gets SIGUSR2, it writes down how
 * long its loop was held up since the last time, more finely than agents watch themselves. Argument:
 * its configuration.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { runAgent } from '../../coordinator/daemon.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

export const lagFile = 'lag.json'

export interface LoopHeld {
  /** Grows by one with each signal. */
  readonly turn: number
  readonly p99Ms: number
  readonly maxMs: number
  /**
   * CPU that its thread took from one look to the next, the most: by how much its own work kept it,
   * also on a machine where it had to wait for a core. No less than the longest piece of work.
   */
  readonly ownMs: number
}

const RESOLUTION_MS = 4

function lagModule(agent: Agent): ModuleSpec {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  let turn = 0
  let ownMicros = 0
  let before = process.threadCpuUsage()
  const look = () => {
    const now = process.threadCpuUsage()
    ownMicros = Math.max(ownMicros, now.user + now.system - before.user - before.system)
    before = now
  }
  let looking: NodeJS.Timeout | undefined
  const heldMs = (tickNs: number) => Math.max(0, tickNs / 1e6 - RESOLUTION_MS)
  const tell = () => {
    turn++
    const { max } = histogram
    const told: LoopHeld = {
      turn,
      p99Ms: heldMs(histogram.percentile(99)),
      maxMs: heldMs(max),
      ownMs: ownMicros / 1_000,
    }
    const file = join(agent.settings.dataDirectory, lagFile)
    writeFileSync(`${file}.new`, JSON.stringify(told))
    renameSync(`${file}.new`, file)
    // What was just done is not of what follows.
    histogram.reset()
    ownMicros = 0
    before = process.threadCpuUsage()
  }
  return {
    name: 'lag',
    priority: 9,
    needs: [],
    start: () => {
      histogram.enable()
      looking = setInterval(look, RESOLUTION_MS)
      process.on('SIGUSR2', tell)
    },
    stop: () => {
      histogram.disable()
      clearInterval(looking)
      process.off('SIGUSR2', tell)
    },
  }
}

const [config] = process.argv.slice(2) as [string]
if (process.argv[1] === import.meta.filename) {
  try {
    process.exitCode = await runAgent({ config, flags: {}, modules: (it) => [lagModule(it)] })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    process.stderr.write(`${error.why}; ${error.fix}\n`)
    process.exitCode = error.exitCode ?? exitCodes.failed
  }
}
