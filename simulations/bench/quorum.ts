/**
 * What no hop of `skein bench stages` can be quicker than on this machine: some bytes of the size of
 * a hop's, written and synced here and by as many other processes as make a majority, over plain
 * sockets, one after another. No encryption, no ledger, no scheduler, no agent; of the ways in which
 * that can be done, the quickest.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChainsAsked } from './bullmq-chains.ts'
import { Children } from './children.ts'
import type { QuorumNews, QuorumTask } from './quorum-worker.ts'
import { percentile } from './report.ts'
import { SyncedFile, type Syncing } from './synced-file.ts'

export interface BareQuorum {
  readonly commitMs: number
  /** What was quickest. */
  readonly how: string
}

/** An entry of the ledger for one hop, with the frame that it travels in. */
const ENTRY_BYTES = 216
const WARM_UP_CHAINS = 5
const READY_DEADLINE_MS = 10_000

/** Of `members`: to all others, or to no more of them than are needed. */
export async function measureBareQuorum(members: number, asked: ChainsAsked): Promise<BareQuorum> {
  const needed = Math.floor(members / 2)
  const trials: BareQuorum[] = []
  for (const syncing of ['inline', 'pool'] satisfies Syncing[]) {
    for (const others of new Set([needed, members - 1])) {
      const how = `to ${others} others, synced ${syncing === 'inline' ? 'in the loop' : 'by a thread'}`
      trials.push({ how, commitMs: await commit(syncing, others, needed, asked) })
    }
  }
  return trials.reduce((a, b) => (b.commitMs < a.commitMs ? b : a))
}

/** Of each chain the time of a commit; of all chains the median. As hops are told. */
async function commit(
  syncing: Syncing,
  others: number,
  needed: number,
  { links, chains }: ChainsAsked,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'skein-bench-quorum-'))
  const task: QuorumTask = { directory, syncing }
  const crew = new Children<never, QuorumNews>('quorum-worker.ts', others, task)
  const sockets: Socket[] = []
  const file = new SyncedFile(directory, syncing)
  try {
    const ports = await crew.until((news) => !news.includes(undefined), READY_DEADLINE_MS)
    for (const port of ports) sockets.push(await connected(port as number))
    const quorum = new Quorum(sockets, file, needed)
    const times: number[] = []
    for (let chain = 0; chain < WARM_UP_CHAINS + chains; chain++) {
      const fromMs = performance.now()
      for (let link = 0; link < links; link++) await quorum.commit()
      if (chain >= WARM_UP_CHAINS) times.push((performance.now() - fromMs) / links)
    }
    return percentile(times, 0.5)
  } finally {
    for (const socket of sockets) socket.destroy()
    file.close()
    await crew.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

class Quorum {
  private readonly sockets: readonly Socket[]
  private readonly file: SyncedFile
  private readonly needed: number
  private readonly answeredBytes: number[]
  private written = 0
  private syncedHere = 0
  private committed: (() => void) | undefined

  constructor(sockets: readonly Socket[], file: SyncedFile, needed: number) {
    this.sockets = sockets
    this.file = file
    this.needed = needed
    this.answeredBytes = sockets.map(() => 0)
    sockets.forEach((socket, i) => {
      socket.on('data', (bytes) => {
        this.answeredBytes[i]! += bytes.length
        this.look()
      })
    })
  }

  /** Done when it is synced here and by as many others as are needed. */
  commit(): Promise<void> {
    const bytes = new Uint8Array(ENTRY_BYTES)
    this.written++
    const committed = new Promise<void>((resolve) => {
      this.committed = resolve
    })
    for (const socket of this.sockets) socket.write(bytes)
    this.file.append(bytes, () => {
      this.syncedHere++
      this.look()
    })
    return committed
  }

  private look(): void {
    const bytes = this.written * ENTRY_BYTES
    const others = this.answeredBytes.filter((answered) => answered >= bytes).length
    if (this.syncedHere < this.written || others < this.needed) return
    this.committed?.()
    this.committed = undefined
  }
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}
