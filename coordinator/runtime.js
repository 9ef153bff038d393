// How our sources are run: with which flags an agent, and what is kept of them between two starts.
// Plain JavaScript that any Node reads, because `skein.js` must be able to say what an old one lacks.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// An agent lives for months, and is quiet for most of it. A busy one does a quarter more with a young
// generation of 16 MiB than with one of 1; a quiet one gives it back (agent/ports/heap-rest.ts), for
// which it must be able to collect. One worker for the compiler and the collector instead of four
// saves 5 MiB of their buffers, and an agent that is busy is no slower (measured: skein bench idle).
export const AGENT_FLAGS = ['--max-semi-space-size=16', '--v8-pool-size=1', '--expose-gc']

// Each thread that allocates gets a heap of its own from the C library, and seldom gives it back: one
// for all of them saves 25 MiB. Nine threads may stand still at a time for what the kernel keeps locked
// (agent/ports/cells): with four of them, as there are otherwise, the disk had none left.
export const AGENT_ENV = { MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '12' }

const cache = fileURLToPath(new URL('../node_modules/.cache/skein', import.meta.url))

/** Keeps what is compiled for the next start, which then costs a third of the time; says where. */
export function keepCompiled() {
  module.enableCompileCache?.(cache)
  return cache
}

/** Keeps the sources stripped of their types as well: the stripper is 17 MiB of who loads it. */
export async function keepSources() {
  const directory = keepCompiled()
  const { keepStripped } = await import(new URL('stripped-sources.js', import.meta.url).href)
  keepStripped(new URL('..', import.meta.url).href, directory)
}
