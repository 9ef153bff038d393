/**
 * Programs in a sandbox, by bubblewrap: they see the system and may change none of it but the
 * directories they are given, have a /tmp of their own, and see neither other processes nor what is
 * the agent's. The network is theirs as it is anybody's.
 *
 * What bubblewrap leaves outside would die of the signal that asks a program to end, and take the
 * promise of a grace period along. So it ignores that, as does the first program inside, which starts
 * the one that is meant and ends with it: then the kernel ends all that is left in there.
 */
import { execFile } from 'node:child_process'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CellSpec } from '../../../protocol/ports/cells.ts'
import { StartError } from '../../../protocol/ports/processes.ts'
import { programOnPath } from '../program-on-path.ts'
import { type Ended, exitOf } from './ended.ts'

const run = promisify(execFile)
const PROGRAM = 'bwrap'
const places = ['/usr/bin', '/bin', '/usr/local/bin']
const polite = 'TERM,INT,HUP'
/** Sockets of engines and services, that whoever reaches them could make do what he may not. */
const sockets = '/run'
const timeout = 10_000
const SIGNALLED = 128

export interface Sandbox {
  /** Why there is none; then nothing is started in it. */
  readonly missing: string | undefined
  /** The words that start a program in it. */
  words(spec: Pick<CellSpec, 'argv' | 'cwd' | 'env' | 'sandbox'>): readonly [string, ...string[]]
}

export const noSandbox = (missing: string): Sandbox => ({
  missing,
  words: () => {
    throw new StartError('failed', `there is no sandbox: ${missing}`)
  },
})

/**
 * As far as a program can be started in one on this host, which is tried once. `hidden`: files and
 * directories that nobody sees in it. `before`: what programs are held to besides.
 */
export async function openSandbox(
  hidden: readonly string[],
  before: readonly string[],
): Promise<Sandbox> {
  const place = places.find((each) => programOnPath([PROGRAM], each) !== undefined)
  if (place === undefined) return noSandbox(`there is no ${PROGRAM} (install bubblewrap)`)
  const sandbox = new Bubblewrap(join(place, PROGRAM), hidden)
  const tried = { argv: ['/bin/true'], cwd: '/', env: {} } as const
  const [program = '', ...words] = [...before, ...sandbox.words(tried)]
  try {
    await run(program, words, { cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, timeout })
    return sandbox
  } catch (error) {
    const { stderr = '', message = '' } = Object(error) as { stderr?: string; message?: string }
    const why = (stderr.trim() || message).split('\n')[0] ?? ''
    return noSandbox(`the system does not let ${PROGRAM} make one: ${why}`)
  }
}

class Bubblewrap implements Sandbox {
  readonly missing = undefined
  readonly #program: string
  readonly #hidden: readonly string[]

  constructor(program: string, hidden: readonly string[]) {
    this.#program = program
    this.#hidden = hidden
  }

  words({
    argv,
    cwd,
    env,
    sandbox: { own, directory, readable } = { own: '/tmp', readable: [] },
  }: Parameters<Sandbox['words']>[0]): readonly [string, ...string[]] {
    const hidden = this.#hidden.filter((path) => existsSync(path)).map((path) => realpathSync(path))
    if (directory !== undefined) refuseIfRevealing(directory, hidden)
    const writable = directory === undefined ? [own] : [directory, own]
    return [
      ...(['/usr/bin/env', `--ignore-signal=${polite}`, this.#program] as const),
      ...['--unshare-pid', '--unshare-ipc', '--as-pid-1', '--cap-drop', 'ALL'],
      ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
      ...['/tmp', '/var/tmp', sockets].filter(isDirectory).flatMap((path) => ['--tmpfs', path]),
      ...resolverIn(sockets),
      ...hidden.flatMap((path) => hiding(path)),
      ...writable.flatMap((path) => ['--bind', path, path]),
      ...readable.flatMap((path) => ['--ro-bind', path, path]),
      ...['--chdir', cwd, '--'],
      // Starts a program and waits for it, and does nothing with signals. The lock is nobody's.
      ...['/usr/bin/flock', '--close', '/tmp'],
      ...['/usr/bin/env', `--default-signal=${polite}`],
      // Bubblewrap says where it was started, whatever was said of that before.
      ...(env.PWD === undefined ? ['-u', 'PWD'] : [`PWD=${env.PWD}`]),
      ...argv,
    ]
  }
}

/** What has ended by a signal inside has a code of its own outside, as shells have it. */
export function endInside(end: Ended): Ended {
  const { exit } = end
  if (exit.kind !== 'exited' || exit.code <= SIGNALLED || exit.code > SIGNALLED + 64) return end
  return { ...end, exit: exitOf('killed', exit.code - SIGNALLED) }
}

function hiding(path: string): string[] {
  return isDirectory(path) ? ['--tmpfs', path] : ['--ro-bind', '/dev/null', path]
}

/** Names are looked up by a file that may lie among the sockets. */
function resolverIn(directory: string): string[] {
  const link = '/etc/resolv.conf'
  if (!existsSync(link)) return []
  const path = realpathSync(link)
  return path.startsWith(`${directory}/`) ? ['--ro-bind', path, path] : []
}

/** Neither what holds the agent's, nor what is in it. */
function refuseIfRevealing(path: string, hidden: readonly string[]): void {
  const real = `${realpathSync(path)}/`.replace('//', '/')
  const revealed = hidden.find((each) => {
    return `${each}/`.startsWith(real) || real.startsWith(`${each}/`)
  })
  if (revealed === undefined) return
  const why = `no stage is to see ${revealed}; name a directory that has nothing to do with it`
  throw new StartError('badDirectory', `no sandbox can be had in ${path}: ${why}`)
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
