/** Functions: those that every agent brings along, and those of modules on its host, in threads. */
import type { Clock } from '../../../protocol/ports/clock.ts'
import type { FunctionEnd, Functions } from '../../../protocol/ports/functions.ts'
import type { Workspace } from '../../../protocol/ports/workspace.ts'
import type { Assignment } from '../../../protocol/work/attempt.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import type { FunctionStep } from '../../../protocol/work/step.ts'
import { stepLimits } from '../limits.ts'
import { type BuiltIn, builtIns, PREFIX, type With } from './built-in.ts'
import { environmentOf } from './environment.ts'
import {
  type RunningStep,
  type StepEnd,
  type StepExecutor,
  StepFailure,
  type StepOrder,
} from './executor.ts'
import { givenUp } from './given-up.ts'
import { endWithValue } from './outputs.ts'
import { directoryIn, prepared } from './programs.ts'

export interface FunctionPorts {
  clock: Clock
  functions: Functions
  workspace: Workspace
}

export class FunctionCalls implements StepExecutor {
  readonly kind = 'function'
  readonly #ports: FunctionPorts
  readonly #base: Readonly<Record<string, string>>
  readonly #user: string | undefined

  /** `user`: whom stages run as, where it is not the agent's own. */
  constructor(ports: FunctionPorts, base: Readonly<Record<string, string>>, user?: string) {
    this.#ports = ports
    this.#base = base
    this.#user = user
  }

  check(assignment: Assignment): string | undefined {
    const { module } = stepOf(assignment)
    if (module.startsWith(PREFIX)) {
      if (builtIns.has(module.slice(PREFIX.length))) return undefined
      const known = [...builtIns.keys()].map((name) => PREFIX + name).join(', ')
      return `this agent does not bring along ${module}; it knows ${known}`
    }
    if (this.#user !== undefined) {
      return `the module ${module} would run in the agent’s own process, and stages run as ${this.#user} here (work.user); run it as a program: node ${module}`
    }
    if (module.startsWith('/')) return undefined
    return `the module ${module} is no absolute path; write it from / on, or ${PREFIX}NAME`
  }

  instantly(assignment: Assignment): StepEnd | undefined {
    if (assignment.artifacts.length > 0 || assignment.artifactsFrom.length > 0) return undefined
    const builtIn = builtInOf(assignment)
    if (builtIn?.kind !== 'instant') return undefined
    const given = givenTo(assignment)
    return given.ok ? builtIn.end(given.value) : given.end
  }

  start(order: StepOrder): Promise<RunningStep> {
    return order.files.isAny ? this.#startWithFiles(order) : this.#start(order, {})
  }

  /** A function runs in the agent's own process, so it is told where its files are. */
  async #startWithFiles(order: StepOrder): Promise<RunningStep> {
    const { workspace } = this.#ports
    const { name, assignment, files } = order
    const directory = assignment.directory ?? (await prepared(workspace, name))
    const cleanUp = (): Promise<void> =>
      assignment.directory === undefined ? workspace.discard(name) : Promise.resolve()
    try {
      await files.bringIn(directory)
      const step = await this.#start(order, directoryIn(order, directory))
      const ended = step.ended().then((end) => files.handOn(directory, end))
      return { ...step, ended: () => ended, cleanUp }
    } catch (error) {
      await cleanUp()
      throw error
    }
  }

  #start(order: StepOrder, env: Readonly<Record<string, string>>): Promise<RunningStep> {
    const given = givenTo(order.assignment)
    if (!given.ok) return Promise.resolve(over(given.end))
    const builtIn = builtInOf(order.assignment)
    if (builtIn === undefined) return this.#call(order, env)
    const delayMs = builtIn.kind === 'timer' ? builtIn.delayMs(given.value) : 0
    if (typeof delayMs === 'string') {
      return Promise.reject(new StepFailure('input', 'badInput', delayMs))
    }
    return Promise.resolve(this.#wait(delayMs, builtIn.end(given.value)))
  }

  #wait(delayMs: number, end: StepEnd): RunningStep {
    const { promise, resolve } = Promise.withResolvers<StepEnd>()
    const timer = this.#ports.clock.after(delayMs, () => resolve(end))
    const stop = (): void => {
      timer.cancel()
      resolve(givenUp)
    }
    return running(promise, stop)
  }

  async #call(order: StepOrder, env: Readonly<Record<string, string>>): Promise<RunningStep> {
    const folder = await order.secretFiles.put('program')
    const { assignment, onOutput } = order
    const { module, export: name } = stepOf(assignment)
    const call = this.#ports.functions.call(
      {
        module,
        export: name,
        input: assignment.with ?? '{}',
        env: {
          ...environmentOf(this.#base, order),
          ...order.secretFiles.variablesIn(folder),
          ...env,
        },
        memoryBytes: assignment.resources.memoryBytes ?? stepLimits.functionMemoryBytes,
        resultBytesMax: workLimits.outputsBytesMax,
      },
      (_, chunk) => onOutput(chunk),
    )
    return running(call.ended().then(endOf), () => call.stop())
  }
}

function endOf(end: FunctionEnd): StepEnd {
  switch (end.kind) {
    case 'returned': {
      const value: unknown = end.result === undefined ? undefined : JSON.parse(end.result)
      return endWithValue(value, 'what it returned')
    }
    // A function that throws may do better next time; one that is not there does not.
    case 'threw':
      return { kind: 'failed', errorClass: 'transient', code: 'threw', message: end.message }
    case 'notFound':
      return { kind: 'failed', errorClass: 'input', code: 'notFound', message: end.message }
    case 'badResult':
      return { kind: 'failed', errorClass: 'input', code: 'badOutput', message: end.message }
    case 'outOfMemory': {
      const message = 'it took more memory than was set aside; raise resources.memory of the stage'
      return { kind: 'failed', errorClass: 'resource', code: 'outOfMemory', message }
    }
    case 'ended':
      return { kind: 'failed', errorClass: 'transient', code: 'ended', message: end.message }
  }
}

function running(ended: Promise<StepEnd>, stop: () => void): RunningStep {
  return {
    unenforced: [],
    ended: () => ended,
    askToEnd: stop,
    kill: stop,
    hold: () => {},
    look: () => Promise.resolve(undefined),
    usage: () => ({}),
  }
}

function over(end: StepEnd): RunningStep {
  return running(Promise.resolve(end), () => {})
}

function stepOf({ step }: Assignment): FunctionStep {
  if (step.kind === 'function') return step.value
  throw new StepFailure('bug', 'kind', `${step.kind} is no function`)
}

function builtInOf(assignment: Assignment): BuiltIn | undefined {
  const { module } = stepOf(assignment)
  return module.startsWith(PREFIX) ? builtIns.get(module.slice(PREFIX.length)) : undefined
}

type Given = { ok: true; value: With } | { ok: false; end: StepEnd }

const nothing: Given = { ok: true, value: {} }

function givenTo(assignment: Assignment): Given {
  if (assignment.with === undefined) return nothing
  try {
    const value: unknown = JSON.parse(assignment.with)
    if (typeof value === 'object' && value !== null) return { ok: true, value: value as With }
  } catch {
    // Said below.
  }
  const message = 'what the stage says under `with` is no JSON object'
  return {
    ok: false,
    end: { kind: 'failed', errorClass: 'input', code: 'badInput', message },
  }
}
