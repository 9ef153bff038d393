/** Where the agent's doings are told to people. The core does not log: it returns events. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** A constant lower-case message, and what varies as flat fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with a component's name bound to it. */
  child(component: string): Log
}

/** For programs that tell what goes wrong in one line at their end. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
}
