/**
 * `skein bench trace`: every trace of a folder, in WfFormat, on a mesh of real agents. The history is
 * asked for through the control API, and judged against the trace itself by a checker that knows
 * nothing of the workflow that was made of it.
 */
import { globSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Imported, importWfFormat } from '../../coordinator/importing/import.ts'
import type { Work } from '../../coordinator/importing/options.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { traceOrderViolations } from '../checkers/trace-order.ts'
import type { Violation } from '../checkers/violation.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { type Figure, report } from './report.ts'
import { lengthMsOf, taskHistoryOf } from './run-times.ts'

export interface TraceOptions {
  directory: string
  timeScale: string
  work: Work
  agents: string
  json: boolean
}

const END_DEADLINE_MS = 600_000
const VIOLATIONS_TOLD = 5
const WHERE = 'the WfInstances collection of the WfCommons project (doi 10.5281/zenodo.12510982)'

interface Judged {
  readonly name: string
  readonly complete: boolean
  readonly figures: Imported['figures']
  readonly makespanMs: number
  readonly violations: readonly Violation[]
}

export async function benchTrace(options: TraceOptions): Promise<number> {
  const files = filesIn(options.directory)
  const mesh = await Mesh.start(Number(options.agents))
  try {
    await leaderOfAll(mesh)
    const runs = new MeshRuns(mesh)
    const all: Judged[] = []
    for (const [i, file] of files.entries()) {
      const judged = await judge(runs, `trace-${i}`, file, options).catch(missed)
      if (judged === undefined) continue
      tell(judged)
      all.push(judged)
    }
    const title = `traces of ${options.directory} at time scale ${options.timeScale} on ${options.agents} agents`
    return report(title, figuresOf(all, files.length), options.json)
  } finally {
    await mesh.stop()
  }
}

async function judge(
  runs: MeshRuns,
  group: string,
  name: string,
  { directory, timeScale, work }: TraceOptions,
): Promise<Judged> {
  const path = join(directory, name)
  const bytes = readFileSync(path)
  const imported = importWfFormat(bytes, {
    work,
    timeScale: Number(timeScale),
    resources: false,
    labels: false,
    format: 'json',
  })
  if (!imported.ok) throw notImported(path, imported.mistakes[0]?.why)
  const { id } = await runs.begin({ workflow: imported.text, group })
  await runs.untilNoneGoes(group, END_DEADLINE_MS)
  const detail = await runs.detail(id)
  return {
    name,
    complete: detail.run.state === 'succeeded',
    figures: imported.figures,
    makespanMs: lengthMsOf(detail.run),
    violations: traceOrderViolations(jsonOf(bytes), taskHistoryOf(detail, imported.taskOf)),
  }
}

/** One that cannot be run is told of, and the others are run all the same. */
function missed(error: unknown): undefined {
  if (!(error instanceof Problem) || error.exitCode === exitCodes.interrupted) throw error
  process.stderr.write(`NOT COMPLETE: ${error.why}; ${error.fix}\n`)
}

function tell({ name, figures, makespanMs, complete, violations }: Judged): void {
  const { tasks, edges, pathSeconds } = figures
  const times = `${(makespanMs / 1_000).toFixed(2)} s, ideal ${pathSeconds.toFixed(2)} s`
  const how = `${complete ? 'complete' : 'NOT COMPLETE'}, ${violations.length} violations`
  process.stderr.write(`${name}: ${tasks} tasks, ${edges} edges, ${times}, ${how}\n`)
  for (const { checker, what, lines } of violations.slice(0, VIOLATIONS_TOLD)) {
    process.stderr.write(`  ${checker}: ${what}\n${lines.map((line) => `    ${line}\n`).join('')}`)
  }
}

function figuresOf(all: readonly Judged[], files: number): Figure[] {
  const sum = (of: (judged: Judged) => number) => all.reduce((total, one) => total + of(one), 0)
  const complete = all.filter((one) => one.complete).length
  const violations = sum((one) => one.violations.length)
  return [
    ...all.map(
      ({ name, figures, makespanMs }): Figure => ({
        metric: `${name}, ${figures.tasks} tasks, ${figures.edges} edges`,
        unit: 's',
        value: makespanMs / 1_000,
        ...(figures.pathSeconds > 0 ? besideIdeal(makespanMs / 1_000, figures.pathSeconds) : {}),
      }),
    ),
    { metric: 'tasks', unit: '', value: sum((one) => one.figures.tasks) },
    {
      metric: 'complete',
      unit: `of ${files}`,
      value: complete,
      goal: 'all',
      holds: complete === files,
    },
    {
      metric: 'violations of the order',
      unit: '',
      value: violations,
      goal: '= 0',
      holds: violations === 0,
    },
  ]
}

function besideIdeal(seconds: number, ideal: number): Partial<Figure> {
  return { peer: 'ideal', peerValue: ideal, ratio: seconds / ideal }
}

function filesIn(directory: string): string[] {
  const found = globSync(join(resolve(directory), '**/*.{json,json.gz}'))
  if (found.length > 0) return found.map((path) => relative(directory, path)).sort()
  throw new Problem({
    code: 'noTraces',
    why: `there is no .json or .json.gz in ${directory}`,
    fix: `name a folder of traces in WfFormat, for example of ${WHERE}`,
    exitCode: exitCodes.notFound,
  })
}

function jsonOf(bytes: Uint8Array): unknown {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return JSON.parse(Buffer.from(isGzip ? gunzipSync(bytes) : bytes).toString('utf8'))
}

function notImported(path: string, why = 'it has mistakes'): Problem {
  return new Problem({
    code: 'badTrace',
    why: `${path}: ${why}`,
    fix: 'skein workflow import wfformat FILE says more',
    exitCode: exitCodes.failed,
  })
}
