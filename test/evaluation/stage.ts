/** What tests of evaluation share: short ways to rows, how far a learner is off, and traces that are
 * made of what is known. */
import { gzipSync } from 'node:zlib'
import { questionOf } from '../../models/evaluation/ask.ts'
import type { LivingLearner, Row } from '../../models/rows.ts'
import { Collection } from '../../models/traces/collection.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

export function row(over: Partial<Row> & { ms?: number } = {}): Row {
  const { ms = 1_000, ...rest } = over
  const startedMs = rest.startedMs ?? 0
  return {
    task: 'fit',
    group: 'survey',
    host: 'h1',
    startedMs,
    endedMs: startedMs + ms,
    ended: 'succeeded',
    ...rest,
  }
}

/** Twice as long on one host, by the root of the size, and never quite the same. */
export function rooted(count: number, seed: string): Row[] {
  const chance = new SeededEntropy(seed)
  let atMs = 0
  return Array.from({ length: count }, () => {
    const inputBytes = Math.round(Math.exp(4 + 10 * chance.unit()))
    const host = chance.unit() < 0.5 ? 'slow' : 'quick'
    const noise = Math.exp(0.2 * (chance.unit() - 0.5))
    const ms = Math.sqrt(inputBytes) * (host === 'slow' ? 2 : 1) * noise * 10
    const made = row({ inputBytes, host, startedMs: atMs, ms })
    atMs = made.endedMs
    return made
  })
}

/** Of |p50 − time| / time: the one in the middle, and of evenly many the upper of the two. */
export async function medianOff(
  learner: LivingLearner,
  known: readonly Row[],
  asked: readonly Row[],
): Promise<number> {
  const ranges = await (await learner.fit(known)).predict(asked.map(questionOf))
  const errors = asked.map(({ startedMs, endedMs }, i) =>
    Math.abs((ranges[i]?.p50 ?? 0) / (endedMs - startedMs) - 1),
  )
  return errors.sort((a, b) => a - b)[errors.length >>> 1] as number
}

export interface TracedTask {
  id: string
  name?: string
  parents?: string[]
  inputFiles?: string[]
  seconds?: number
  machine?: string
  executedAt?: string
}

export function trace(
  tasks: readonly TracedTask[],
  { files = {}, ...execution }: { files?: Record<string, number>; [key: string]: unknown } = {},
): string {
  return JSON.stringify({
    name: 'made',
    schemaVersion: '1.5',
    workflow: {
      specification: {
        tasks: tasks.map(({ id, name, parents, inputFiles }) => ({
          id,
          name,
          parents,
          inputFiles,
        })),
        files: Object.entries(files).map(([id, sizeInBytes]) => ({ id, sizeInBytes })),
      },
      execution: {
        ...execution,
        tasks: tasks.map(({ id, seconds, machine, executedAt }) => ({
          id,
          runtimeInSeconds: seconds,
          machines: machine === undefined ? undefined : [machine],
          executedAt,
        })),
      },
    },
  })
}

export function bytesOf(text: string, packed = false): Uint8Array {
  const bytes = new TextEncoder().encode(text)
  return packed ? new Uint8Array(gzipSync(bytes)) : bytes
}

export function collected(files: Record<string, string>): Collection {
  const collection = new Collection()
  for (const [file, text] of Object.entries(files)) {
    const refused = collection.add(file, bytesOf(text))
    if (refused) throw new Error(`${file}: ${JSON.stringify(refused.mistakes)}`)
  }
  return collection
}
