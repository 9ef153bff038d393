/** `skein audit ls` and `export`: who did what, to read and to keep. */
import { open } from 'node:fs/promises'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { RouteResponse } from '../api/routes.ts'
import { type Context, document } from './context.ts'
import { plain, table } from './table.ts'
import { momentFrom } from './when.ts'

export interface ListFlags {
  last: string
  since?: string
  actor?: string
  verb?: string
  outcome?: string
}

type Entry = RouteResponse<'audit'>['entries'][number]

const TIME_LENGTH = 'YYYY-MM-DDTHH:MM:SS'.length
/** Of an agent's id, where it stands for one that decided by itself. */
const AGENT_ID = /^12D3Koo\w{45}$/
const ID_TAIL_LENGTH = 8

export async function list(context: Context, flags: ListFlags): Promise<number> {
  const { since, actor, verb, outcome } = flags
  const query = {
    last: Number(flags.last),
    ...(since === undefined ? {} : { sinceMs: momentFrom('--since', since) }),
    ...(actor === undefined ? {} : { actor }),
    ...(verb === undefined ? {} : { verb }),
    ...(outcome === undefined ? {} : { outcome }),
  }
  const answer = await context.client.call('audit', { query })
  const { entries, next } = answer
  const { io, quiet } = context
  if (context.json) document(context, answer)
  else if (entries.length > 0) {
    const columns = [
      { title: 'NO', right: true },
      { title: 'TIME' },
      { title: 'WHO', cutTo: 12 },
      { title: 'VERB' },
      { title: 'TO WHAT', cutTo: 20 },
      { title: 'OUTCOME' },
      { title: 'FROM', cutTo: 10, leave: 2 },
      { title: 'WHY', cutTo: 10, leave: 1 },
    ]
    const rows = [...entries]
      .reverse()
      .map((entry) => [
        String(entry.sequence),
        `${new Date(entry.timeMs).toISOString().slice(0, TIME_LENGTH)}Z`,
        plain(whoOf(entry.actor)),
        plain(entry.verb),
        plain(entry.object),
        plain(entry.outcome),
        plain(entry.from ?? ''),
        plain(whyOf(entry)),
      ])
    io.out(`${table(columns, rows, io.columns())}\n`)
  } else if (!quiet) io.err('nothing like that is in the audit log\n')
  if (!context.json && !quiet && next !== undefined && entries.length > 0) {
    io.err('there are older ones; --last shows more, skein audit export FILE has all\n')
  }
  return entries.length > 0 ? exitCodes.done : exitCodes.notFound
}

/** Of what was done, why somebody did it; of what was not, why it was refused goes before that. */
function whyOf({ outcome, reason, detail }: Entry): string {
  const [first, second] = outcome === 'ok' ? [reason, detail] : [detail, reason]
  return first ?? second ?? ''
}

function whoOf(actor: string): string {
  return AGENT_ID.test(actor) ? `agent ${actor.slice(-ID_TAIL_LENGTH)}` : actor
}

export async function exportTo(context: Context, file: string): Promise<number> {
  const lines = await context.client.stream('auditExport', {})
  const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw unwritable(file, error)
  })
  let entries = 0
  let last = 0
  try {
    for await (const line of lines) {
      if (line.kind === 'entry') {
        entries++
        last = line.sequence
      }
      await handle.write(`${JSON.stringify(line)}\n`)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  if (context.json) document(context, { schemaVersion: 1, file, entries, last })
  else if (!context.quiet) {
    const check = `skein audit verify --file ${file} checks it`
    context.io.err(`${entries} entries, up to number ${last}, are in ${file}; ${check}\n`)
  }
  return exitCodes.done
}

function unwritable(file: string, error: NodeJS.ErrnoException): Problem {
  const exists = error.code === 'EEXIST'
  return new Problem({
    code: exists ? 'fileExists' : 'unwritable',
    why: exists ? `${file} is there already` : `${file} cannot be written: ${error.message}`,
    fix: 'name a file that is not there yet, in a folder that you may write to',
    exitCode: exists ? exitCodes.conflict : exitCodes.usage,
  })
}
