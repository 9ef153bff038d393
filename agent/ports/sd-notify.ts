/**
 * Tells systemd that the agent is ready, or is stopping (sd_notify, `Type=notify`).
 *
 * systemd listens on a unix datagram socket, which Node cannot open, so its own program is started
 * for each message. That is sound for two messages in a life, and wrong for a watchdog, which
 * would start a program every few seconds: the unit has `NotifyAccess=all`, because the message
 * comes from a child, and no `WatchdogSec`.
 *
 * `systemd-notify` returns only after systemd has taken the message (a barrier, since version 246),
 * so the sender is still there when systemd looks up whose it is.
 */
import { execFile } from 'node:child_process'

/** systemd-notify waits up to 5 s for its barrier; an agent that stops has no longer than that. */
const notifyDeadlineMs = 5_000

/** How long a status line may be: systemd shows it on one line. */
const statusLengthMax = 200

/** What became of a message. `none` is the answer outside systemd. */
export type Notified = { ok: true; how: 'sent' | 'none' } | { ok: false; why: string }

export interface ServiceNotices {
  /** The service has started: units that come after it may start. */
  ready(status: string): Promise<Notified>
  /** The service is on its way out: what ends now has not failed. */
  stopping(status: string): Promise<Notified>
}

/** `env` is the process's own; nothing happens unless systemd has put its socket's name there. */
export function serviceNotices(
  env: Readonly<Record<string, string | undefined>>,
  program = 'systemd-notify',
): ServiceNotices {
  const socket = env.NOTIFY_SOCKET
  const path = env.PATH ?? '/usr/bin:/bin'
  // One after the other: systemd must not hear that the agent stops and then that it is ready.
  let last: Promise<Notified> = Promise.resolve({ ok: true, how: 'none' })
  const tell = (state: string, status: string): Promise<Notified> => {
    if (socket === undefined || socket === '') return last
    const line = status.replace(/\p{Cc}+/gu, ' ').slice(0, statusLengthMax)
    last = last.then(() =>
      send(program, [state, `STATUS=${line}`], { NOTIFY_SOCKET: socket, PATH: path }),
    )
    return last
  }
  return {
    ready: (status) => tell('READY=1', status),
    stopping: (status) => tell('STOPPING=1', status),
  }
}

function send(program: string, messages: string[], env: Record<string, string>): Promise<Notified> {
  return new Promise((resolve) => {
    const options = { env, timeout: notifyDeadlineMs, killSignal: 'SIGKILL' } as const
    execFile(program, messages, options, (error, _stdout, stderr) => {
      if (error === null) return resolve({ ok: true, how: 'sent' })
      const missing = error.code === 'ENOENT'
      const said = stderr.trim().split('\n', 1)[0]
      const why = missing ? `${program} is not installed` : said || error.message
      resolve({ ok: false, why: error.killed ? `${program} did not answer in time` : why })
    })
  })
}
