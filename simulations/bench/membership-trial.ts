/** Runs one trial in a thread of its own, so that two can be compared in the time of one. */
import { parentPort, workerData } from 'node:worker_threads'
import { runTrial, type TrialOptions, type TrialResult } from '../membership/trial.ts'

export type FromTrial =
  | { kind: 'progress'; virtualMs: number }
  | { kind: 'result'; result: TrialResult }

function say(message: FromTrial): void {
  parentPort?.postMessage(message)
}

const result = runTrial({
  ...(workerData as TrialOptions),
  onProgress: (virtualMs) => say({ kind: 'progress', virtualMs }),
})
say({ kind: 'result', result })
