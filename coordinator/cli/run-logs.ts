/** `skein runs logs`: what stages wrote; more than one are told apart by their names. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { LogPart } from '../api/run-schemas.ts'
import type { Context } from './context.ts'
import { paint } from './io.ts'
import { plain } from './table.ts'
import { Written } from './written.ts'

export interface LogFlags {
  item?: string
  attempt?: string
  follow?: true
}

export async function logs(
  context: Context,
  run: string,
  stage: string | undefined,
  { item, attempt, follow }: LogFlags,
): Promise<number> {
  const { client, io, json, interrupted } = context
  const parts = await client.stream('runLogs', {
    parameters: { run },
    query: {
      follow: follow ? 'true' : 'false',
      ...(stage === undefined ? {} : { stage }),
      ...(item === undefined ? {} : { item: Number(item) }),
      ...(attempt === undefined ? {} : { attempt: Number(attempt) }),
    },
  })
  const printer = new LogPrinter(context, stage !== undefined, item !== undefined)
  try {
    for await (const part of parts) {
      if (json) io.out(`${JSON.stringify(part)}\n`)
      else printer.print(part)
    }
  } catch (error) {
    if (!(error instanceof Problem && interrupted.aborted)) throw error
    printer.end()
    if (!json && !context.quiet) {
      const words = [
        run,
        ...(stage === undefined ? [] : [stage]),
        ...(item === undefined ? [] : ['--item', item]),
        ...(attempt === undefined ? [] : ['--attempt', attempt]),
      ]
      io.err(`come back with: skein runs logs ${plain(words.join(' '))} -f\n`)
    }
    return exitCodes.interrupted
  }
  printer.end()
  return exitCodes.done
}

/** Whole lines, each with where it comes from when that is not plain. */
class LogPrinter {
  private readonly context: Context
  /** A stage was named; and which of its items. */
  private readonly isStage: boolean
  private readonly isItem: boolean
  /** Of these all is told as it is: nothing else is meant. */
  private readonly asIs = new Set<string>()
  /** What has no end yet, by attempt and stream. */
  private readonly rests = new Map<string, string>()
  /** On a terminal, which would obey it: the same. */
  private readonly written = new Map<string, Written>()

  constructor(context: Context, isStage: boolean, isItem: boolean) {
    this.context = context
    this.isStage = isStage
    this.isItem = isItem
  }

  print(part: LogPart): void {
    const { io, quiet } = this.context
    const label = plain(labelOf(part))
    if (part.note !== undefined && !quiet) {
      const note = part.note + untilOf(part)
      io.err(paint(io, 'dim', `${label}: ${io.terminal ? plain(note) : note}\n`))
    }
    if (part.text === undefined) return
    const key = `${label}/${part.from ?? ''}`
    const text = this.shown(key, part.text)
    if (this.isStage && (this.isItem || part.item === undefined)) {
      this.asIs.add(key)
      io.out(text)
      return
    }
    const lines = ((this.rests.get(key) ?? '') + text).split('\n')
    this.rests.set(key, lines.pop() ?? '')
    for (const line of lines) io.out(`${paint(io, 'cyan', label)} ${line}\n`)
  }

  end(): void {
    const { out } = this.context.io
    for (const [key, written] of this.written) {
      const rest = written.rest()
      if (this.asIs.has(key)) out(rest)
      else this.rests.set(key, (this.rests.get(key) ?? '') + rest)
    }
    for (const [key, rest] of this.rests) {
      if (rest !== '') out(`${key.slice(0, key.lastIndexOf('/'))} ${rest}\n`)
    }
    this.rests.clear()
    this.written.clear()
  }

  /** As it is, but on a terminal. */
  private shown(key: string, text: string): string {
    const { terminal, colour } = this.context.io
    if (!terminal) return text
    const written = this.written.get(key) ?? new Written(colour)
    this.written.set(key, written)
    return written.shown(text)
  }
}

function untilOf({ shippedUntilMs }: LogPart): string {
  if (shippedUntilMs === undefined) return ''
  return ` until ${new Date(shippedUntilMs).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`
}

function labelOf({ stage, item, attempt }: LogPart): string {
  const of = item === undefined ? stage : `${stage}[${item}]`
  return attempt > 1 ? `${of}#${attempt}` : of
}
