/** `skein approve`, `deny` and `signal`: what people tell a run that waits. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Stage } from '../api/run-schemas.ts'
import { type Context, document } from './context.ts'
import { plain } from './table.ts'
import { wrongUse } from './usage.ts'

export async function vote(
  context: Context,
  verb: 'approve' | 'deny',
  reference: string,
  stage: string | undefined,
  { item, note }: { item?: string; note?: string },
): Promise<number> {
  const { client, io, quiet } = context
  const { run, stages } = await client.call('run', { parameters: { run: reference } })
  const name = stage ?? theOneThatWaits(run.id, stages)
  const answer = await client.call('voteRun', {
    parameters: { run: run.id },
    body: {
      stage: name,
      approves: verb === 'approve',
      ...(item === undefined ? {} : { item: Number(item) }),
      ...(note === undefined ? {} : { note }),
    },
  })
  if (context.json) document(context, answer)
  else if (!quiet) {
    const said = verb === 'approve' ? 'approved' : 'denied'
    const after = verb === 'approve' ? await stillAsked(context, run.id, name, item) : ''
    io.err(`${said} stage ${plain(name)} of run ${plain(run.id)}${after}\n`)
  }
  return exitCodes.done
}

/** Where one yes is not enough: how many there are, for somebody must still be asked. */
async function stillAsked(
  { client }: Context,
  run: string,
  name: string,
  item: string | undefined,
): Promise<string> {
  const { stages } = await client.call('run', { parameters: { run } })
  const stage = stages.find((each) => each.name === name)
  const unit =
    item === undefined ? stage : stage?.items?.units.find((each) => each.item === Number(item))
  if (unit?.waitsFor !== 'approval' || unit.approval === undefined) return ''
  const { count, votes } = unit.approval
  const yes = votes.filter(({ approves }) => approves).length
  return yes < count ? `, by ${yes} of ${count} so far: it waits for ${count - yes} more` : ''
}

function theOneThatWaits(run: string, stages: readonly Stage[]): string {
  const waiting = stages.filter(({ waitsFor }) => waitsFor === 'approval')
  const [first] = waiting
  if (first !== undefined && waiting.length === 1) return first.name
  const names = waiting.map(({ name }) => plain(name)).join(', ')
  const none = waiting.length === 0
  throw new Problem({
    code: none ? 'notFound' : 'ambiguous',
    why: none
      ? `run ${plain(run)} waits for no approval`
      : `run ${plain(run)} waits for several: ${names}`,
    fix: none ? `skein runs show ${plain(run)} says what it waits for` : 'name the stage',
    exitCode: exitCodes.notFound,
  })
}

export async function signal(
  context: Context,
  event: string,
  { key, data }: { key?: string; data?: string },
): Promise<number> {
  const answer = await context.client.call('signal', {
    body: {
      event,
      ...(key === undefined ? {} : { key }),
      ...(data === undefined ? {} : { data: jsonFrom(data) }),
    },
  })
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err(`sent ${plain(event)}\n`)
  return exitCodes.done
}

function jsonFrom(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw wrongUse(
      `--data is no JSON: ${(error as Error).message}`,
      'quote texts: --data \'"yes"\'',
    )
  }
}
