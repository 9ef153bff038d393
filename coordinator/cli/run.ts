/** `skein run` and `skein runs retry`: a run begins, and the command stays with it. */
import { randomUUID } from 'node:crypto'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import type { RouteResponse } from '../api/routes.ts'
import { type Context, document } from './context.ts'
import { inputsFrom, inputsUnread, pairs, type RetryFlags, type RunFlags } from './run-flags.ts'
import { watch } from './run-watch.ts'
import { plain } from './table.ts'
import { mistakeLine, mistakesDocument, workflowText } from './workflow-file.ts'

export async function run(context: Context, file: string, flags: RunFlags): Promise<number> {
  const { published = false, key = newKey(), priority, plan } = flags
  const { text, workflow } = published
    ? { text: file, workflow: undefined }
    : await checkedWorkflow(context, file)
  const given =
    workflow === undefined
      ? await inputsUnread(flags)
      : { inputs: await inputsFrom(flags, workflow) }
  const body = {
    workflow: text,
    published,
    ...given,
    labels: pairs('--label', flags.label),
    key,
    ...(priority === undefined ? {} : { priority: Number(priority) }),
    ...(plan === undefined ? {} : { planHash: plan }),
  }
  const started = await context.client.call('startRun', { body }).catch((error: unknown) => {
    throw maybeBegun(error, key)
  })
  return follow(context, started, flags)
}

/** Each command has one, so that it can be said again without beginning a second run. */
function newKey(): string {
  return randomUUID()
}

/** Then nothing was sent. */
const unsent: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH'])

/** Of an answer that did not come nobody can tell whether there is a run behind it. */
function maybeBegun(error: unknown, key: string): unknown {
  if (!(error instanceof Problem) || error.exitCode !== exitCodes.noAnswer) return error
  if (unsent.has((error.cause as NodeJS.ErrnoException | undefined)?.code)) return error
  const { code, why, exitCode } = error
  const fix = `it may have begun all the same: the same command with --key ${key} begins it if it has not, and follows it; ${error.fix}`
  return new Problem({ code, why, fix, exitCode }, error.cause)
}

export async function retry(
  context: Context,
  reference: string,
  flags: RetryFlags,
): Promise<number> {
  const { from, only, failed = false } = flags
  // By its id, which is signed for: whoever leads cannot tell what @latest was.
  const { run } = await context.client.call('run', { parameters: { run: reference } })
  const started = await context.client.call('retryRun', {
    parameters: { run: run.id },
    body: {
      failed,
      ...(await inputsUnread(flags)),
      ...(from === undefined ? {} : { from }),
      ...(only === undefined ? {} : { only }),
    },
  })
  return follow(context, started, flags)
}

/** Every mistake of a file is told here, with its place, before any agent is asked. */
export async function checkedWorkflow(
  context: Context,
  file: string,
): Promise<{ text: string; workflow: Workflow }> {
  const { name, text } = await workflowText(file)
  const parsed = parseWorkflow(text)
  if (parsed.ok) return { text, workflow: parsed.workflow }
  const { mistakes, more } = parsed
  if (context.json) document(context, mistakesDocument(name, parsed))
  else for (const mistake of mistakes) context.io.err(`${mistakeLine(name, mistake)}\n`)
  const count = mistakes.length + more
  throw new Problem({
    code: 'workflowInvalid',
    why: `${plain(name)} has ${count === 1 ? '1 mistake' : `${count} mistakes`}`,
    fix: 'mend it, and run it again',
    exitCode: exitCodes.usage,
  })
}

async function follow(
  context: Context,
  started: RouteResponse<'startRun'>,
  { detach, wait }: { detach?: true; wait: boolean },
): Promise<number> {
  const { io, json, quiet } = context
  const { run, began } = started
  if (detach) {
    if (json) document(context, started)
    else io.out(`${plain(run.id)}\n`)
    if (!quiet && !json) {
      io.err(began ? '' : 'its key had begun it before\n')
      io.err(`follow it with: skein runs watch ${plain(run.id)}\n`)
    }
    return exitCodes.done
  }
  if (!json && !quiet) {
    io.err(
      `run ${run.id} of ${plain(run.name)}${began ? '' : ', which its key had begun before'}\n`,
    )
  }
  return watch(context, run.id, { wait })
}
