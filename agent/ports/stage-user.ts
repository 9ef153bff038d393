/**
 * The user whom stages run as (`work.user`): found among those of this host, and tried out before
 * anything is taken on. An agent that could not start, see and end that user's programs does not
 * start; it would promise what it cannot keep.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { promisify } from 'node:util'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { holdingOf } from './cells/privileges.ts'
import type { StageUser } from './identity.ts'

const run = promisify(execFile)
const PROBE = 'SKEIN_PROBE'
/** Long enough for the slowest directory of users; one that is silent keeps no agent waiting. */
const timeout = 10_000

export interface StagePlaces {
  /** Where stages work. Others may go through it, and look at nothing. */
  work: string
  /** The agent's own, which stages must not see. */
  data: string
}

/** Rejects with `Problem`. */
export async function stageUser(name: string, { work, data }: StagePlaces): Promise<StageUser> {
  if (process.getuid?.() !== 0) {
    const fix = 'run the agent as root, or leave work.user out'
    throw refused(name, 'only an agent that runs as root can start programs as another user', fix)
  }
  const user = await found(name)
  if (user.uid === 0) {
    const fix = 'name a user without rights, or leave work.user out'
    throw refused(name, 'it is root itself, which keeps nothing from stages', fix)
  }
  mkdirSync(work, { recursive: true, mode: 0o711 })
  chmodSync(work, 0o711)
  if (`${realpathSync(work)}/`.startsWith(`${realpathSync(data)}/`)) {
    const fix = 'set work.directory to a place outside of it, or leave it out'
    throw refused(name, `${work} is in the data directory, which nobody else may enter`, fix)
  }
  await tryOut(user, work)
  return user
}

/** As the system knows it, wherever it keeps its users. */
async function found(name: string): Promise<StageUser> {
  try {
    const { stdout } = await run('getent', ['passwd', name], { timeout })
    const [known = '', , uid = '', gid = '', , home = '/'] = stdout.trim().split(':')
    const groups = await run('id', ['-G', known], { timeout })
    const all = new Set([Number(gid), ...groups.stdout.trim().split(' ').map(Number)])
    return { name: known, uid: Number(uid), gid: Number(gid), groups: [...all], home }
  } catch {
    const fix = `make it (useradd --system ${name}), or set work.user to another`
    throw refused(name, 'there is no such user on this host', fix)
  }
}

/** Starts a program as stages are started, looks at it as at theirs, and ends it. */
async function tryOut(user: StageUser, work: string): Promise<void> {
  const { held } = holdingOf(user)
  if (held.length === 0) {
    throw refused(user.name, 'there is no setpriv here', 'install util-linux')
  }
  const [holder = '', ...words] = [...held, '/bin/sh', '-c', 'cd "$1" && echo in && read _', 'sh']
  const child = spawn(holder, [...words, work], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', [PROBE]: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout,
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const closed = once(child, 'close')
  const said = await Promise.race([once(child.stdout, 'data'), closed.then(() => undefined)])
  const seen = said !== undefined && isSeen(child.pid ?? 0)
  const ended = child.kill('SIGKILL') || said === undefined
  await closed
  if (said === undefined) {
    const why = complaint.trim().split('\n')[0] ?? 'it ended at once'
    const fix = 'let that user enter all directories on the way, or set work.directory elsewhere'
    throw refused(user.name, `no program can be started so in ${work}: ${why}`, fix)
  }
  if (seen && ended) return
  const why = 'the agent may not look at that user’s programs, and could not stop them'
  throw refused(user.name, why, 'give it CAP_SYS_PTRACE and CAP_KILL, or leave work.user out')
}

function isSeen(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${PROBE}=1`)
  } catch {
    return false
  }
}

function refused(name: string, why: string, fix: string): Problem {
  return new Problem({
    code: 'workUserRefused',
    why: `stages cannot run as ${name} (work.user): ${why}`,
    fix,
    exitCode: exitCodes.usage,
  })
}
