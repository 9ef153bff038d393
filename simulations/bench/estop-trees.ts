/**
 * Trees of processes that do not want to die, and the moment when the last of them has died. Every
 * process of a host's trees holds the same pipe open for writing, as all that it starts does, in
 * whatever group or session: when the pipe ends, nobody is left. The kernel tells, at once.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

const burns = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'

export class Trees {
  private readonly directory: string
  private readonly pipes = new Map<string, { keeper: number; socket: Socket; begun: number }>()
  /** When the last process of a host died. */
  readonly deadMs = new Map<string, number>()
  private readonly waiting = new Set<() => void>()

  constructor(directory: string, names: readonly string[]) {
    this.directory = directory
    mkdirSync(directory)
    for (const name of names) this.open(name)
  }

  /** For one stage with an item for each tree. */
  workflow(trees: number): string {
    const items = Array.from({ length: trees }, (_, i) => i)
    const script = [
      "trap '' TERM",
      'node=$(printf %s "$SKEIN_OUTPUT" | sed \'s#.*/nodes/\\([^/]*\\)/.*#\\1#\')',
      `exec 9>${this.directory}/$node`,
      'printf x >&9',
      `setsid sh -c 'trap "" TERM; while :; do sh -c "$0"; done' '${burns}' &`,
      `while :; do sh -c '${burns}' & sh -c '${burns}' & wait $!; done`,
    ].join('\n')
    const stage = { forEach: { items }, run: script, timeout: '10m' }
    return JSON.stringify({
      apiVersion: 'skein/v1',
      kind: 'Workflow',
      name: 'trees',
      stages: { trees: stage },
    })
  }

  /** Hosts that were given none. */
  get spared(): string[] {
    return [...this.pipes].filter(([, { begun }]) => begun === 0).map(([name]) => name)
  }

  get begun(): number {
    return [...this.pipes.values()].reduce((sum, { begun }) => sum + begun, 0)
  }

  /** From here on a pipe ends with the last process that holds it. */
  letGo(): void {
    for (const { keeper } of this.pipes.values()) closeSync(keeper)
  }

  /** False when somebody on these hosts lives on after so long. */
  async allDead(names: readonly string[], deadlineMs: number): Promise<boolean> {
    const isOver = (): boolean => names.every((name) => this.deadMs.has(name))
    const untilMs = performance.now() + deadlineMs
    while (!isOver() && performance.now() < untilMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, untilMs - performance.now())
        this.waiting.add(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    return isOver()
  }

  close(): void {
    for (const { socket } of this.pipes.values()) socket.destroy()
  }

  private open(name: string): void {
    const path = join(this.directory, name)
    execFileSync('mkfifo', [path])
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const keeper = openSync(path, constants.O_WRONLY)
    const socket = new Socket({ fd, readable: true, writable: false })
    const pipe = { keeper, socket, begun: 0 }
    this.pipes.set(name, pipe)
    socket.on('data', (chunk: Buffer) => {
      pipe.begun += chunk.length
    })
    socket.once('end', () => {
      this.deadMs.set(name, performance.now())
      for (const tell of this.waiting) tell()
      this.waiting.clear()
    })
  }
}
