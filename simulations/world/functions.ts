/** The `Functions` port of one life of a host: modules are tables of ordinary functions. */
import type {
  FunctionCall,
  FunctionEnd,
  FunctionSpec,
  Functions,
} from '../../protocol/ports/functions.ts'
import type { Host } from './host.ts'

/** Takes so long, and then returns or throws; `Infinity` never does. */
export interface SimulatedFunction {
  tookMs: number
  returns: (input: unknown, env: Readonly<Record<string, string>>) => unknown
  /** Of its heap, at most. */
  memoryBytes?: number
  stdout?: string
  stderr?: string
}
export type Modules = Readonly<Record<string, Readonly<Record<string, SimulatedFunction>>>>

export class SimulatedFunctions implements Functions {
  private readonly host: Host

  constructor(host: Host) {
    this.host = host
  }

  call(spec: FunctionSpec, onOutput: OnOutput): FunctionCall {
    const ended = Promise.withResolvers<FunctionEnd>()
    const called = this.host.modules[spec.module]?.[spec.export]
    const after = (ms: number, call: () => void): void =>
      void this.host.later(ms, 'process', 'function', call)
    if (called === undefined) {
      const message = `no ${spec.export} in ${spec.module}`
      after(0, () => ended.resolve({ kind: 'notFound', message }))
    } else if (Number.isFinite(called.tookMs)) {
      after(called.tookMs, () => {
        write(called, onOutput)
        ended.resolve(outcome(called, spec))
      })
    }
    const stopped = { kind: 'ended', message: 'its thread was ended' } as const
    return { ended: () => ended.promise, stop: () => after(0, () => ended.resolve(stopped)) }
  }
}

type OnOutput = Parameters<Functions['call']>[1]

function write({ stdout, stderr }: SimulatedFunction, onOutput: OnOutput): void {
  if (stdout !== undefined) onOutput('stdout', new TextEncoder().encode(stdout))
  if (stderr !== undefined) onOutput('stderr', new TextEncoder().encode(stderr))
}

function outcome({ returns, memoryBytes = 0 }: SimulatedFunction, spec: FunctionSpec): FunctionEnd {
  if (memoryBytes > spec.memoryBytes) return { kind: 'outOfMemory' }
  let returned: unknown
  try {
    returned = returns(JSON.parse(spec.input), spec.env)
  } catch (error) {
    return { kind: 'threw', message: String(error) }
  }
  if (returned === undefined) return { kind: 'returned' }
  const result = jsonOf(returned)
  if (result === undefined) return { kind: 'badResult', message: 'what it returned is no JSON' }
  if (new TextEncoder().encode(result).length > spec.resultBytesMax) {
    return { kind: 'badResult', message: 'what it returned is too large' }
  }
  return { kind: 'returned', result }
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined
  } catch {
    return undefined
  }
}
