/** `skein workflow validate` and `skein workflow schema`: what needs a file and no agent. */
import { type FileHandle, open } from 'node:fs/promises'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { workflowJsonSchema } from '../../protocol/workflow/json-schema.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import type { Mistake } from '../../protocol/workflow/mistake.ts'
import { type ParsedWorkflow, parseWorkflow } from '../../protocol/workflow/parse.ts'
import { type Context, document } from './context.ts'
import { paint } from './io.ts'
import { plain } from './table.ts'

/** No workflow within the limits has more, whatever its characters. */
const BYTES_MAX = 3 * workflowLimits.textLengthMax + 1
const STDIN = '-'

export async function validate(context: Context, file: string): Promise<number> {
  const name = file === STDIN ? 'stdin' : file
  const parsed = parseWorkflow(await textOf(file))
  if (context.json) document(context, answer(name, parsed))
  else tell(context, name, parsed)
  return parsed.ok ? exitCodes.done : exitCodes.usage
}

export async function schema({ io }: Context): Promise<number> {
  io.out(`${JSON.stringify(workflowJsonSchema(), null, 2)}\n`)
  return exitCodes.done
}

function answer(file: string, parsed: ParsedWorkflow): object {
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
  io.out(mistakes.map((mistake) => `${line(file, mistake)}\n`).join(''))
  const count = mistakes.length + more === 1 ? '1 mistake' : `${mistakes.length + more} mistakes`
  if (!quiet)
    io.err(`${count}${more > 0 ? `, or more; the first ${mistakes.length} are shown` : ''}\n`)
}

/** As compilers write it, so that editors and terminals find the place. */
function line(file: string, { line, column, message, hint }: Mistake): string {
  return plain(`${file}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`)
}

/** No more of it than could be right. */
async function textOf(file: string): Promise<string> {
  const bytes = file === STDIN ? await fromStdin() : await fromFile(file)
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

async function fromFile(file: string): Promise<Uint8Array> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file)
    const chunks: Buffer[] = []
    for await (const chunk of handle.createReadStream({ end: BYTES_MAX - 1 })) chunks.push(chunk)
    return whole(Buffer.concat(chunks))
  } catch (error) {
    throw unreadable(file, error as NodeJS.ErrnoException)
  } finally {
    await handle?.close()
  }
}

async function fromStdin(): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= BYTES_MAX) break
  }
  return whole(Buffer.concat(chunks).subarray(0, BYTES_MAX))
}

/** Where it was cut, a character may have been: it is refused for its length anyway. */
function whole(bytes: Uint8Array): Uint8Array {
  if (bytes.length < BYTES_MAX) return bytes
  return bytes.map((byte) => (byte < 0x80 ? byte : 0x3f))
}

function unreadable(file: string, error: NodeJS.ErrnoException): unknown {
  const why = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a folder',
    EACCES: 'it may not be read',
  }[error.code ?? '']
  if (why === undefined) return error
  return new Problem(
    {
      code: 'unreadable',
      why: `${plain(file)}: ${why}`,
      fix: 'name a workflow file, or - for stdin',
      exitCode: error.code === 'ENOENT' ? exitCodes.notFound : exitCodes.usage,
    },
    error,
  )
}
