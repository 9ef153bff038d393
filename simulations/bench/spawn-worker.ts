/**
 * One of the processes that show how fast programs can be started with nothing around them: it keeps
 * so many of `/bin/true` in flight by `child_process.spawn` until its time is over.
 */
import { spawn } from 'node:child_process'

export interface SpawnTask {
  readonly stdio: SpawnStdio
}
/** `pipe` is what `spawn` does when nothing is said. */
export type SpawnStdio = 'ignore' | 'pipe'

export interface SpawnOrder {
  readonly inFlight: number
  readonly forMs: number
}

export type SpawnNews = 'ready' | SpawnCount
export interface SpawnCount {
  readonly programs: number
  readonly fromMs: number
  readonly untilMs: number
}

const { stdio } = JSON.parse(process.argv[2]!) as SpawnTask

function oneProgram(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/true', [], { stdio })
    child.once('error', reject)
    child.once('close', resolve)
  })
}

async function programs({ inFlight, forMs }: SpawnOrder): Promise<SpawnCount> {
  const fromMs = Date.now()
  let count = 0
  const one = async () => {
    while (Date.now() < fromMs + forMs) {
      await oneProgram()
      count++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return { programs: count, fromMs, untilMs: Date.now() }
}

function tell(news: SpawnNews): void {
  process.send?.(news)
}

process.on('message', async (order: SpawnOrder) => tell(await programs(order)))
process.on('disconnect', () => process.exit())
tell('ready')
