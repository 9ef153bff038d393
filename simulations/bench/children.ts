/** Processes of a benchmark's own, each running a program of this folder, killed when it is over. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const LOOK_AGAIN_MS = 5

export class Children<Order extends object | string, News> {
  private readonly children: readonly ChildProcess[]
  private readonly newest: (News | undefined)[]

  /** `program` lies in this folder. `task` is its argument, as JSON. */
  constructor(program: string, count: number, task: object) {
    const path = fileURLToPath(new URL(program, import.meta.url))
    this.children = Array.from({ length: count }, () => fork(path, [JSON.stringify(task)]))
    this.newest = this.children.map(() => undefined)
    this.children.forEach((child, i) => {
      child.on('message', (news) => {
        this.newest[i] = news as News
      })
    })
  }

  tell(order: Order): void {
    for (const child of this.children) child.send(order)
  }

  /** Forgets what each has said. */
  forget(): void {
    this.newest.fill(undefined)
  }

  /** What each of them has said last, as soon as it fits. */
  async until(
    fits: (newest: readonly (News | undefined)[]) => boolean,
    deadlineMs: number,
  ): Promise<readonly (News | undefined)[]> {
    const untilMs = performance.now() + deadlineMs
    while (!fits(this.newest)) {
      const ended = this.children.find(hasEnded)
      if (ended) throw new Error(`process ${ended.pid} of the benchmark has ended by itself`)
      if (performance.now() > untilMs) throw new Error(`nothing came of it in ${deadlineMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
    return [...this.newest]
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        if (hasEnded(child)) return
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await gone
      }),
    )
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
