/** `skein workflow validate` and `skein workflow schema`: what needs a file and no agent. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { workflowJsonSchema } from '../../protocol/workflow/json-schema.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import type { Mistake } from '../../protocol/workflow/mistake.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { type ParsedWorkflow, parseWorkflow } from '../../protocol/workflow/parse.ts'
import { type Context, document } from './context.ts'
import { fileBytes, fileName } from './file-bytes.ts'
import { paint } from './io.ts'
import { plain } from './table.ts'

/** No workflow within the limits has more, whatever its characters. */
const BYTES_MAX = 3 * workflowLimits.textLengthMax + 1
const ANOTHER_FILE = 'name a workflow file, or - for stdin'

export async function validate(context: Context, file: string): Promise<number> {
  const { name, text } = await workflowText(file)
  const parsed = parseWorkflow(text)
  if (context.json) document(context, mistakesDocument(name, parsed))
  else tell(context, name, parsed)
  return parsed.ok ? exitCodes.done : exitCodes.usage
}

/** The workflow in a file and its text. Undefined when it has mistakes: they have been told then. */
export async function workflowIn(
  context: Context,
  file: string,
): Promise<{ text: string; workflow: Workflow } | undefined> {
  const text = await textOf(file)
  const parsed = parseWorkflow(text)
  if (parsed.ok) return { text, workflow: parsed.workflow }
  if (context.json) document(context, mistakesDocument(fileName(file), parsed))
  else tell(context, fileName(file), parsed)
  return undefined
}

export async function schema({ io }: Context): Promise<number> {
  io.out(`${JSON.stringify(workflowJsonSchema(), null, 2)}\n`)
  return exitCodes.done
}

export function mistakesDocument(file: string, parsed: ParsedWorkflow): object {
  const common = { schemaVersion: 1, file, valid: parsed.ok }
  if (!parsed.ok) return { ...common, mistakes: parsed.mistakes, more: parsed.more }
  const { name, stages } = parsed.workflow
  const workflow = { name, stages: stages.length, hash: workflowHash(parsed.workflow) }
  return { ...common, workflow, mistakes: [], more: 0 }
}

function tell({ io, quiet }: Context, file: string, parsed: ParsedWorkflow): void {
  if (parsed.ok) {
    const { name, stages } = parsed.workflow
    const count = stages.length === 1 ? '1 stage' : `${stages.length} stages`
    io.out(`${plain(file)}: ${paint(io, 'green', 'valid')}, workflow ${plain(name)} of ${count}\n`)
    return
  }
  const { mistakes, more } = parsed
  io.out(mistakes.map((mistake) => `${mistakeLine(file, mistake)}\n`).join(''))
  const count = mistakes.length + more === 1 ? '1 mistake' : `${mistakes.length + more} mistakes`
  if (!quiet)
    io.err(`${count}${more > 0 ? `, or more; the first ${mistakes.length} are shown` : ''}\n`)
}

/** As compilers write it, so that editors and terminals find the place. */
export function mistakeLine(file: string, { line, column, message, hint }: Mistake): string {
  return plain(`${file}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`)
}

/** The text of a file, and how to call it. */
export async function workflowText(file: string): Promise<{ name: string; text: string }> {
  return { name: fileName(file), text: await textOf(file) }
}

/** No more of it than could be right. */
async function textOf(file: string): Promise<string> {
  const bytes = whole(await fileBytes(file, { bytesMax: BYTES_MAX, fix: ANOTHER_FILE }))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new Problem(
      {
        code: 'notText',
        why: `${plain(file)} is no text in UTF-8`,
        fix: 'save it as UTF-8',
        exitCode: exitCodes.usage,
      },
      error,
    )
  }
}

/** Where it was cut, a character may have been: it is refused for its length anyway. */
function whole(bytes: Uint8Array): Uint8Array {
  if (bytes.length < BYTES_MAX) return bytes
  return bytes.map((byte) => (byte < 0x80 ? byte : 0x3f))
}
