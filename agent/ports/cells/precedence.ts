/**
 * Puts the agent before everybody else on its host for the moments from when a stop is believed until
 * its killing begins, and then those whom the kernel has killed, for as long as it takes to die:
 * real-time scheduling, under which who can use a core has it at once, and not a share of one. The
 * agent cannot do that to itself, and to start a program that can would take longer than is to be
 * saved: a small process in Python waits for the word, where there is Python and the host permits it.
 * Elsewhere all goes on as it did.
 *
 * A share, however large, is not enough to die by: what the dying had spun before is held against
 * them, and of fifty some were seen to wait 60 ms for the tenth of one that it takes.
 *
 * Threads in which functions of modules run are left as they are: one that spins would keep a core.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

const FIRST = 'F'
const AS_USUAL = 'U'
const DYING = 'D'
const DEAD = 'E'

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
none, agent, mortal, own = [posix.sched_param(rank) for rank in range(4)]

def is_meant(thread):
    if thread == OWNER: return True
    name = posix.open('/proc/%d/task/%d/comm' % (OWNER, thread), posix.O_RDONLY)
    try: return posix.read(name, 32) in NAMES
    finally: posix.close(name)

def threads_of(process):
    try: return sorted(int(each) for each in posix.listdir('/proc/%d/task' % process))
    except OSError: return []

def how(thread):
    try: return posix.sched_getscheduler(thread)
    except OSError: return None

def put_first(thread, rank):
    try: posix.sched_setscheduler(thread, FIRST, rank)
    except OSError: pass

def put_back(threads):
    for thread in threads:
        try:
            if how(thread) == FIRST: posix.sched_setscheduler(thread, USUAL, none)
        except OSError: pass

def agent_first():
    for thread in threads_of(OWNER):
        try:
            if is_meant(thread) and how(thread) == USUAL: put_first(thread, agent)
        except OSError: pass

# Who was killed: at first by the thread that most have alone, and by all of them if that was not all.
dying = set()

def die(processes):
    for each in processes:
        if each not in dying: put_first(each, mortal)
        else:
            threads = threads_of(each)
            dying.update(threads)
            for thread in threads: put_first(thread, mortal)
    dying.update(processes)

# Whoever has not died of it by then, or has got the number of one that has.
def dead():
    put_back(dying)
    dying.clear()

posix.sched_setscheduler(0, posix.SCHED_RR, own)
put_back(threads_of(OWNER))
posix.write(1, b'ready')
rest = b''
while True:
    said = posix.read(0, 65536)
    if not said: break
    lines = (rest + said).split(b'\\n')
    rest = lines.pop()
    for line in lines:
        word = line[:1]
        if word == b'${FIRST}': agent_first()
        elif word == b'${AS_USUAL}': put_back(threads_of(OWNER))
        elif word == b'${DYING}': die([int(each) for each in line[1:].split()])
        elif word == b'${DEAD}': dead()
put_back(threads_of(OWNER))
dead()
`

export interface Dying {
  /** They are killed, and do nothing else any more. Whoever is named again does so in many threads. */
  first(pids: readonly number[]): void
  /** Whoever still dies does so like others. */
  over(): void
}

export class Precedence {
  readonly #pid: number
  #wanted = 0
  #killings = 0
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

  /** For those of one killing. */
  dying(): Dying {
    this.#killings++
    let isOver = false
    return {
      first: (pids) => {
        if (!isOver && pids.length > 0) this.#say(`${DYING} ${pids.join(' ')}`)
      },
      over: () => {
        if (isOver) return
        isOver = true
        if (--this.#killings === 0) this.#say(DEAD)
      },
    }
  }

  close(): void {
    this.#isClosed = true
    this.#process?.stdin?.destroy()
  }

  #say(word: string): void {
    if (this.#isReady) this.#process?.stdin?.write(`${word}\n`)
  }

  /** Somebody has killed it; or it was not there, or not permitted, and is not tried again. */
  #ended(): void {
    if (!this.#isReady) return
    this.#isReady = false
    this.#process = undefined
    this.open()
  }
}
