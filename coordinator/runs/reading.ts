/**
 * Texts of people into workflows. A small one is read at once. A large one would keep an agent from
 * everything else for long enough to be suspected, so that it is read, checked and written out in a
 * thread; what comes back is its canonical text, which takes a fraction of that to read.
 *
 * Whatever is taken can be read again from its canonical text, as every agent will have to.
 */
import { fileURLToPath } from 'node:url'
import type { FunctionEnd, Functions } from '../../protocol/ports/functions.ts'
import { Turns } from '../../protocol/turns.ts'
import { canonicalHash } from '../../protocol/workflow/canonical.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { Mistaken } from '../api/errors.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { WorkflowLibrary } from './library.ts'
import { readingLimits } from './limits.ts'
import { type WrittenOut, writtenOut } from './writing-out.ts'

const THREAD = fileURLToPath(new URL('./writing-out.ts', import.meta.url))

export class WorkflowReading {
  private readonly functions: Functions
  private readonly library: WorkflowLibrary
  private readonly threads = new Turns(readingLimits.threadsMax)

  constructor(functions: Functions, library: WorkflowLibrary) {
    this.functions = functions
    this.library = library
  }

  /** Throws what the caller is to be told. */
  async read(text: string, signal: AbortSignal): Promise<Workflow> {
    const known = this.library.knownText(text)
    if (known !== undefined) return known
    if (text.length > readingLimits.inlineLengthMax) return this.readLarge(text, signal)
    const parsed = parseWorkflow(text)
    if (!parsed.ok) throw mistaken(parsed)
    this.library.keepText(text, parsed.workflow)
    return parsed.workflow
  }

  private async readLarge(text: string, signal: AbortSignal): Promise<Workflow> {
    const read = await this.inThread(text, signal)
    if (!read.ok) throw mistaken(read)
    const { canonical } = read
    const found = this.library.learn(canonicalHash(canonical), canonical)
    if (!found.ok) throw tooLarge(`takes ${canonical.length} characters, which is too large`)
    this.library.keepText(text, found.workflow)
    return found.workflow
  }

  private inThread(text: string, signal: AbortSignal): Promise<WrittenOut> {
    const { waitingMax } = readingLimits
    if (this.threads.waiting >= waitingMax) {
      const why = `${waitingMax} large workflows wait here to be read`
      throw new ApiRefusal('overloaded', why, 'try again in a moment, or ask another agent')
    }
    return this.threads.with(async () => {
      signal.throwIfAborted()
      return writtenOutBy(await this.called(text, signal))
    })
  }

  private async called(text: string, signal: AbortSignal): Promise<FunctionEnd> {
    const { threadMemoryBytes, resultBytesMax } = readingLimits
    const spec = {
      module: THREAD,
      export: writtenOut.name,
      input: JSON.stringify({ text }),
      env: {},
      memoryBytes: threadMemoryBytes,
      resultBytesMax,
    }
    const call = this.functions.call(spec, () => {})
    const stop = () => call.stop()
    signal.addEventListener('abort', stop)
    try {
      return await call.ended()
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

function writtenOutBy(end: FunctionEnd): WrittenOut {
  if (end.kind === 'returned' && end.result !== undefined) {
    return JSON.parse(end.result) as WrittenOut
  }
  const isTooLarge = end.kind === 'outOfMemory' || end.kind === 'badResult'
  if (!isTooLarge) {
    const why = 'message' in end ? end.message : 'it returned nothing'
    throw new Error(`reading a workflow in a thread went wrong: ${why}`)
  }
  throw tooLarge('is too large')
}

function tooLarge(how: string): ApiRefusal {
  const why = `with its defaults written out, the workflow ${how}`
  return new ApiRefusal('badRequest', why, 'start parts of it as subflows, or set fewer defaults')
}

function mistaken({ mistakes, more }: Extract<WrittenOut, { ok: false }>): Mistaken {
  const count = mistakes.length + more
  return new Mistaken(
    count === 1 ? 'the workflow has a mistake' : `the workflow has ${count} mistakes`,
    'skein workflow validate FILE shows each with its place',
    mistakes.map(({ line, column, message, hint }) => ({
      where: `${line}:${column}`,
      why: hint === undefined ? message : `${message} (${hint})`,
    })),
  )
}
