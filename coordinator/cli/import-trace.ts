/** `skein workflow import wfformat`: from the trace of a workflow that ran to one that can run here. */

import type { Refused } from '../../models/traces/findings.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { type Imported, importWfFormat } from '../importing/import.ts'
import { importLimits } from '../importing/limits.ts'
import type { Format, Work } from '../importing/options.ts'
import { type Context, document } from './context.ts'
import { age } from './figures.ts'
import { fileBytes, fileName, writeTo } from './file-bytes.ts'
import { plain } from './table.ts'
import { wrongUse } from './usage.ts'

export interface ImportFlags {
  timeScale: string
  work: Work
  resources?: boolean
  labels?: boolean
  format?: Format
  out?: string
}

export async function importTrace(
  context: Context,
  file: string,
  flags: ImportFlags,
): Promise<number> {
  const timeScale = Number(flags.timeScale)
  if (timeScale > importLimits.timeScaleMax) {
    const why = `--time-scale is ${flags.timeScale}, and it can be up to ${importLimits.timeScaleMax}`
    throw wrongUse(why, 'choose a smaller one')
  }
  const bytes = await fileBytes(file, {
    bytesMax: importLimits.fileBytesMax + 1,
    fix: 'name a trace in WfFormat, or - for stdin',
  })
  const imported = importWfFormat(bytes, {
    work: flags.work,
    timeScale,
    resources: flags.resources === true,
    labels: flags.labels === true,
    format: flags.format ?? (flags.out?.endsWith('.json') ? 'json' : 'yaml'),
  })
  if (!imported.ok) throw notImported(fileName(file), imported)
  if (flags.out !== undefined) await writeTo(context, flags.out, imported.text)
  if (context.json) document(context, answer(fileName(file), flags.out, imported))
  else tell(context, flags.out, imported)
  return exitCodes.done
}

function answer(file: string, out: string | undefined, imported: Imported): object {
  const { workflow, figures } = imported
  const { name, stages } = workflow
  return {
    schemaVersion: 1,
    file,
    workflow: { name, stages: stages.length, hash: workflowHash(workflow) },
    trace: figures,
    ...(out === undefined ? { document: imported.document } : { out }),
  }
}

function tell({ io, quiet }: Context, out: string | undefined, imported: Imported): void {
  const { workflow, text, figures } = imported
  if (out === undefined) io.out(text)
  if (quiet) return
  const { tasks, edges, untimed, workSeconds, pathSeconds } = figures
  const times = `${age(workSeconds * 1_000)} of work, ${age(pathSeconds * 1_000)} along the longest way`
  io.err(`${plain(workflow.name)}: ${tasks} stages, ${edges} needs, ${times}\n`)
  if (untimed > 0) io.err(`${untimed} of them have no time in the trace, and take none\n`)
  if (out !== undefined) io.err(`written to ${plain(out)}\n`)
}

function notImported(file: string, { mistakes, more }: Refused): Problem {
  const [first] = mistakes
  const others = mistakes.length - 1 + more
  const place = first?.place === '' ? '' : ` ${first?.place}:`
  const left = others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'mistake' : 'mistakes'})`
  return new Problem({
    code: 'badTrace',
    why: plain(`${file}:${place} ${first?.why}${left}`),
    fix: plain(first?.fix ?? ''),
    exitCode: exitCodes.usage,
  })
}
