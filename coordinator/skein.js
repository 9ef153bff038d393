#!/usr/bin/env node
// The `skein` program. Plain JavaScript, so that an old Node can still say what it lacks. It finds
// the right runtime, then hands the arguments to the command line, together with the programs that
// are no part of the coordinator: those are loaded only when they are asked for.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AGENT_ENV, AGENT_FLAGS, keepCompiled, keepSources } from './runtime.js'

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

// V8 takes its flags only at its start, so the process becomes itself anew, with the same id.
const isAgent = process.argv[2] === 'agent' && process.argv[3] === 'run'
const flagged = AGENT_FLAGS.every((flag) => process.execArgv.includes(flag))
if (isAgent && process.execve && !flagged) {
  process.removeAllListeners('warning')
  const flags = [...AGENT_FLAGS, ...process.execArgv]
  const args = [process.execPath, ...flags, here('skein.js'), ...process.argv.slice(2)]
  process.execve(process.execPath, args, { ...AGENT_ENV, ...process.env })
}

const load = (path) => import(new URL(path, import.meta.url).href)

async function loadAgent() {
  const { agentInOneFile, sourcesNamedFor } = await load('one-file.js')
  const file = agentInOneFile(keepCompiled())
  if (file === undefined) return loadFrom('agent-program.ts')
  const { run, runAgent } = await import(pathToFileURL(file).href)
  const nameSources = sourcesNamedFor(file)
  return { run, runAgent: (options) => runAgent({ ...options, nameSources }) }
}

async function loadFrom(path) {
  await keepSources()
  return load(path)
}

const programs = {
  agentRun: async (options) => (agent ?? (await load('daemon.ts'))).runAgent(options),
  init: async (options) => (await load('host/mesh-files.ts')).initMesh(options),
  agentJoin: async (options) => (await load('host/join.ts')).joinMesh(options),
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
  simEstop: async (options) => (await load('../simulations/estop/program.ts')).simEstop(options),
  simCanary: async (options) => (await load('../simulations/sim/programs.ts')).simCanary(options),
  simMutants: async (options) =>
    (await load('../simulations/mutants/program.ts')).simMutants(options),
  benchEstop: async (options) => (await load('../simulations/bench/estop.ts')).benchEstop(options),
  benchStages: async (options) =>
    (await load('../simulations/bench/stages.ts')).benchStages(options),
  benchRuns: async (options) => (await load('../simulations/bench/runs.ts')).benchRuns(options),
  benchScale: async (options) => (await load('../simulations/bench/scale.ts')).benchScale(options),
  benchTrace: async (options) => (await load('../simulations/bench/trace.ts')).benchTrace(options),
  benchFailoverWork: async (options) =>
    (await load('../simulations/bench/failover-work.ts')).benchFailoverWork(options),
  benchGrowth: async (options) =>
    (await load('../simulations/bench/growth.ts')).benchGrowth(options),
  benchFederate: async (options) =>
    (await load('../simulations/bench/federate.ts')).benchFederate(options),
  benchInference: async (options) =>
    (await load('../simulations/bench/inference.ts')).benchInference(options),
  benchPlacement: async (options) =>
    (await load('../simulations/bench/placement.ts')).benchPlacement(options),
  benchCalm: async (options) => (await load('../simulations/bench/calm.ts')).benchCalm(options),
  benchChaos: async (options) => (await load('../simulations/bench/chaos.ts')).benchChaos(options),
  benchFuzz: async (options) => (await load('../simulations/bench/fuzz.ts')).benchFuzz(options),
  benchAttack: async (options) =>
    (await load('../simulations/bench/attack.ts')).benchAttack(options),
}

const agent = isAgent ? await loadAgent() : undefined
const { run } = agent ?? (await loadFrom('cli/program.ts'))
process.exitCode = await run(process.argv.slice(2), programs)
