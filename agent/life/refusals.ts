/**
 * Why an agent does not start, in words for the person who started it: what is wrong, where, and
 * what to do next. One place, so that the same trouble reads the same from every command.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { ConfigProblem } from '../config/problem.ts'

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
  const missing = codeOf(error) === 'ENOENT'
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
  const code = codeOf(error)
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

/** `pid` is the owner's, where the lock tells it. */
export function dataDirectoryLocked(directory: string, pid?: number): Problem {
  const owner = pid === undefined ? 'another agent' : `the agent with process id ${pid}`
  return new Problem({
    code: 'dataDirectoryLocked',
    why: `${directory} is in use by ${owner}`,
    fix: 'stop that agent, or give this one a dataDirectory of its own',
    exitCode: exitCodes.conflict,
  })
}

/** For what the file system, or the store on it, answers when the agent opens its data. */
export function dataDirectoryUnusable(directory: string, error: unknown): Problem {
  const code = codeOf(error)
  const fixes: Record<string, string> = {
    ENOSPC: 'free some space there, or set dataDirectory to another disk',
    full: 'free some space there, or set dataDirectory to another disk',
    EDQUOT: 'raise the quota, or set dataDirectory to another disk',
    EROFS: 'mount it for writing, or set dataDirectory to another place',
    readOnly: 'let the user of the agent write there, or set dataDirectory to another place',
    EACCES: 'give it to the user of the agent, or set dataDirectory to another place',
    EPERM: 'give it to the user of the agent, or set dataDirectory to another place',
    ENOTDIR: 'remove the file that is in its place, or set dataDirectory to another place',
    EEXIST: 'remove the file that is in its place, or set dataDirectory to another place',
    corrupt: 'move it away and start again: the agent then joins as a new one',
  }
  return new Problem(
    {
      code: 'dataDirectoryUnusable',
      why: `cannot keep data in ${directory}: ${because(error)}`,
      fix: fixes[code] ?? 'mend it, or set dataDirectory to another place',
      exitCode: exitCodes.failed,
    },
    error,
  )
}

/** `why` is a clause: “there is no such file”, “it is not a swarm key”. */
export function swarmKeyUnusable(file: string, why: string): Problem {
  return new Problem({
    code: 'swarmKeyUnusable',
    why: `cannot use the swarm key ${file}: ${why}`,
    fix: 'make a mesh with skein init, or copy the key from an agent of the mesh to join',
    exitCode: exitCodes.usage,
  })
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
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
    ENOTDIR: 'it is not a directory',
    EEXIST: 'it is not a directory',
    ENOSPC: 'the disk is full',
    full: 'the disk is full',
    EDQUOT: 'the quota is used up',
    EROFS: 'the file system is read-only',
    readOnly: 'it cannot be written',
    corrupt: 'what is there is damaged',
  }
  const message = error instanceof Error ? error.message : String(error)
  return words[codeOf(error)] ?? message.split('\n', 1)[0]!
}
