/**
 * Starts a program from the agent itself: where there is no nursery, and what a shell would not hand
 * on unharmed. How it ends is told to this life of the agent only, and written down nowhere.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { StartError } from '../../../protocol/ports/processes.ts'
import { startError } from '../processes.ts'
import { type Ended, unknownEnd } from './ended.ts'
import { groupWords } from './group-words.ts'
import { findProgram, type Launch, type Launched } from './launch.ts'
import { openForProgram } from './pipes.ts'

/** `holding`: a program that becomes it, and what it is to hold it to; or nothing. */
export async function launchDirectly(
  launch: Launch,
  holding: readonly string[],
): Promise<Launched> {
  const { spec, groupDirectory } = launch
  const child = await spawned(launch, holding)
  const { pid } = child
  if (pid === undefined) {
    const error = await new Promise((resolve) => child.once('error', resolve))
    throw await startError(error, spec)
  }
  const end = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      const exited = { kind: 'exited', code: code ?? 0 } as const
      const exit = signal === null ? exited : ({ kind: 'signalled', signal } as const)
      resolve({ ...unknownEnd, exit })
    })
  })
  if (groupDirectory !== undefined) await moveInto(groupDirectory, pid, spec.name)
  return { pid, end }
}

async function spawned(
  { spec, env, outputs }: Launch,
  holding: readonly string[],
): Promise<ChildProcess> {
  // A program in between would only exit with a code where this one cannot be started.
  if (holding.length > 0) findProgram(spec)
  const ends = outputs.map(openForProgram)
  const [program = '', ...args] = [...holding, ...spec.argv]
  try {
    return spawn(program, args, {
      cwd: spec.cwd,
      env,
      detached: true,
      stdio: ['ignore', ...ends.map(({ fd }) => fd)],
    })
  } catch (error) {
    throw await startError(error, spec)
  } finally {
    for (const end of ends) end.close()
  }
}

/** At once: the program is hardly loaded, and has had no time for children of its own. */
async function moveInto(groupDirectory: string, pid: number, name: string): Promise<void> {
  const refused = await groupWords.said(join(groupDirectory, 'cgroup.procs'), String(pid))
  if (refused === undefined) return
  // It may be over already. What still runs must not run without its limits.
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    return
  }
  throw new StartError(
    'limit',
    `${name} cannot be moved into its control group: ${String(refused)}`,
  )
}
