/** `skein runs artifacts`: which files stages hand on, and their way to this machine. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { ArtifactFiles, RunArtifacts } from '../api/artifact-schemas.ts'
import { placeFile } from './artifact-file.ts'
import { type Context, document } from './context.ts'
import { ABSENT, bytes } from './figures.ts'
import type { Io } from './io.ts'
import { plain, table } from './table.ts'
import { wrongUse } from './usage.ts'

export interface ArtifactFlags {
  item?: string
  to?: string
  file?: string
}

export type List = RunArtifacts['lists'][number]
export type File = ArtifactFiles['files'][number]
/** A list, with its files where a host has told of them. */
type Told = List & { contents?: File[]; missing?: string }

export async function artifacts(
  context: Context,
  run: string,
  stage: string | undefined,
  { item, to, file }: ArtifactFlags,
): Promise<number> {
  if (file !== undefined && to === undefined) {
    throw wrongUse('--file says which file is wanted, and not where to', 'add --to DIRECTORY')
  }
  const answer = await context.client.call('runArtifacts', {
    parameters: { run },
    query: {
      ...(stage === undefined ? {} : { stage }),
      ...(item === undefined ? {} : { item: Number(item) }),
    },
  })
  if (answer.lists.length === 0) return nothing(context, answer)
  const isClose = stage !== undefined || to !== undefined
  const lists: Told[] = isClose
    ? await Promise.all(answer.lists.map((list) => withContents(context, list)))
    : answer.lists
  if (to !== undefined) return save(context, answer, lists, { to, file })
  if (context.json) document(context, { ...answer, lists })
  else context.io.out(`${isClose ? fileTable(lists, context.io) : listTable(lists, context.io)}\n`)
  return codeOf(context, lists)
}

function nothing(context: Context, answer: RunArtifacts): number {
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err('nothing is handed on\n')
  return exitCodes.notFound
}

/** Some lists may be on hosts that are gone: those are told of, and the others count. */
function codeOf({ io, json, quiet }: Context, lists: readonly Told[]): number {
  const missing = lists.filter((list) => list.missing !== undefined)
  if (missing.length === 0) return exitCodes.done
  if (!json && !quiet) {
    for (const list of missing) io.err(`${plain(nameOf(list))}: ${plain(list.missing ?? '')}\n`)
  }
  return exitCodes.partly
}

export function nameOf({ stage, item }: Pick<List, 'stage' | 'item'>): string {
  return item === undefined ? stage : `${stage}[${item}]`
}

async function withContents(context: Context, list: Told): Promise<Told> {
  const asked: string[] = []
  for (const { node, nodeName } of list.hosts) {
    try {
      const contents = await contentsFrom(context, node, list.manifest)
      if (contents !== undefined) return { ...list, contents }
      asked.push(`${nodeName} has them no more`)
    } catch (error) {
      if (!(error instanceof Problem) || context.interrupted.aborted) throw error
      asked.push(error.why)
    }
  }
  return { ...list, missing: `its files cannot be read now: ${asked.join('; ')}` }
}

/** Undefined when the host has no such list. */
async function contentsFrom(
  { client }: Context,
  node: string,
  manifest: string,
): Promise<File[] | undefined> {
  const contents: File[] = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await client.call('artifactFiles', {
      parameters: { node, manifest },
      query: after === undefined ? {} : { after },
    })
    if (!page.known) return undefined
    contents.push(...page.files)
    after = page.next
  }
  return contents
}

function listTable(lists: readonly List[], io: Io): string {
  const columns = [
    { title: 'STAGE', cutTo: 16 },
    { title: 'FILES', right: true },
    { title: 'SIZE', right: true },
    { title: 'HOSTS' },
    { title: 'LIST', cutTo: 12, leave: 1 },
  ]
  const rows = lists.map((list) => [
    plain(nameOf(list)),
    String(list.files),
    bytes(list.bytes),
    plain(list.hosts.map(({ nodeName }) => nodeName).join(' ')) || ABSENT,
    plain(list.manifest),
  ])
  return table(columns, rows, io.columns())
}

function fileTable(lists: readonly Told[], io: Io): string {
  const columns = [
    { title: 'STAGE', cutTo: 16 },
    { title: 'SIZE', right: true },
    { title: 'FILE', cutTo: 20 },
  ]
  const rows = lists.flatMap((list) =>
    (list.contents ?? []).map((file) => [plain(nameOf(list)), bytes(file.bytes), plain(file.path)]),
  )
  return table(columns, rows, io.columns())
}

/** Each list in a directory of its own, unless there is only one. */
async function save(
  context: Context,
  answer: RunArtifacts,
  lists: readonly Told[],
  { to, file }: { to: string; file: string | undefined },
): Promise<number> {
  const saved: { path: string; bytes: number }[] = []
  for (const list of lists) {
    const named = list.item === undefined ? [list.stage] : [list.stage, String(list.item)]
    const own = lists.length === 1 ? [] : named
    for (const each of list.contents ?? []) {
      if (file !== undefined && each.path !== file) continue
      const path = await placeFile(context, list, each, { to, own })
      saved.push({ path, bytes: each.bytes })
      if (!context.json && !context.quiet) context.io.err(`${plain(path)}  ${bytes(each.bytes)}\n`)
    }
  }
  if (context.json) {
    const { schemaVersion, run } = answer
    document(context, { schemaVersion, run, saved })
  }
  const code = codeOf(context, lists)
  if (saved.length > 0 || code !== exitCodes.done) return code
  if (file === undefined) return exitCodes.done
  const why = `no stage hands on a file ${file}`
  const fix = 'name a stage without --to, and its files are listed'
  throw new Problem({ code: 'notFound', why, fix, exitCode: exitCodes.notFound })
}
