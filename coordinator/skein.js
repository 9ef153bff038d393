#!/usr/bin/env node
// The `skein` program. Plain JavaScript, so that an old Node can still say what it lacks. It finds
// the right runtime, then hands the arguments to the command line, together with the programs that
// are no part of the coordinator: those are loaded only when they are asked for.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 24
const here = (path) => fileURLToPath(new URL(path, import.meta.url))

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  const pinned = here('../node_modules/.bin/node')
  if (!existsSync(pinned)) {
    process.stderr.write(
      `skein needs Node ${OLDEST_NODE} or newer, and this is ${process.version}; run npm ci in ${here('..')}, which brings one\n`,
    )
    process.exit(1)
  }
  const { status, signal } = spawnSync(pinned, [here('skein.js'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  if (signal) process.kill(process.pid, signal)
  process.exit(status ?? 1)
}

// An agent lives for months, and is quiet for most of it. A busy one does a quarter more with a young
// generation of 16 MiB than with one of 1; a quiet one gives it back (agent/ports/heap-rest.ts), for
// which it must be able to collect. One worker for the compiler and the collector instead of four
// saves 5 MiB of their buffers, and an agent that is busy is no slower (measured: skein bench idle).
// V8 takes that only at its start, so the process becomes itself anew, with the same id.
const AGENT_FLAGS = ['--max-semi-space-size=16', '--v8-pool-size=1', '--expose-gc']
// Each thread that allocates gets a heap of its own from the C library, and seldom gives it back: one
// for all of them saves 25 MiB.
const AGENT_ENV = { MALLOC_ARENA_MAX: '1' }
const isAgent = process.argv[2] === 'agent' && process.argv[3] === 'run'
const flagged = AGENT_FLAGS.every((flag) => process.execArgv.includes(flag))
if (isAgent && process.execve && !flagged) {
  becomeAnew([...AGENT_FLAGS, ...process.execArgv], { ...AGENT_ENV, ...process.env })
}

function becomeAnew(execArgv, env = process.env) {
  process.removeAllListeners('warning')
  const args = [process.execPath, ...execArgv, here('skein.js'), ...process.argv.slice(2)]
  process.execve(process.execPath, args, env)
}

// Keeps the compiled and the stripped sources: a start then costs a third of the time, and an agent
// 17 MiB less, because the type stripper is never loaded.
const cache = here('../node_modules/.cache/skein')
module.enableCompileCache?.(cache)
const { keepStripped } = await import(new URL('stripped-sources.js', import.meta.url).href)
keepStripped(new URL('..', import.meta.url).href, cache)

// The first agent after a change of the sources is the one that strips them. It becomes itself anew
// as well, once, to leave the stripper behind.
const STRIPPED = 'SKEIN_STRIPPED'
const stripped = process.env[STRIPPED] !== undefined
delete process.env[STRIPPED]

function leaveStripper() {
  const loaded = process.moduleLoadList.some((name) => name.includes('deps/amaro'))
  if (!loaded || stripped || !process.execve || !module.getCompileCacheDir()) return
  module.flushCompileCache()
  becomeAnew(process.execArgv, { ...process.env, [STRIPPED]: '1' })
}

const load = (path) => import(new URL(path, import.meta.url).href)
const programs = {
  agentRun: async (options) => {
    const { runAgent } = await load('daemon.ts')
    leaveStripper()
    return runAgent(options)
  },
  init: async (options) => (await load('mesh-files.ts')).initMesh(options),
  agentJoin: async (options) => (await load('mesh-files.ts')).joinMesh(options),
  up: async (options) => (await load('../simulations/mesh/up.ts')).up(options),
  down: async (options) => (await load('../simulations/mesh/down.ts')).down(options),
  benchIdle: async (options) => (await load('../simulations/bench/idle.ts')).benchIdle(options),
  benchUp: async (options) => (await load('../simulations/bench/up.ts')).benchUp(options),
  benchMembership: async (options) =>
    (await load('../simulations/bench/membership.ts')).benchMembership(options),
  benchLedger: async (options) =>
    (await load('../simulations/bench/ledger.ts')).benchLedger(options),
  benchFailover: async (options) =>
    (await load('../simulations/bench/failover.ts')).benchFailover(options),
  simRun: async (options) => (await load('../simulations/sim/programs.ts')).simRun(options),
  simSoak: async (options) => (await load('../simulations/sim/programs.ts')).simSoak(options),
  simReplay: async (options) => (await load('../simulations/sim/programs.ts')).simReplay(options),
  simCanary: async (options) => (await load('../simulations/sim/programs.ts')).simCanary(options),
  simMutants: async (options) =>
    (await load('../simulations/mutants/program.ts')).simMutants(options),
  benchStages: async (options) =>
    (await load('../simulations/bench/stages.ts')).benchStages(options),
  benchRuns: async (options) => (await load('../simulations/bench/runs.ts')).benchRuns(options),
  benchScale: async (options) => (await load('../simulations/bench/scale.ts')).benchScale(options),
  benchTrace: async (options) => (await load('../simulations/bench/trace.ts')).benchTrace(options),
  benchFailoverWork: async (options) =>
    (await load('../simulations/bench/failover-work.ts')).benchFailoverWork(options),
  benchGrowth: async (options) =>
    (await load('../simulations/bench/growth.ts')).benchGrowth(options),
  benchCalm: async (options) => (await load('../simulations/bench/calm.ts')).benchCalm(options),
  benchChaos: async (options) => (await load('../simulations/bench/chaos.ts')).benchChaos(options),
  benchFuzz: async (options) => (await load('../simulations/bench/fuzz.ts')).benchFuzz(options),
}

const { run } = await load('cli/program.ts')
process.exitCode = await run(process.argv.slice(2), programs)
