/**
 * Streams of documents, one a line. The next document is asked for when the caller has taken the
 * last, so a slow reader slows the source and nothing piles up in between. When the caller goes,
 * the stream ends at once, also when its source is asleep and would not hear of it.
 */

/** `encode` may throw: then the stream breaks as if its source had. `broken` has the last word. */
export async function* lines<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  encode: (document: T) => Uint8Array,
  broken: (error: unknown) => Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const document of untilAborted(source, signal)) yield encode(document)
  } catch (error) {
    if (!signal.aborted) yield broken(error)
  }
}

/** Ends without an error when `signal` is aborted, and tells the source so. */
export function untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]()
      let ended = false
      let wake: ((end: IteratorResult<T>) => void) | undefined
      const end: IteratorResult<T> = { done: true, value: undefined }

      // Not waited for: a generator that sleeps takes notice when it wakes, if ever.
      const leave = () => {
        ended = true
        signal.removeEventListener('abort', leave)
        inner.return?.().then(undefined, () => {})
        wake?.(end)
      }
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true })

      return {
        // One promise a step instead of a race with one that outlives the stream: every race would
        // leave its traces on the longer-lived promise for as long as the stream is open.
        next: () =>
          new Promise((resolve, reject) => {
            if (ended) return resolve(end)
            wake = resolve
            inner.next().then(
              (result) => {
                if (result.done === true) signal.removeEventListener('abort', leave)
                resolve(result)
              },
              (error) => {
                signal.removeEventListener('abort', leave)
                reject(error)
              },
            )
          }),
        return: async () => {
          leave()
          return end
        },
      }
    },
  }
}
