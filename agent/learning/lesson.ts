/**
 * What there is to learn of an attempt that has ended: a row, or nothing. Only what the work itself
 * did counts: what was cancelled, or lost with its agent, says nothing about its kind.
 */
import type { Row } from '../../models/rows.ts'
import type { HostFacts } from '../../protocol/ports/telemetry.ts'
import type { Assignment, Finished } from '../../protocol/work/attempt.ts'
import { isFingerprint } from '../../protocol/work/fingerprint.ts'
import type { KnownSpeed } from './host-speed.ts'

/** A row of this host, whose name need not be told. */
export type OwnRow = Omit<Row, 'host'>

export interface Lesson {
  readonly assignment: Pick<Assignment, 'fingerprint' | 'workflow'>
  readonly finished: Finished
  /** Share of the host's cores that were busy as it began. */
  readonly load?: number
  /** Of other stages, put there before it began. */
  readonly inputs?: { readonly files: number; readonly bytes: number }
}

export interface OwnHost {
  readonly cpus?: number
  readonly memoryBytes?: number
  readonly hostSpeed?: number
}

export function ownHostOf(facts: HostFacts | undefined, speed: KnownSpeed | undefined): OwnHost {
  return {
    ...(facts === undefined
      ? {}
      : { cpus: facts.coresUsable, memoryBytes: facts.memoryUsableBytes }),
    ...(speed === undefined ? {} : { hostSpeed: speed.cpu }),
  }
}

export function rowOf(
  { assignment, finished, load, inputs }: Lesson,
  host: OwnHost,
): OwnRow | undefined {
  const { fingerprint: task, workflow: group } = assignment
  const { startedAtMs, usage } = finished
  const ended = endOf(finished)
  if (task === undefined || !isFingerprint(task)) return undefined
  if (ended === undefined || startedAtMs === undefined || usage.wallMs === undefined)
    return undefined
  // From its turn on: a program may run for a while before a busy agent hears that it has begun.
  const { startMs = 0, wallMs } = usage
  const startedMs = Math.max(0, startedAtMs - startMs)
  return {
    task,
    group,
    startedMs,
    // By the clock that is never set.
    endedMs: startedMs + startMs + wallMs,
    ended,
    ...host,
    ...(load === undefined ? {} : { load }),
    ...(inputs === undefined ? {} : { inputFiles: inputs.files, inputBytes: inputs.bytes }),
    ...(usage.memoryPeakBytes === undefined ? {} : { peakMemoryBytes: usage.memoryPeakBytes }),
  }
}

function endOf({ outcome }: Finished): Row['ended'] | undefined {
  switch (outcome.kind) {
    case 'succeeded':
      return 'succeeded'
    case 'failed':
      return outcome.value.errorClass === 'lost' ? undefined : 'failed'
    case 'timedOut':
      return 'failed'
    case 'cancelled':
      return undefined
  }
}
