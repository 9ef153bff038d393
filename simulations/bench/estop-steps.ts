/**
 * Where an emergency stop spends its time: an agent of the benchmark writes down when it came to each
 * step, as seen at its ports, and the benchmark reads that when the round is over.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PerformanceObserver } from 'node:perf_hooks'
import type { Agent } from '../../agent/agent.ts'
import { latchPrefix } from '../../agent/estop/store.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { groupWords } from '../../agent/ports/cells/group-words.ts'
import type { LocalNode } from '../mesh/layout.ts'
import { monotonicMs } from './monotonic.ts'

/** In this order, but that a disk that is slow is not waited for. */
export const steps = [
  'heard',
  'still',
  'told',
  'written',
  'killing',
  'killed',
  'taken',
  'gone',
] as const
export type Step = (typeof steps)[number]

export const stepsMeaning: Readonly<Record<Step, string>> = {
  heard: 'its word has come',
  still: 'it is believed, and all that it means is held still',
  told: 'everybody who is connected was told',
  written: 'it is on the disk',
  killing: 'its killing began',
  killed: 'the kernel was told to kill',
  taken: 'the kernel has taken that word',
  gone: 'everybody was seen to be gone',
}

/** When each was reached; those that were not are absent. */
export type Times = Partial<Record<Step, number>> & {
  /** From hearing to killing: what the agent's own thread took of a core, and waited for one. */
  ranMs?: number
  waitedMs?: number
  /** In the same time, for collections of garbage that stood in its way. */
  collectedMs?: number
}

const FILE = 'estop-steps.jsonl'
const COLLECTIONS_KEPT = 100
/** Nothing is written while it could slow anybody. */
export const WRITTEN_AFTER_MS = 200

/** Looks over the shoulder of what stops the work of this agent. */
export function stepsModule(agent: Agent): ModuleSpec {
  const file = join(agent.settings.dataDirectory, FILE)
  const start = (): void => {
    let last = { heard: 0, cores: shareOfCores() }
    let before = last.cores
    let times: Times | undefined
    const collections = watchCollections()
    watchCore(agent, () => {
      last = { heard: monotonicMs(), cores: shareOfCores() }
    })
    const { cells, disk } = agent.ports
    const still = cells.still.bind(cells)
    cells.still = () => {
      const goOn = still()
      times = { heard: last.heard, still: monotonicMs() }
      before = last.cores
      return goOn
    }
    const write = disk.write.bind(disk)
    disk.write = async (ops, options) => {
      const of = times
      if (of === undefined || !ops.some((op) => 'put' in op && op.put.startsWith(latchPrefix)))
        return write(ops, options)
      of.told = monotonicMs()
      await write(ops, options)
      of.written = monotonicMs()
    }
    const killAll = cells.killAll.bind(cells)
    cells.killAll = async (names) => {
      const of = times ?? {}
      times = undefined
      of.killing = monotonicMs()
      const unwatched = watchKill(() => {
        of.taken = monotonicMs()
      })
      const dying = killAll(names)
      of.killed = monotonicMs()
      const share = shareOfCores()
      of.ranMs = share.ranMs - before.ranMs
      of.waitedMs = share.waitedMs - before.waitedMs
      await dying
      unwatched()
      of.gone = monotonicMs()
      setTimeout(() => {
        of.collectedMs = collections.between(of.heard ?? 0, of.killing ?? 0)
        appendFileSync(file, `${JSON.stringify(of)}\n`)
      }, WRITTEN_AFTER_MS)
    }
  }
  return { name: 'estop-steps', priority: 4, needs: [], start, stop: () => {} }
}

/** As the runtime tells of them, some time afterwards. */
function watchCollections(): { between(fromMs: number, untilMs: number): number } {
  const newest: { fromMs: number; untilMs: number }[] = []
  new PerformanceObserver((list) => {
    const sinceMs = monotonicMs() - performance.now()
    for (const { startTime, duration } of list.getEntries()) {
      newest.push({ fromMs: startTime + sinceMs, untilMs: startTime + sinceMs + duration })
    }
    newest.splice(0, newest.length - COLLECTIONS_KEPT)
  }).observe({ entryTypes: ['gc'] })
  return {
    between: (fromMs, untilMs) =>
      newest.reduce((sum, one) => {
        const shared = Math.min(untilMs, one.untilMs) - Math.max(fromMs, one.fromMs)
        return sum + Math.max(0, shared)
      }, 0),
  }
}

/** Told when the kernel has taken the word by which a group dies, until what is returned is called. */
function watchKill(taken: () => void): () => void {
  const { say } = groupWords
  groupWords.say = (file, text, told = () => {}) =>
    say.call(groupWords, file, text, (refused) => {
      if (file.endsWith('/cgroup.kill')) taken()
      told(refused)
    })
  return () => {
    groupWords.say = say
  }
}

/** Of the thread of this agent's event loop, since it began. */
function shareOfCores(): { ranMs: number; waitedMs: number } {
  const [ran = 0, waited = 0] = readFileSync('/proc/thread-self/schedstat', 'latin1')
    .split(' ')
    .map(Number)
  return { ranMs: ran / 1e6, waitedMs: waited / 1e6 }
}

function watchCore({ estop: { core } }: Agent, heard: () => void): void {
  const said = core.said.bind(core)
  core.said = (...given) => {
    heard()
    return said(...given)
  }
  const hear = core.hear.bind(core)
  core.hear = (...given) => {
    heard()
    hear(...given)
  }
}

/**
 * Of the first stop that this agent heard after that moment, from then on; empty where it wrote down
 * none.
 */
export function stepsAfter({ dataDirectory }: LocalNode, saidMs: number): Times {
  const all = linesOf(join(dataDirectory, FILE)).map((line) => JSON.parse(line) as Times)
  const found = all.find(({ heard }) => heard !== undefined && heard >= saidMs) ?? {}
  const since = steps.flatMap((step) => {
    const ms = found[step]
    return ms === undefined ? [] : [[step, ms - saidMs]]
  })
  return { ...found, ...Object.fromEntries(since) }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n')
  } catch {
    // It has stopped nothing yet.
    return []
  }
}
