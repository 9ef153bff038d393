/**
 * Puts the agent before everybody else on its host for the moments from when a stop is believed until
 * its killing begins: real-time scheduling, under which it has a core as soon as it can use one, and
 * not a share of one. It cannot do that to itself, and to start a program that can would take longer
 * than is to be saved: a small process in Python waits for the word, where there is Python and the
 * host permits it. Elsewhere all goes on as it did.
 *
 * Threads in which functions of modules run are left as they are: one that spins would keep a core.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

const FIRST = 'F'
const AS_USUAL = 'U'

/**
 * Whoever was put first is known by how, so that a process in the place of one that was killed takes
 * back what that has left: children are not put first (`RESET_ON_FORK`), and nobody else says so.
 */
const script = `
import posix, sys
OWNER = int(sys.argv[1])
NAMES = (b'MainThread\\n', b'libuv-worker\\n', b'V8Worker\\n', b'DelayedTaskSche\\n')
FIRST = posix.SCHED_RR | posix.SCHED_RESET_ON_FORK
USUAL = posix.SCHED_OTHER
one, none = posix.sched_param(1), posix.sched_param(0)

def isMeant(thread):
    if thread == OWNER: return True
    name = posix.open('/proc/%d/task/%d/comm' % (OWNER, thread), posix.O_RDONLY)
    try: return posix.read(name, 32) in NAMES
    finally: posix.close(name)

def change(before, after, how):
    threads = sorted(int(each) for each in posix.listdir('/proc/%d/task' % OWNER))
    for thread in threads:
        try:
            if posix.sched_getscheduler(thread) == before and isMeant(thread):
                posix.sched_setscheduler(thread, after, how)
        except OSError: pass

posix.sched_setscheduler(0, posix.SCHED_RR, one)
change(FIRST, USUAL, none)
posix.write(1, b'ready')
while True:
    said = posix.read(0, 4096)
    if not said: break
    if said[-1:] == b'${FIRST}': change(USUAL, FIRST, one)
    else: change(FIRST, USUAL, none)
change(FIRST, USUAL, none)
`

export class Precedence {
  readonly #pid: number
  #wanted = 0
  #process: ChildProcess | undefined
  #isReady = false
  #isClosed = false

  /** Of the process with this id. */
  constructor(pid: number) {
    this.#pid = pid
  }

  /** Before it is wanted; whoever never starts a program needs none. */
  open(): void {
    if (this.#process !== undefined || this.#isClosed) return
    const argv = ['-I', '-S', '-c', script, String(this.#pid)]
    const process = spawn('python3', argv, {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#process = process
    process.stdout?.once('data', () => {
      this.#isReady = true
    })
    for (const end of [process.stdin, process.stdout]) {
      end?.on('error', () => {})
      ;(end as Socket | null)?.unref()
    }
    process.unref()
    process.once('error', () => {})
    process.once('exit', () => this.#ended())
  }

  /** Until what is returned is called. */
  first(): () => void {
    if (this.#wanted++ === 0) this.#say(FIRST)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#wanted === 0) this.#say(AS_USUAL)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#process?.stdin?.destroy()
  }

  #say(how: string): void {
    if (this.#isReady) this.#process?.stdin?.write(how)
  }

  /** Somebody has killed it; or it was not there, or not permitted, and is not tried again. */
  #ended(): void {
    if (!this.#isReady) return
    this.#isReady = false
    this.#process = undefined
    this.open()
  }
}
