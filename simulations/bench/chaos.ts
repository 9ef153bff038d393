/**
 * `skein bench chaos`: real agents are killed, paused and cut off from each other at random while
 * clients write and read, and what the clients saw is judged. This is the outside: it starts the
 * bench (`chaos-program.ts`) in namespaces of its own, so that nothing is left when it ends, however
 * it ends. That takes root, or a kernel that lets anybody have a network of their own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

export interface ChaosOptions {
  minutes: string
  seed: string
  json: boolean
}

const program = fileURLToPath(new URL('chaos-program.ts', import.meta.url))
const needed = ['unshare', 'ip', 'mount']

export function benchChaos(options: ChaosOptions): Promise<number> {
  return inNamespaces(program, options)
}

/** Runs a program, which is given its options as JSON, where it can make networks. */
export async function inNamespaces(
  program: string,
  options: object,
  /** Words before its command line. */
  before: readonly string[] = [],
): Promise<number> {
  const enter = namespaces()
  const why = whyNot(enter)
  if (why !== undefined) {
    throw new Problem({
      code: 'noNamespaces',
      why: `no network can be made to cut: ${why}`,
      fix: 'run it as root on Linux with util-linux and iproute2, or let users have namespaces (sysctl user.max_net_namespaces)',
      exitCode: exitCodes.refused,
    })
  }
  const child = spawn(
    'unshare',
    [...enter, '--', ...before, process.execPath, program, JSON.stringify(options)],
    { stdio: 'inherit' },
  )
  // Ctrl-C reaches the inside by itself. `unshare` hears nothing while it waits.
  const onTerm = () => signalInside(child)
  process.on('SIGTERM', onTerm)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? exitCodes.interrupted))
    })
  } finally {
    process.off('SIGTERM', onTerm)
  }
}

function signalInside({ pid }: ChildProcess): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  for (const inside of children.trim().split(' ')) process.kill(Number(inside), 'SIGINT')
}

/** Processes as well: with the first of them all end, whatever became of this one. */
function namespaces(): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  return [...user, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
}

/** Undefined when nothing is in the way. */
function whyNot(enter: readonly string[]): string | undefined {
  for (const name of needed) {
    if (spawnSync(name, ['--version']).error) return `${name} is not installed`
  }
  const tried = spawnSync('unshare', [
    ...enter,
    '--',
    'ip',
    'link',
    'add',
    'name',
    'skein',
    'type',
    'bridge',
  ])
  if (tried.status === 0) return undefined
  return tried.stderr.toString().trim().split('\n')[0] ?? 'unshare does not work here'
}
