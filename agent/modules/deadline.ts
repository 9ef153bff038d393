/** Waits for a call into a part, but not for ever. A late call is not forgotten: see the graph. */
import type { Clock } from '../../protocol/ports/clock.ts'

export type Ended = { kind: 'returned' } | { kind: 'threw'; error: unknown }
export type Waited = Ended | { kind: 'late' } | { kind: 'aborted' }

/** Calls, and tells how it ended. Never rejects, whatever the callee does. */
export async function ending(callee: () => Promise<void> | void): Promise<Ended> {
  try {
    await callee()
    return { kind: 'returned' }
  } catch (error) {
    return { kind: 'threw', error }
  }
}

export function within(
  clock: Clock,
  call: Promise<Ended>,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<Waited> {
  return new Promise((resolve) => {
    const timer = clock.after(deadlineMs, () => finish({ kind: 'late' }))
    const onAbort = () => finish({ kind: 'aborted' })
    const finish = (waited: Waited) => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      resolve(waited)
    }
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    void call.then(finish)
  })
}
