/** `skein model ls/show/rollback`: versions of the model that hosts have in common. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { explainedText } from './model-explained-text.ts'
import { cardText, short, versionTable } from './model-text.ts'
import { plain } from './table.ts'
import { wrongUse } from './usage.ts'

export interface ShowModelFlags {
  explain?: string
  workflow?: string
}

export async function list(context: Context): Promise<number> {
  const told = await context.client.call('models')
  const { io, quiet } = context
  if (context.json) document(context, told)
  else if (told.versions.length > 0) io.out(`${versionTable(told.versions, io.columns())}\n`)
  else if (!quiet) {
    io.err('no version was made yet: skein federate round has hosts learn together\n')
  }
  return told.versions.length > 0 ? exitCodes.done : exitCodes.notFound
}

export async function show(
  context: Context,
  name: string,
  { explain, workflow }: ShowModelFlags,
): Promise<number> {
  if (explain !== undefined) return explained(context, name, explain, workflow)
  if (workflow !== undefined) {
    throw wrongUse('--workflow says where --explain looks, which is not there', 'add --explain')
  }
  const told = await context.client.call('model', { parameters: { version: name } })
  if (context.json) document(context, told)
  else context.io.out(`${cardText(told, context.io.columns())}\n`)
  return exitCodes.done
}

/** By whatever hosts speak by: an older version is nobody's word. */
async function explained(
  context: Context,
  name: string,
  stage: string,
  workflow: string | undefined,
): Promise<number> {
  if (name !== 'duration') {
    const why = 'what is explained is what hosts say now, which is of no version by itself'
    throw wrongUse(why, `skein model show duration --explain ${stage}`)
  }
  const query = { stage, ...(workflow === undefined ? {} : { workflow }) }
  const told = await context.client.call('explainWork', { query })
  const isKnown = told.hosts.some(({ says }) => says !== 'nothing')
  if (context.json) document(context, told)
  else context.io.out(`${explainedText(told, context.io.columns())}\n`)
  if (told.silent !== undefined) return exitCodes.partly
  return isKnown ? exitCodes.done : exitCodes.notFound
}

export async function rollBack(
  context: Context,
  version: string | undefined,
  reason: string,
): Promise<number> {
  const { versions } = await context.client.call('models')
  const active = versions.find(({ state }) => state === 'active')
  const to = version ?? active?.replaced
  const then =
    to === undefined ? 'hosts speak by their own histories' : `hosts speak by ${plain(short(to))}`
  const gone = active === undefined ? '' : `version ${short(active.hash)} is taken back, and `
  await confirm(context, `${gone}${then}`)
  const of = active === undefined ? {} : { of: active.hash }
  const body = { reason, ...of, ...(version === undefined ? {} : { to: version }) }
  const answer = await context.client.call('rollBackModel', { body })
  const { was, active: next, done } = answer
  if (context.json) document(context, answer)
  else if (!context.quiet) {
    const speaks = next === undefined ? 'their own histories' : short(next)
    context.io.err(
      done
        ? `${was === undefined ? '' : `${short(was)} is taken back; `}hosts speak by ${speaks}\n`
        : 'it is wished, and nobody who leads has done it yet: skein model ls shows when it is done\n',
    )
  }
  return done ? exitCodes.done : exitCodes.noAnswer
}
