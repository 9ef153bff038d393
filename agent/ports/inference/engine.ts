/**
 * Runs models in a process of its own, which is started when it is first asked for something and ended
 * when it has not been for a while; for a longer one where it was wanted again soon after its end. A session outlives the process: its model is kept, and opened again
 * in the next one. What ran when a process died is rejected; what waited behind it is not.
 */
import { type Engine, EngineError, type Session, type Tensors } from '../../../models/engine.ts'
import { Turns } from '../../../protocol/turns.ts'
import { inferenceLimits } from '../limits.ts'
import { InferenceChild } from './child.ts'
import type { Call, InferenceBounds } from './requests.ts'
import { foldedWhereLess, packedSteps } from './tensors.ts'

interface Held {
  readonly id: number
  readonly model: Uint8Array
  /** Where it is open. */
  openIn: InferenceChild | undefined
  /** Whether its rows may go there without what they repeat: those of forests, which are walked so. */
  takesFolded: boolean
  /** Processes that it has ended, one after the other. */
  deaths: number
  closed: boolean
}

export class ProcessEngine implements Engine {
  readonly #limits: InferenceBounds
  readonly #turns = new Turns(1)
  readonly #sessions = new Set<Held>()
  #modelsBytes = 0
  #nextId = 1
  #child: InferenceChild | undefined
  #idle: NodeJS.Timeout | undefined
  /** How long the process is kept that runs now, and since when nobody has wanted anything. */
  #idleMs: number
  #restedAtMs = Number.NEGATIVE_INFINITY
  /** How many want something of it. */
  #wanting = 0
  #closed = false

  constructor(limits: InferenceBounds = inferenceLimits) {
    this.#limits = limits
    this.#idleMs = limits.idleMs
  }

  /** Of the process that runs now, if one does. */
  get pid(): number | undefined {
    return this.#child?.isGone === false ? this.#child.pid : undefined
  }

  async open(model: Uint8Array): Promise<Session> {
    const held = this.#hold(model)
    try {
      await this.#inTurn(async () => this.#openedIn(await this.#running(), held))
    } catch (error) {
      this.#forget(held)
      throw error
    }
    return {
      run: (inputs) => this.#run(held, [inputs], {}),
      runInTurn: (steps, carried) => this.#run(held, steps, carried),
      close: () => this.#close(held),
    }
  }

  /** Whatever runs is rejected, and so is what waits. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    await this.#child?.end()
  }

  #hold(model: Uint8Array): Held {
    const { modelBytesMax, modelsBytesMax, sessionsMax } = this.#limits
    if (model.length > modelBytesMax) {
      const why = `a model has ${model.length} bytes; it may have ${modelBytesMax}`
      throw new EngineError('tooLarge', why)
    }
    if (this.#modelsBytes + model.length > modelsBytesMax || this.#sessions.size >= sessionsMax) {
      const why = `${this.#sessions.size} models of ${this.#modelsBytes} bytes are open already`
      throw new EngineError('tooLarge', why)
    }
    const held: Held = {
      id: this.#nextId++,
      model,
      openIn: undefined,
      takesFolded: false,
      deaths: 0,
      closed: false,
    }
    this.#modelsBytes += model.length
    this.#sessions.add(held)
    return held
  }

  #forget(held: Held): void {
    held.closed = true
    if (this.#sessions.delete(held)) this.#modelsBytes -= held.model.length
  }

  async #run(
    held: Held,
    steps: readonly Tensors[],
    carried: Readonly<Record<string, string>>,
  ): Promise<Tensors> {
    this.#measure(steps)
    return this.#inTurn(async () => {
      if (held.closed) throw new EngineError('closed', 'the session is closed')
      if (held.deaths >= this.#limits.deathsMax) {
        const why = `${held.deaths} processes ended while this model ran; it is run no more`
        throw new EngineError('refused', why)
      }
      const child = await this.#running()
      try {
        await this.#openedIn(child, held)
        const sent = steps.map((step) => {
          return held.takesFolded ? foldedWhereLess(step, this.#limits) : step
        })
        const { heads, body } = packedSteps(sent)
        const call: Call = { call: 'run', session: held.id, steps: heads, carried }
        const { tensors } = await child.ask(call, body, this.#limits.runMsMax, 'to run')
        held.deaths = 0
        return tensors
      } catch (error) {
        if (child.isGone && !this.#closed) held.deaths++
        throw error
      }
    })
  }

  #measure(steps: readonly Tensors[]): void {
    const { stepsMax, tensorBytesMax, tensorsMax } = this.#limits
    if (steps.length === 0 || steps.length > stepsMax) {
      const why = `${steps.length} steps at once; from 1 to ${stepsMax} are taken`
      throw new EngineError('tooLarge', why)
    }
    const bytes = steps.reduce((sum, step) => sum + this.#bytesOf(step), 0)
    const tensors = Math.max(...steps.map((step) => Object.keys(step).length))
    if (bytes > tensorBytesMax || tensors > tensorsMax) {
      const why = `${tensors} tensors of ${bytes} bytes; ${tensorBytesMax} are taken at once`
      throw new EngineError('tooLarge', why)
    }
  }

  #bytesOf(tensors: Tensors): number {
    let bytes = 0
    for (const [name, { dims, data }] of Object.entries(tensors)) {
      const count = dims.reduce((product, length) => product * length, 1)
      const isShape = dims.every((length) => Number.isSafeInteger(length) && length >= 0)
      if (!isShape || count !== data.length || dims.length > this.#limits.rankMax) {
        const why = `${name} has ${data.length} numbers, and the shape [${dims}]`
        throw new EngineError('refused', why)
      }
      bytes += data.byteLength
    }
    return bytes
  }

  async #close(held: Held): Promise<void> {
    if (held.closed) return
    this.#forget(held)
    // Only where it is open, and there is somebody to tell.
    await this.#inTurn(async () => {
      const { openIn } = held
      if (openIn === undefined || openIn.isGone) return
      await openIn.ask({ call: 'close', session: held.id }, [], this.#limits.openMsMax, 'to close')
    }).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error
    })
  }

  async #openedIn(child: InferenceChild, held: Held): Promise<void> {
    if (held.openIn === child) return
    const call: Call = { call: 'open', session: held.id }
    const { takesFolded } = await child.ask(call, [held.model], this.#limits.openMsMax, 'to open')
    held.takesFolded = takesFolded
    held.openIn = child
  }

  async #running(): Promise<InferenceChild> {
    if (this.#child !== undefined && !this.#child.isGone) return this.#child
    // Where the last one was missed so soon, as in rounds one after the other, this one is kept for longer.
    const { idleMs, idleMsMax } = this.#limits
    this.#idleMs = performance.now() - this.#restedAtMs < idleMsMax ? idleMsMax : idleMs
    this.#child = this.#start()
    await this.#child.ready()
    return this.#child
  }

  #start(): InferenceChild {
    try {
      return new InferenceChild(this.#limits)
    } catch (error) {
      throw new EngineError('died', 'the process with the models cannot be started', error)
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { waitingMax, waitMsMax } = this.#limits
    this.#assertOpen()
    if (this.#turns.waiting >= waitingMax) {
      throw new EngineError('busy', `${waitingMax} wait for the process with the models already`)
    }
    clearTimeout(this.#idle)
    this.#wanting++
    const late = Promise.withResolvers<never>()
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      late.reject(new EngineError('timeout', `others took more than ${waitMsMax} ms before it`))
    }, waitMsMax)
    const done = this.#turns.with(async () => {
      clearTimeout(timer)
      if (isLate) return late.promise
      this.#assertOpen()
      return work()
    })
    try {
      return await Promise.race([done, late.promise])
    } finally {
      clearTimeout(timer)
      if (--this.#wanting === 0) this.#restLater()
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new EngineError('closed', 'no more models are run here')
  }

  #restLater(): void {
    if (this.#closed) return
    this.#restedAtMs = performance.now()
    this.#idle = setTimeout(() => void this.#child?.end(), this.#idleMs).unref()
  }
}
