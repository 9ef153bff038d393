/** Runs as the control API tells them, with no more than a test says. */
import type { Attempt, Run, RunDetail, Stage } from '../../coordinator/api/run-schemas.ts'

export function runOf(startedMs: number, endedMs?: number): Run {
  return {
    id: 'r',
    name: 'w',
    workflow: 'hash',
    state: endedMs === undefined ? 'running' : 'succeeded',
    stopping: 'none',
    by: 'test',
    startedMs,
    labels: {},
    ...(endedMs === undefined ? {} : { endedMs }),
  }
}

type Try = Pick<Attempt, 'nodeName' | 'assignedMs' | 'endedMs' | 'outcome' | 'usage'>

export function ok(nodeName: string, assignedMs: number, endedMs: number): Try {
  return { nodeName, assignedMs, endedMs, outcome: 'succeeded' }
}

export function lost(nodeName: string, assignedMs: number, endedMs: number): Try {
  return { nodeName, assignedMs, endedMs, outcome: 'lost' }
}

export function stageOf(name: string, ...tries: readonly Try[]): Stage {
  const attempts = tries.map((one, i) => ({ ...one, attempt: i + 1, node: one.nodeName }))
  const state = tries.at(-1)?.outcome === 'succeeded' ? 'succeeded' : 'failed'
  const common = { name, section: 'stages', kind: 'function', needs: [] } satisfies Partial<Stage>
  return { ...common, state, attempt: tries.length, attempts }
}

export function detailOf(...stages: readonly Stage[]): RunDetail {
  const run = runOf(0, 1)
  return { schemaVersion: 1, run, inputs: {}, planHash: 'hash', stale: false, stages: [...stages] }
}
