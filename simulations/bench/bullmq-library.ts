/** What of BullMQ the benchmark calls. The library itself is installed by `peer-packages.ts`. */
import { createRequire } from 'node:module'

export const bullMqVersions = { bullmq: '6.7.0', ioredis: '6.0.0' } as const

interface Options {
  readonly connection: { readonly host: string; readonly port: number }
}

export interface JobOptions {
  readonly removeOnComplete: boolean
}

export interface Flow {
  readonly name: string
  readonly queueName: string
  readonly data: unknown
  readonly opts: JobOptions
  /** Done before it. */
  readonly children?: readonly Flow[]
}

export interface Queue {
  add(name: string, data: unknown, opts: JobOptions): Promise<unknown>
  addBulk(jobs: readonly { name: string; data: unknown; opts: JobOptions }[]): Promise<unknown>
  /** Jobs wait, whatever their workers do. */
  pause(): Promise<void>
  resume(): Promise<void>
  close(): Promise<void>
}

export interface Worker {
  on(event: 'completed' | 'failed' | 'error', listener: () => void): void
  run(): Promise<void>
  waitUntilReady(): Promise<unknown>
  close(force?: boolean): Promise<void>
}

export interface BullMq {
  Queue: new (name: string, options: Options) => Queue
  FlowProducer: new (
    options: Options,
  ) => { add(flow: Flow): Promise<unknown>; close(): Promise<void> }
  Worker: new (
    name: string,
    processor: (job: { data: unknown }) => Promise<unknown>,
    options: Options & { concurrency: number; autorun: boolean },
  ) => Worker
}

/** `from`: see `PeerPackages`. */
export function loadBullMq(from: string): BullMq {
  return createRequire(from)('bullmq') as BullMq
}
