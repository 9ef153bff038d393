/**
 * A process that is caught while it becomes another program: it has much memory to give back first,
 * and may have next to nothing of the one core on which somebody else spins. The kernel keeps it
 * locked meanwhile.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'

const MEBIBYTES = 400

/**
 * Whoever spins is of the same session, for some kernels give each session its share of a core, and
 * has nothing of its environment, for it is not to be found by that.
 */
const script = `
import mmap, os, sys
core = max(os.sched_getaffinity(0))
spinner = os.fork()
if spinner == 0:
    os.sched_setaffinity(0, {core})
    os.execve(sys.executable, ['python3', '-c', 'while True: pass'], {})
room = mmap.mmap(-1, ${MEBIBYTES} << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
room.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, len(room), mmap.PAGESIZE): room[at] = 1
os.write(1, b'%d\\n' % spinner)
os.read(0, 1)
os.sched_setaffinity(0, {core})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.execv('/bin/sleep', ['sleep', '60'])
`

/** Why none can be had here. */
export function noBecoming(): string | false {
  const found = spawnSync('python3', ['-c', 'import mmap, os; mmap.MADV_NOHUGEPAGE; os.SCHED_IDLE'])
  return found.status === 0 ? false : 'needs Python 3.8 and Linux'
}

export interface Becoming {
  readonly pid: number
  /** True while it is neither program: it has the name of the first, and no words of either. */
  isCaught(): boolean
  /** Lets it have its core. */
  release(): void
}

/** Also one that is gone already. */
function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Undefined where it was too quick. */
async function tried(t: TestContext, env: NodeJS.ProcessEnv): Promise<Becoming | undefined> {
  const child = spawn('python3', ['-c', script], {
    env,
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [told] = (await once(child.stdout, 'data')) as [Buffer]
  const spinner = Number(told)
  const release = (): void => void killed(spinner)
  t.after(release)
  child.stdin.end('!')
  const pid = child.pid ?? 0
  const isCaught = (): boolean => {
    const name = readFileSync(`/proc/${pid}/comm`, 'latin1')
    return name.startsWith('python') && readFileSync(`/proc/${pid}/cmdline`).length === 0
  }
  const isThrough = (): boolean => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'sleep\n'
  while (!isCaught() && !isThrough()) await new Promise((resolve) => setImmediate(resolve))
  if (isCaught()) return { pid, isCaught, release }
  release()
  child.kill('SIGKILL')
  return undefined
}

/** Once more where it was too quick. */
export async function becoming(t: TestContext, env = process.env): Promise<Becoming> {
  for (;;) {
    const caught = await tried(t, env)
    if (caught !== undefined) return caught
  }
}
