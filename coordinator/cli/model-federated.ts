/**
 * `skein model evaluate --federated`: the rows of many hosts or applications are given to a few
 * clients, which train one network together, each alone, and with all rows in one place. Offline; the
 * same traces and seed give the same figures.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { EngineError } from '../../models/engine.ts'
import type { RuleName } from '../../models/federation/aggregation/rules.ts'
import type { Attack } from '../../models/federation/experiment/attacks.ts'
import { type Client, type Clients, clientsOf } from '../../models/federation/experiment/clients.ts'
import type { DividedBy } from '../../models/federation/experiment/dividing.ts'
import { repeatable } from '../../models/federation/experiment/repeatable.ts'
import { type Report, reportOf } from '../../models/federation/experiment/report.ts'
import {
  type TreesAsked,
  type TreesFault,
  type TreesReport,
  treesFault,
  treesReportOf,
} from '../../models/federation/experiment/tree-report.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { type Course, courseFault, usualCourse } from '../../models/federation/rounds/course.ts'
import { NetTrainable } from '../../models/federation/rounds/net-trainable.ts'
import { Net } from '../../models/nets/net.ts'
import { commonShape, firstCommon } from '../../models/registry/common.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { shuffle } from '../../protocol/ports/entropy.ts'
import { Problem } from '../../protocol/problem.ts'
import { type Context, document } from './context.ts'
import { seedsOf, seedsText } from './model-federated-seeds.ts'
import { federatedText } from './model-federated-text.ts'
import { plain } from './table.ts'
import { traceFolder } from './trace-folder.ts'
import { wrongUse } from './usage.ts'

export interface FederatedFlags {
  traces: string
  seed: string
  /** One comparison with each, instead. */
  seeds?: readonly number[]
  clients: string
  by?: DividedBy
  rounds: string
  rule: RuleName
  /** False for `--no-masks`. */
  masks: boolean
  /** False for `--no-votes`. */
  votes: boolean
  byzantine: string
  attack: Attack
  kill: string
  hold: string
  noise: string
}

export interface FederatedEvaluation extends Report {
  readonly seed: number
  readonly files: number
  readonly rows: number
  readonly by: DividedBy
  readonly parameters: number
  readonly course: Course
  readonly attack: Attack | undefined
  readonly killed: readonly string[]
  /** Trees beside the net, or why there are none. */
  readonly trees: TreesReport | { readonly leftOut: TreesFault }
  readonly seconds: number
}

const { clientsMin } = federationLimits
/** With noise all updates are clipped to this, whatever is usual: it is what noise is measured by. */
const clipUnderNoise = 0.5

/** Of one part that takes minutes, how often it is said how far it is. */
const toldTimes = 6

export async function evaluateFederated(context: Context, flags: FederatedFlags): Promise<number> {
  const folder = await traceFolder(context, flags.traces)
  const rows = folder.collection.rows().filter(({ ended }) => ended === 'succeeded')
  const given = clientsOf(rows, Number(flags.clients), flags.by)
  const about = { files: folder.read, rows: rows.length, ...given }
  const { refused } = folder
  const code = refused.length > 0 ? exitCodes.partly : exitCodes.done
  if (flags.seeds === undefined) {
    const result = await evaluated(context, flags, about, Number(flags.seed))
    if (context.json) document(context, { schemaVersion: 1, ...result, refused })
    else context.io.out(federatedText(context, result))
    return code
  }
  const all: FederatedEvaluation[] = []
  for (const seed of flags.seeds) {
    if (!context.quiet && !context.json) context.io.err(`seed ${seed}\n`)
    all.push(await evaluated(context, flags, about, seed))
  }
  const seeds = seedsOf(all)
  if (context.json) document(context, { schemaVersion: 1, ...seeds, seeds: all, refused })
  else context.io.out(seedsText(all, seeds, context.io.columns()))
  return code
}

type About = Clients & Pick<FederatedEvaluation, 'files' | 'rows'>

async function evaluated(
  context: Context,
  flags: FederatedFlags,
  { files, rows, by, clients }: About,
  seed: number,
): Promise<FederatedEvaluation> {
  const startedMs = Date.now()
  const course = courseIn(flags, clients.length)
  assertPossible(flags, course, clients)
  const chance = repeatable(new SystemEntropy(new TextEncoder().encode(`evaluate ${seed}`)))
  const names = shuffle(
    chance.stream('who'),
    clients.map(({ name }) => name),
  )
  let part = 'the beginning'
  const [lying, dying] = [Number(flags.byzantine), Number(flags.kill)]
  const killed = names.slice(lying, lying + dying)
  const common = {
    clients,
    liars: new Set(names.slice(0, lying)),
    attack: flags.attack,
    killed: new Set(killed),
    tell: (next: string) => {
      context.interrupted.throwIfAborted()
      part = next
      if (!context.quiet && !context.json) context.io.err(`${part} …\n`)
    },
    turn: async () => {
      await nextTurn()
      context.interrupted.throwIfAborted()
    },
    went: (round: number, rounds: number) => {
      context.interrupted.throwIfAborted()
      const isTold = round % Math.ceil(rounds / toldTimes) === 0 && round < rounds
      if (isTold && !context.quiet && !context.json) {
        context.io.err(`  round ${round} of ${rounds}\n`)
      }
    },
  }
  const engine = new ProcessEngine()
  const net = new Net(engine, commonShape)
  try {
    const report = await reportOf({
      ...common,
      course,
      chance,
      model: new NetTrainable(net),
      start: firstCommon(chance.stream('start')),
    })
    const trees = await treesOf({ ...common, course, chance })
    return {
      ...{ seed, files, rows, by },
      ...{ parameters: net.layout.length, course, killed },
      attack: lying > 0 ? flags.attack : undefined,
      ...report,
      trees,
      seconds: (Date.now() - startedMs) / 1_000,
    }
  } catch (error) {
    throw error instanceof EngineError ? stoppedProblem(error, part, seed) : error
  } finally {
    await engine.close()
  }
}

function stoppedProblem(error: EngineError, part: string, seed: number): Problem {
  const why = `seed ${seed}, ${part}: ${error.message}`
  const fix = 'run it again while the host has less to do; nothing of it is kept'
  return new Problem({ code: 'modelsStopped', why, fix, exitCode: exitCodes.noAnswer }, error)
}

type WithoutCourse = Omit<TreesAsked, 'course'>

async function treesOf(
  asked: WithoutCourse & { course: Course },
): Promise<FederatedEvaluation['trees']> {
  const { rounds, masked, votes, liarsMax } = asked.course
  const fault = treesFault(asked.course, asked.clients.length)
  if (fault !== undefined) return { leftOut: fault }
  return await treesReportOf({
    ...asked,
    course: { rounds, masked, votes, liarsMax, hostsEach: 1 },
  })
}

/** Of so many clients as there are, which may be fewer than were asked for. */
function courseIn(flags: FederatedFlags, clients: number): Course {
  const noise = Number(flags.noise)
  return {
    ...usualCourse,
    rounds: Number(flags.rounds),
    rule: flags.rule,
    masked: flags.masks,
    // What hosts say of models has no noise, and epsilon would not be true of it.
    votes: flags.votes && noise === 0,
    hold: Number(flags.hold),
    noise,
    ...(noise > 0 ? { clip: clipUnderNoise } : {}),
    liarsMax: Math.max(Number(flags.byzantine), Math.floor((clients - 1) / 3)),
  }
}

function assertPossible(flags: FederatedFlags, course: Course, clients: readonly Client[]): void {
  const fault = courseFault(course, clients.length)
  if (fault === 'tooFewHosts') {
    const why = `${plain(flags.traces)}: ${clients.length} clients come of it, and a round needs ${clientsMin}`
    const fix = 'name a folder with more hosts, or divide by the other of --by host and application'
    throw new Problem({ code: 'tooLittle', why, fix, exitCode: exitCodes.notFound })
  }
  if (fault === 'ruleMustSeeUpdates') {
    throw wrongUse(
      `--rule ${flags.rule} needs to see each update, and masks hide them`,
      'add --no-masks, or take --rule norm-bound or multi-krum',
    )
  }
  const spared = clients.length - Number(flags.byzantine) - Number(flags.kill)
  if (fault === 'tooManyLiars' || spared < Math.max(clientsMin, clients.length / 2)) {
    throw wrongUse(
      `of ${clients.length} clients more than half must be honest and alive, and ${clientsMin} at least`,
      'name fewer in --byzantine and --kill',
    )
  }
}
