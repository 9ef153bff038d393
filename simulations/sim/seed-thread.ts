/** Runs the seeds that it is given, one at a time, in a thread of its own. */
import { parentPort } from 'node:worker_threads'
import { runTrial, type TrialOptions } from './trial.ts'

parentPort?.on('message', (options: TrialOptions) => {
  void runTrial(options).then((result) => parentPort?.postMessage(result))
})
