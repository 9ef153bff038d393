/** The terminal that a command talks to, so that tests can be one. */
import { styleText } from 'node:util'

export interface Io {
  /** Data. */
  out(text: string): void
  /** Talk. */
  err(text: string): void
  /** True when people look at `out`. */
  terminal: boolean
  colour: boolean
  columns: () => number
  rows: () => number
  env: Readonly<Record<string, string | undefined>>
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export function paint(io: Io, style: Style, text: string): string {
  return io.colour ? styleText(style, text, { validateStream: false }) : text
}

export function processIo(env: NodeJS.ProcessEnv): Io {
  const { stdout, stderr } = process
  const terminal = stdout.isTTY === true
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0'
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    terminal,
    colour: forced || (terminal && !env.NO_COLOR),
    columns: () => stdout.columns ?? 120,
    rows: () => stdout.rows ?? 40,
    env,
  }
}
