/**
 * Trees of processes that do not want to die. Every process of a host's trees holds the same pipe
 * open for writing, as all that it starts does, in whatever group or session: when the pipe ends,
 * nobody is left. A witness (`estop-witness.ts`) is told of that by the kernel, at once.
 *
 * A tree rests until all of them are there: a hundred that spin would have the machine to
 * themselves while the last are begun, and agents that nobody hears are called dead and lose theirs.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Witness } from './estop-witness.ts'

const burns = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'
/** A host is known by where outputs go on it. */
const HOST = '$(printf %s "$SKEIN_OUTPUT" | sed \'s#.*/nodes/\\([^/]*\\)/.*#\\1#\')'
/** What lets a tree begin to spin. Each takes one; there are some for those that are begun again. */
const GO = '\n'
const GO_PER_TREE = 4

/** Names of pipes, beside those of the hosts. */
const BEGUN = 'begun'
const GATE = 'gate'

export class Trees {
  private readonly directory: string
  private readonly witness: Witness
  /** By host: keeps its pipe from ending before all trees hold it. */
  private readonly keepers = new Map<string, number>()
  private readonly gate: number
  private readonly told: Socket
  private unread = ''
  /** By tree: where it was begun last, and for the how manieth time. */
  private readonly trees = new Map<string, { host: string; attempt: number }>()

  constructor(directory: string, names: readonly string[], witness: Witness) {
    this.directory = directory
    this.witness = witness
    mkdirSync(directory)
    execFileSync(
      'mkfifo',
      [...names, BEGUN, GATE].map((name) => this.path(name)),
    )
    // By one that opens it for both nothing that others do with it waits.
    for (const name of names) this.keepers.set(name, openSync(this.path(name), constants.O_RDWR))
    this.gate = openSync(this.path(GATE), constants.O_RDWR)
    const fd = openSync(this.path(BEGUN), constants.O_RDWR | constants.O_NONBLOCK)
    this.told = new Socket({ fd, readable: true, writable: false })
    this.told.on('data', (chunk: Buffer) => this.read(chunk))
  }

  /** For one stage with an item for each tree. */
  workflow(trees: number): string {
    const items = Array.from({ length: trees }, (_, i) => i)
    const script = [
      "trap '' TERM",
      `host=${HOST}`,
      `exec 9>${this.directory}/$host`,
      `echo "$host $SKEIN_ITEM $SKEIN_ATTEMPT" >${this.path(BEGUN)}`,
      `read -r go <${this.path(GATE)}`,
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

  /** Each is counted once, where it was begun last. */
  get begun(): number {
    return this.trees.size
  }

  /** Hosts that have some. */
  get hosts(): string[] {
    const found = new Set([...this.trees.values()].map(({ host }) => host))
    return [...found].sort()
  }

  /** They spin, and from here on a pipe ends with the last process that holds it. */
  async letGo(): Promise<void> {
    const hosts = [...this.keepers.keys()]
    await this.witness.watch(hosts.map((host) => ({ host, path: this.path(host) })))
    for (const keeper of this.keepers.values()) closeSync(keeper)
    this.keepers.clear()
    writeSync(this.gate, GO.repeat(this.trees.size * GO_PER_TREE))
  }

  close(): void {
    for (const keeper of this.keepers.values()) closeSync(keeper)
    this.told.destroy()
    closeSync(this.gate)
  }

  private path(name: string): string {
    return join(this.directory, name)
  }

  private read(chunk: Buffer): void {
    const lines = (this.unread + chunk.toString('latin1')).split('\n')
    this.unread = lines.pop() ?? ''
    for (const line of lines) {
      const [host = '', tree = '', number] = line.split(' ')
      const attempt = Number(number)
      const known = this.trees.get(tree)
      if (known === undefined || attempt > known.attempt) this.trees.set(tree, { host, attempt })
    }
  }
}
