/** A host's log, told to whoever reads the world's trace, and to nobody else. */
import type { Log, LogFields } from '../../protocol/ports/log.ts'
import type { Host } from './host.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

export class TracedLog implements Log {
  private readonly host: Host
  private readonly life: number
  private readonly component: string

  constructor(host: Host, component = '') {
    this.host = host
    this.life = host.life
    this.component = component
  }

  debug(message: string, fields?: LogFields): void {
    this.tell('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.tell('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.tell('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.tell('error', message, fields)
  }

  child(component: string): Log {
    return new TracedLog(this.host, this.component ? `${this.component}.${component}` : component)
  }

  private tell(level: Level, message: string, fields: LogFields = {}): void {
    const { host } = this
    const { sink } = host.world.trace
    if (sink === undefined || this.life !== host.life) return
    const told = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    )
    const text = [level.padEnd(5), this.component, message, ...told].filter(Boolean).join(' ')
    sink({ atMs: host.world.nowMs, host: host.name, kind: 'log', text })
  }
}
