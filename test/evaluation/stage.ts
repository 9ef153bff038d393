/** What tests of evaluation share: short ways to rows, and traces that are made of what is known. */
import { gzipSync } from 'node:zlib'
import type { Row } from '../../models/rows.ts'
import { Collection } from '../../models/traces/collection.ts'

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
