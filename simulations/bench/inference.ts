/**
 * `skein bench inference`: what it takes to predict for a placement of 64 stages on 64 hosts, asked of
 * the process with the models, as agents ask it; beside the same in the process that asks, which
 * agents never do.
 */
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import type { Engine, Session } from '../../models/engine.ts'
import { ports } from '../../models/nets/graphs.ts'
import { forestInput } from '../../models/trees/export.ts'
import { cpuMs } from './idle.ts'
import { COMMON_FEATURES, commonForest, commonNet, commonRows } from './inference-common.ts'
import { FEATURES, grownForest, someForest, someNet, someRows } from './inference-models.ts'
import { measureTraining } from './inference-training.ts'
import { Mesh } from './mesh.ts'
import { type Figure, percentile, report } from './report.ts'
import { residentBytesOf } from './resident.ts'

export interface InferenceOptions {
  rounds: string
  trees: string
  json: boolean
}

const STAGES = 64
const HOSTS = 64
const ROWS = STAGES * HOSTS
const GOAL_MS = 5
const CHILD_GOAL_MIB = 256
const AGENT_GOAL_MIB = 128
/** Calls before those that count. */
const WARM_UP = 20
/** Of a young agent, until it has given back what its start took. */
const SETTLED_MS = 60_000
const SEED = 'skein bench inference'

interface Family {
  readonly name: string
  readonly model: Uint8Array
  readonly input: string
  /** As many as are asked about. */
  readonly rows: Float32Array
}

interface Measured {
  /** In milliseconds, one for each call. */
  readonly times: readonly number[]
  /** For how long the asking process itself was busy, for each call. */
  readonly busyMs: number
  /** And the process with the models, where that is another one. */
  readonly modelsMs: number
}

export async function benchInference(options: InferenceOptions): Promise<number> {
  const rounds = Number(options.rounds)
  const entropy = new SystemEntropy(Buffer.from(SEED))
  const rows = someRows(entropy, STAGES, HOSTS)
  const common = commonRows(entropy, STAGES, HOSTS)
  const ofForest = { input: forestInput, rows }
  const families: Family[] = [
    { name: 'network', model: someNet(entropy), input: ports.features, rows },
    {
      ...{ name: `forest of ${options.trees}`, ...ofForest },
      model: someForest(entropy, Number(options.trees)),
    },
    { name: 'forest as it is grown', ...ofForest, model: grownForest(entropy) },
    { name: 'common network', model: commonNet(entropy), input: ports.features, rows: common },
    { name: 'common forest', model: commonForest(entropy), input: forestInput, rows: common },
  ]
  const engine = new ProcessEngine()
  const apart: Measured[] = []
  let training: Figure[] = []
  let childMib = 0
  let firstMs = 0
  try {
    const startedMs = performance.now()
    const sessions = await openAll(engine, families)
    firstMs = performance.now() - startedMs
    for (const [i, session] of sessions.entries()) {
      apart.push(await measure(session, families[i] as Family, rounds, engine.pid))
    }
    training = await measureTraining(engine, entropy)
    childMib = residentBytesOf(engine.pid ?? 0) / 2 ** 20
  } finally {
    await engine.close()
  }
  const within: Measured[] = []
  // Loaded only now: until here nothing of the runtime is in this process.
  const { enginePresent } = await import('./inference-present.ts')
  for (const [i, session] of (await openAll(enginePresent, families)).entries()) {
    within.push(await measure(session, families[i] as Family, rounds))
  }
  return report(
    `inference, ${ROWS} rows of ${FEATURES} features, of common models ${COMMON_FEATURES}, ${rounds} calls each`,
    [
      ...families.flatMap(({ name }, i) =>
        figuresOf(name, apart[i] as Measured, within[i] as Measured),
      ),
      ...training,
      { metric: 'process and all models, from nothing', unit: 'ms', value: firstMs },
      atMost('the process with the models, resident', childMib, CHILD_GOAL_MIB),
      atMost('an agent that has asked for none', await agentMib(), AGENT_GOAL_MIB),
    ],
    options.json,
  )
}

function openAll(engine: Engine, families: readonly Family[]): Promise<Session[]> {
  return Promise.all(families.map(({ model }) => engine.open(model)))
}

async function measure(
  session: Session,
  { input, rows }: Family,
  rounds: number,
  pid?: number,
): Promise<Measured> {
  const inputs = { [input]: { dims: [ROWS, rows.length / ROWS], data: rows } }
  for (let i = 0; i < WARM_UP; i++) await session.run(inputs)
  const times: number[] = []
  const modelsMs = () => (pid === undefined ? 0 : cpuMs(pid))
  const modelsBefore = modelsMs()
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i++) {
    const startedMs = performance.now()
    await session.run(inputs)
    times.push(performance.now() - startedMs)
  }
  const { user, system } = process.cpuUsage(before)
  return {
    times,
    busyMs: (user + system) / 1_000 / rounds,
    modelsMs: (modelsMs() - modelsBefore) / rounds,
  }
}

function figuresOf(name: string, apart: Measured, within: Measured): Figure[] {
  const beside = (value: number, peerValue: number) => ({
    unit: 'ms',
    value,
    peer: 'in the asking process',
    peerValue,
    ratio: value / peerValue,
  })
  const whole = ([share, word]: readonly [number, string]): Figure => {
    const value = percentile(apart.times, share)
    return {
      metric: `${name}, a call, ${word}`,
      ...beside(value, percentile(within.times, share)),
      goal: `< ${GOAL_MS}`,
      holds: value < GOAL_MS,
    }
  }
  return [
    ...[[0.5, 'median'] as const, [0.99, '99th percentile'] as const].map(whole),
    { metric: `${name}, the asker busy, a call`, ...beside(apart.busyMs, within.busyMs) },
    {
      metric: `${name}, the process with the models busy, a call`,
      ...beside(apart.modelsMs, within.busyMs),
    },
  ]
}

function atMost(metric: string, value: number, goal: number): Figure {
  return { metric, unit: 'MiB', value, goal: `< ${goal}`, holds: value < goal }
}

async function agentMib(): Promise<number> {
  const mesh = await Mesh.start(1)
  try {
    await mesh.rest(SETTLED_MS)
    return residentBytesOf(mesh.nodes[0]?.pid ?? 0) / 2 ** 20
  } finally {
    await mesh.stop()
  }
}
