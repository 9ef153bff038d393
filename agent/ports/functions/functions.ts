/**
 * Functions in worker threads: apart from the agent's event loop, with a heap of their own that has
 * a limit, and ended whatever they do. A thread is no fence against malice: a module is run with the
 * rights of the agent, as a program is.
 */

import { Worker } from 'node:worker_threads'
import type {
  FunctionCall,
  FunctionEnd,
  FunctionSpec,
  Functions,
} from '../../../protocol/ports/functions.ts'
import { stackOf } from '../../../protocol/thrown.ts'
import { functionLimits } from '../limits.ts'

const MIB = 2 ** 20

export class SystemFunctions implements Functions {
  call(
    spec: FunctionSpec,
    onOutput: (from: 'stdout' | 'stderr', chunk: Uint8Array) => void,
  ): FunctionCall {
    const { module, input, resultBytesMax, memoryBytes, env } = spec
    const worker = new Worker(new URL('./function-thread.ts', import.meta.url), {
      workerData: { module, name: spec.export, input, resultBytesMax },
      env: { ...env },
      stdin: false,
      stdout: true,
      stderr: true,
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: Math.max(functionLimits.heapMiBMin, Math.floor(memoryBytes / MIB)),
      },
    })
    worker.stdout.on('data', (chunk: Buffer) => onOutput('stdout', new Uint8Array(chunk)))
    worker.stderr.on('data', (chunk: Buffer) => onOutput('stderr', new Uint8Array(chunk)))
    const ended = Promise.withResolvers<FunctionEnd>()
    let end: FunctionEnd | undefined
    worker.once('message', (message: unknown) => {
      end = endOfMessage(message, resultBytesMax)
      void worker.terminate()
    })
    worker.once('error', (error: unknown) => {
      end ??= endOfError(error)
    })
    worker.once('exit', (code) => {
      ended.resolve(end ?? { kind: 'ended', message: `its thread ended with code ${code}` })
    })
    return {
      ended: () => ended.promise,
      stop: () => {
        void worker.terminate()
      },
    }
  }
}

/** The thread is the module's as well, and whatever it says may be the module's doing. */
function endOfMessage(message: unknown, resultBytesMax: number): FunctionEnd {
  const { kind, message: text, result } = Object(message) as Record<string, unknown>
  if (kind === 'returned' && result === undefined) return { kind }
  if (kind === 'returned' && typeof result === 'string') {
    if (Buffer.byteLength(result) <= resultBytesMax) return { kind, result }
    return { kind: 'badResult', message: `what it returned is too large; ${resultBytesMax} fit` }
  }
  if (
    (kind === 'threw' || kind === 'notFound' || kind === 'badResult') &&
    typeof text === 'string'
  ) {
    return { kind, message: text.slice(0, functionLimits.messageLengthMax) }
  }
  return { kind: 'ended', message: 'it sent a message of its own instead of returning' }
}

function endOfError(error: unknown): FunctionEnd {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { kind: 'outOfMemory' }
  }
  const message = stackOf(error)
  return { kind: 'threw', message: message.slice(0, functionLimits.messageLengthMax) }
}
