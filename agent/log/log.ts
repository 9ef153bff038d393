/**
 * The log of an agent: pino, one line at a time, as JSON or for eyes.
 *
 * Lines are written before the call returns, so that the last words before an exit are not lost.
 * That is affordable because an agent logs what changes, not what passes: an idle one logs nothing.
 */
import { type DestinationStream, type Logger, pino } from 'pino'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log, LogFields } from '../../protocol/ports/log.ts'
import { limits } from './limits.ts'
import { prettyFormat } from './pretty.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogOptions {
  level: LogLevel
  /** `auto` is pretty on a terminal. */
  format: 'auto' | 'json' | 'pretty'
  /** What the lines go to. */
  to: LogTarget
}

export interface LogTarget {
  write(line: string): void
  /** True when people are looking. */
  terminal: boolean
  /** True when they can be shown colours. */
  colour: boolean
}

/** A log whose level can be changed while it is written. */
export interface LeveledLog extends Log {
  /** Of this log, and of all that were made of it. */
  setLevel(level: LogLevel): void
}

export async function openLog(ports: { clock: Clock }, options: LogOptions): Promise<LeveledLog> {
  const { level, format, to } = options
  const pretty = format === 'pretty' || (format === 'auto' && to.terminal)
  const toEyes = pretty ? await prettyFormat(to.colour) : undefined
  const destination: DestinationStream = {
    write: (json) => to.write(toEyes === undefined ? json : toEyes(json)),
  }
  const root = pino(
    {
      // What is too little to be written does not come so far.
      level: 'debug',
      // Neither process nor host: whoever collects logs of many hosts adds both, and surely.
      base: null,
      timestamp: () => `,"time":${ports.clock.wall()}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return new PinoLog(root, undefined, { rank: ranks[level] })
}

/** A file descriptor, written to at once. A full pipe makes the agent wait, as `console` would. */
export function descriptorTarget(
  descriptor: number,
  seen: { terminal: boolean; colour: boolean },
): LogTarget {
  let stalled = 0
  const destination = pino.destination({
    dest: descriptor,
    sync: true,
    maxLength: limits.unwrittenBytesMax,
    retryEAGAIN: () => ++stalled < limits.stalledWritesMax,
  })
  destination.on('write', () => (stalled = 0))
  // A log that cannot be written (disk full, reader gone) must not take the agent with it, and
  // there is nowhere left to say so. What was kept is written with the next line, if it can be.
  destination.on('error', () => {})
  return { ...seen, write: (line) => void destination.write(line) }
}

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

class PinoLog implements LeveledLog {
  private readonly root: Logger
  private readonly bound: Logger
  private readonly component: string | undefined
  /** The least that is written; one for all that were made of the same. */
  private readonly least: { rank: number }

  constructor(root: Logger, component: string | undefined, least: { rank: number }) {
    this.root = root
    this.component = component
    this.least = least
    this.bound = component === undefined ? root : root.child({ component })
  }

  debug(message: string, fields?: LogFields): void {
    this.write('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.write('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.write('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.write('error', message, fields)
  }

  /** Within a component, the part of it: `network.gater`. */
  child(component: string): Log {
    const path = this.component === undefined ? component : `${this.component}.${component}`
    return new PinoLog(this.root, path, this.least)
  }

  setLevel(level: LogLevel): void {
    this.least.rank = ranks[level]
  }

  private write(level: LogLevel, message: string, fields?: LogFields): void {
    if (ranks[level] < this.least.rank) return
    this.bound[level](fields === undefined ? {} : within(fields), message)
  }
}

/** Names that a line has for itself: a field of the same name would stand there twice. */
const taken = new Set(['time', 'level', 'component', 'msg'])

function within(fields: LogFields): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    const long = typeof value === 'string' && value.length > limits.fieldLengthMax
    kept[taken.has(name) ? `${name}_` : name] = long
      ? `${value.slice(0, limits.fieldLengthMax)}…`
      : value
  }
  return kept
}
