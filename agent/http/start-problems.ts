/** Why the listener does not start, in words for the person who configured it. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { listenRefused } from '../life/refusals.ts'

/** What sets the address. */
const key = 'api.listen'

const codes: Readonly<Record<string, string>> = {
  EADDRINUSE: 'portTaken',
  EADDRNOTAVAIL: 'badAddress',
  EAFNOSUPPORT: 'badAddress',
  EINVAL: 'badAddress',
  ENOTFOUND: 'badAddress',
  ERR_SOCKET_BAD_PORT: 'badAddress',
  EACCES: 'noPermission',
  EPERM: 'noPermission',
}

export function cannotListen(host: string, port: number, error: unknown): Problem {
  const problem = listenRefused(shownAddress(host, port), key, error)
  const { why, fix, exitCode } = problem
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : ''
  const code = codes[systemCode] ?? problem.code
  return new Problem({ code, why, fix, exitCode }, error)
}

/** A name that should be of loopback, and is not: what passes there could be read on the way. */
export function notLoopback(host: string, port: number): Problem {
  return new Problem({
    code: 'notLoopback',
    why: `will not serve the control API on ${shownAddress(host, port)}: that is not loopback, and there is no TLS`,
    fix: `set ${key} to 127.0.0.1:${port}, or to the address itself, which is served with TLS`,
    exitCode: exitCodes.refused,
  })
}

export function shownAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
