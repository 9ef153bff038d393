/**
 * `skein runs resume`: runs that an emergency stop has ended are begun again, each as a new run that
 * keeps what had succeeded. A step of its own, because a release starts nothing.
 */
import { readStopText } from '../../protocol/estop/text.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { plain } from './table.ts'

/** Of those that a stop has ended lately, so many at a time. */
const RUNS_MAX = 1_000

export async function resumeRuns(context: Context, references: readonly string[]): Promise<number> {
  const { client, io } = context
  const asked = { query: { state: 'cancelled', limit: RUNS_MAX } } as const
  const { runs } = await client.call('runs', asked)
  const stopped = runs.filter(({ reason }) => readStopText(reason ?? '') !== undefined)
  const meant =
    references.length === 0
      ? stopped
      : await Promise.all(references.map((reference) => stoppedRun(context, reference)))
  if (meant.length === 0) throw notInterrupted(undefined)
  const names = meant.map(({ id, name }) => `${plain(id)} (${plain(name)})`)
  await confirm(context, `${names.length} runs are begun again: ${names.slice(0, 8).join(', ')}`)
  const begun: { run: string; as: string }[] = []
  for (const { id } of meant) {
    const parameters = { run: id }
    const body = { failed: true }
    const { run } = await client.call('retryRun', { parameters, body })
    begun.push({ run: id, as: run.id })
    if (!context.json && !context.quiet) io.out(`${plain(id)} goes on as ${plain(run.id)}\n`)
  }
  if (context.json) document(context, { schemaVersion: 1, begun })
  return exitCodes.done
}

/** By whatever a run may be called. */
async function stoppedRun({ client }: Context, reference: string) {
  const { run } = await client.call('run', { parameters: { run: reference } })
  if (readStopText(run.reason ?? '') === undefined) throw notInterrupted(reference)
  return run
}

function notInterrupted(reference: string | undefined): Problem {
  return new Problem({
    code: 'notFound',
    why:
      reference === undefined
        ? 'no run was ended by an emergency stop'
        : `${reference} is no run that an emergency stop has ended`,
    fix: 'skein runs ls --state cancelled shows why runs were ended',
    exitCode: exitCodes.notFound,
  })
}
