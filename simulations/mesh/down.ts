/** `skein down`: stops the local mesh and keeps its data for the next `skein up`. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { isRunning, layoutOf, meshDirectory, processStart, readMeshFile } from './layout.ts'

export interface DownOptions {
  dir?: string
}

/** The supervisor gives each agent eight seconds; it is given those, and a little more. */
const DEADLINE_MS = 15_000
const LOOK_EVERY_MS = 50

export async function down(options: DownOptions): Promise<number> {
  const layout = layoutOf(meshDirectory(options.dir))
  const mesh = readMeshFile(layout)
  if (!mesh || !isRunning(mesh)) {
    const orphans = mesh?.nodes.filter(
      ({ pid, start }) => start !== '' && processStart(pid) === start,
    )
    if (!orphans || orphans.length === 0) {
      process.stderr.write(`no local mesh runs in ${layout.directory}\n`)
      return exitCodes.done
    }
    // Their supervisor was killed; each is known by its process id and its start time.
    for (const { pid } of orphans) process.kill(pid, 'SIGTERM')
    await gone(orphans.map(({ pid, start }) => ({ pid, start })))
    process.stderr.write(`stopped ${orphans.length} agents whose supervisor was gone\n`)
    return exitCodes.done
  }
  process.kill(mesh.supervisorPid, 'SIGTERM')
  await gone([{ pid: mesh.supervisorPid, start: mesh.supervisorStart }])
  process.stderr.write(
    `stopped ${mesh.nodes.length} agents; their data stays in ${layout.directory}\n`,
  )
  return exitCodes.done
}

async function gone(processes: readonly { pid: number; start: string }[]): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    const left = processes.filter(({ pid, start }) => processStart(pid) === start)
    if (left.length === 0) return
    if (performance.now() > deadline) {
      throw new Problem({
        code: 'stillRunning',
        why: `process ${left.map(({ pid }) => pid).join(', ')} does not stop`,
        fix: `look at it, then kill it: kill -9 ${left.map(({ pid }) => pid).join(' ')}`,
        exitCode: exitCodes.noAnswer,
      })
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
