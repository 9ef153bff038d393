/**
 * Runs events so that after each of them all promises that it settled have had their say before
 * the next begins: otherwise the order of a history would depend on how many events share a turn
 * of the real event loop.
 *
 * The runtime drains its queue of microtasks between two macrotasks, which costs over a
 * microsecond. Where it lets us, we ask for the same drain directly, at 20 ns; the histories are
 * the same either way, and a test holds them against each other.
 */
// biome-ignore lint/style/noRestrictedImports: the one place where virtual time meets the real loop.
import { setImmediate } from 'node:timers'

/** Calls every pending tick and microtask; only works outside of one. */
type Drain = () => void

/** Never documented, and pinned with the runtime: used only after it has shown that it works. */
// biome-ignore lint/style/noRestrictedGlobals: nothing else drains microtasks at once.
const ofRuntime = (process as unknown as { _tickCallback?: Drain })._tickCallback

/** After so many events the real event loop gets a turn, for signals and terminals. */
const eventsPerTurn = 8_192

export type DrainMode = 'direct' | 'macrotask'

/**
 * Calls `step` until it returns false, with a full drain after each call. Whatever `step` throws
 * rejects the promise.
 */
export function runInTurns(step: () => boolean, wanted: DrainMode): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = () => {
      try {
        const drain = wanted === 'direct' ? directDrain() : undefined
        if (someSteps(step, drain)) setImmediate(turn)
        else resolve()
      } catch (error) {
        reject(error)
      }
    }
    // Never within the microtask of whoever called: from there nothing can be drained.
    setImmediate(turn)
  })
}

function someSteps(step: () => boolean, drain: Drain | undefined): boolean {
  if (drain === undefined) return step()
  for (let i = 0; i < eventsPerTurn; i++) {
    if (!step()) return false
    drain()
  }
  return true
}

function directDrain(): Drain | undefined {
  if (typeof ofRuntime !== 'function') return undefined
  let deep = false
  // Three turns deep, the last of them queued by the one before.
  void Promise.resolve()
    .then(() => Promise.resolve())
    .then(() => queueMicrotask(() => (deep = true)))
  ofRuntime()
  return deep ? ofRuntime : undefined
}
