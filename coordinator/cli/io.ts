/** The terminal that a command talks to, so that tests can be one. */
import { createInterface } from 'node:readline'
import { styleText } from 'node:util'

export interface Io {
  /** Data. */
  out(text: string): void
  /** Talk. */
  err(text: string): void
  /** Asks and returns the line that was answered; undefined where nobody can answer. */
  ask: ((question: string, until: AbortSignal) => Promise<string>) | undefined
  /** True when people look at `out`. */
  terminal: boolean
  colour: boolean
  /** What is not for a terminal is not cut: then there is no end to a line. */
  columns: () => number
  rows: () => number
  env: Readonly<Record<string, string | undefined>>
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

const COLUMNS_UNKNOWN = 80
const ROWS_UNKNOWN = 24

export function paint(io: Io, style: Style, text: string): string {
  return io.colour ? styleText(style, text, { validateStream: false }) : text
}

export function processIo(env: NodeJS.ProcessEnv): Io {
  const { stdin, stdout, stderr } = process
  const terminal = stdout.isTTY === true
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0'
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    ask: stdin.isTTY && stderr.isTTY ? askOnTerminal : undefined,
    terminal,
    colour: forced || (terminal && !env.NO_COLOR && env.TERM !== 'dumb'),
    columns: () => (terminal ? stdout.columns || COLUMNS_UNKNOWN : Number.POSITIVE_INFINITY),
    rows: () => stdout.rows || ROWS_UNKNOWN,
    env,
  }
}

/** The terminal's own line editing, so that Ctrl-C stays what it is. No answer is an empty one. */
function askOnTerminal(question: string, until: AbortSignal): Promise<string> {
  const { stdin, stderr } = process
  const reader = createInterface({ input: stdin, terminal: false })
  stderr.write(question)
  return new Promise((resolve) => {
    const answer = (line: string) => {
      until.removeEventListener('abort', giveUp)
      resolve(line)
      reader.close()
    }
    const giveUp = () => answer('')
    until.addEventListener('abort', giveUp)
    reader.once('line', answer)
    reader.once('close', giveUp)
  })
}
