/**
 * Why an agent does not start, in words for the person who started it: what is wrong, where, and
 * what to do next. One place, so that the same trouble reads the same from every command.
 */

import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { messageOf } from '../../protocol/thrown.ts'
import type { ConfigProblem } from '../config/problem.ts'
import { errnoOf } from '../ports/errno.ts'

/** One line for each mistake; a single one stands on the first line. */
export function configRefused(problems: readonly ConfigProblem[]): Problem {
  const [first] = problems
  if (problems.length === 1 && first !== undefined) {
    const { where, why, fix } = first
    return new Problem({
      code: 'configRefused',
      why: `${where}: ${why}`,
      fix,
      exitCode: exitCodes.usage,
    })
  }
  const lines = problems.map(({ where, why, fix }) => `\n  ${where}: ${why}; ${fix}`)
  return new Problem({
    code: 'configRefused',
    why: `the configuration has ${problems.length} mistakes:${lines.join('')}`,
    fix: 'mend them and start again',
    exitCode: exitCodes.usage,
  })
}

export function configUnreadable(fileName: string, error: unknown): Problem {
  const missing = errnoOf(error) === 'ENOENT'
  return new Problem(
    {
      code: missing ? 'configNotFound' : 'configUnreadable',
      why: `cannot read the configuration ${fileName}: ${because(error)}`,
      fix: missing ? 'name another with --config, or leave it out' : 'let this user read it',
      exitCode: missing ? exitCodes.notFound : exitCodes.usage,
    },
    error,
  )
}

/** `key` is what sets the address: `api.listen`. */
export function listenRefused(address: string, key: string, error: unknown): Problem {
  const code = errnoOf(error)
  const fixes: Record<string, string> = {
    EADDRINUSE: `stop what listens there (ss -ltnp shows it), or set ${key} to another port`,
    EADDRNOTAVAIL: `set ${key} to an address of this host (ip address shows them)`,
    EACCES: `set ${key} to a port above 1023, or give the agent the right to lower ones`,
  }
  return new Problem(
    {
      code: code === 'EADDRINUSE' ? 'portTaken' : 'listenRefused',
      why: `cannot listen on ${address}: ${because(error)}`,
      fix: fixes[code] ?? `set ${key} to another address`,
      exitCode: code === 'EADDRINUSE' ? exitCodes.conflict : exitCodes.failed,
    },
    error,
  )
}

/** `why` is a clause: “there is no such file”, “it is not a swarm key”. */
export function swarmKeyUnusable(file: string, why: string): Problem {
  return new Problem({
    code: 'swarmKeyUnusable',
    why: `cannot use the swarm key ${file}: ${why}`,
    fix: 'make a mesh with skein init, or join one with skein agent join TOKEN',
    exitCode: exitCodes.usage,
  })
}

/** `place` is what was to be written, `choice` what moves it: `--dir`. */
export function notWritable(place: string, choice: string, error: unknown): Problem {
  const noFolder = errnoOf(error) === 'ENOENT'
  const reason = noFolder ? 'its folder is not there, or takes no files' : because(error)
  return new Problem(
    {
      code: 'notWritable',
      why: `cannot write ${place}: ${reason}`,
      fix: `name another place with ${choice}, or let this user write there`,
      exitCode: exitCodes.failed,
    },
    error,
  )
}

/** The system's words, without the call and the path that it adds: those are said already. */
function because(error: unknown): string {
  const words: Record<string, string> = {
    ENOENT: 'there is no such file',
    EADDRINUSE: 'the port is taken',
    EADDRNOTAVAIL: 'this host has no such address',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'what leads there is not a directory',
    EEXIST: 'something else is in its place',
    ENOSPC: 'the disk is full',
    EDQUOT: 'the quota is used up',
    EROFS: 'the file system is read-only',
  }
  const message = messageOf(error)
  return words[errnoOf(error)] ?? message.split('\n', 1)[0]!
}
