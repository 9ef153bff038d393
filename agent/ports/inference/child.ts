/**
 * One life of the process with the models, from its start to its end. It is asked one thing at a time.
 * It ends when it is told to, by itself, when an answer is overdue, and when it takes too much memory;
 * whoever waited for an answer is told which of them it was.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError, type EngineErrorCode, type Tensor } from '../../../models/engine.ts'
import { processStatus } from '../process-status.ts'
import { type Frame, FrameReader, piecesOf, readyId } from './frames.ts'
import { OwnTime } from './own-time.ts'
import { anyAnswer, type Call, type InferenceBounds } from './requests.ts'
import { unpacked } from './tensors.ts'
import { weighLess, yieldToOthers } from './yielding.ts'

/** Between two looks so much time counts, as so many of them: beyond, the agent itself stood still. */
const looksMissedMax = 4
const withoutWaits = 'not counting what it waited for a core'

/** What comes of a model that is opened, of a run, and of whatever else it is asked. */
export interface Said {
  readonly takesFolded: boolean
  readonly tensors: Record<string, Tensor>
}

interface Asked {
  readonly id: number
  resolve(said: Said): void
  reject(error: EngineError): void
}

export class InferenceChild {
  readonly #process: ChildProcess
  readonly #talk: Socket
  readonly #complaints: Socket
  readonly #limits: InferenceBounds
  readonly #reader: FrameReader
  readonly #ready: Promise<unknown>
  readonly #gone = Promise.withResolvers<void>()
  #asked: Asked | undefined
  #lastId: number = readyId
  #isEnding = false
  #weighsLess = false
  #complaint = ''
  /** Why it is no more, or about to be. */
  #end: { code: EngineErrorCode; why: string } | undefined

  constructor(limits: InferenceBounds) {
    this.#limits = limits
    const { headBytesMax } = limits
    // What fills each tensor up to eight bytes does not count.
    const bodyBytesMax = Math.max(
      limits.tensorBytesMax + limits.tensorsMax * limits.stepsMax * 8,
      limits.modelBytesMax,
    )
    this.#reader = new FrameReader({ headBytesMax, bodyBytesMax })
    const program = fileURLToPath(new URL('./program.ts', import.meta.url))
    const args = [...flagsOf(limits), program, String(headBytesMax), String(bodyBytesMax)]
    this.#process = spawn(process.execPath, args, {
      cwd: '/',
      env: { MALLOC_ARENA_MAX: '1', ...compileCache() },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      // In a session of its own.
      detached: true,
    })
    // Before anything that may throw, as where there is no descriptor left for what follows.
    this.#process.on('error', (error) => this.#ended(error.message))
    this.#talk = this.#process.stdio[3] as Socket
    this.#talk.on('data', (chunk: Buffer) => this.#heard(chunk))
    this.#talk.on('error', () => {})
    this.#complaints = this.#process.stderr as Socket
    this.#complaints.setEncoding('utf8')
    this.#complaints.on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-limits.complaintLengthMax)
    })
    this.#complaints.on('error', () => {})
    // After the last of what it said: also of its complaint.
    this.#process.once('close', (code, signal) => this.#ended(this.#nameOfEnd(code, signal)))
    if (this.pid !== undefined) yieldToOthers(this.pid, limits.priority)
    this.#weighLess()
    this.#ready = this.#answerTo(readyId, limits.startMsMax, 'to start')
    // Told to whoever waits for it.
    this.#ready.catch(() => {})
  }

  /** To be asked. */
  async ready(): Promise<void> {
    await this.#ready
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get isGone(): boolean {
    return this.#end !== undefined
  }

  /** `what` completes a sentence: it took too long to … */
  ask(call: Call, body: readonly Uint8Array[], deadlineMs: number, what: string): Promise<Said> {
    const id = ++this.#lastId
    const answer = this.#answerTo(id, deadlineMs, what)
    if (!this.isGone) {
      this.#talk.cork()
      for (const piece of piecesOf({ ...call, id }, body)) this.#talk.write(piece)
      this.#talk.uncork()
    }
    return answer
  }

  /** Resolves when it is gone. */
  end(): Promise<void> {
    this.#isEnding = true
    this.#hold(true)
    this.#kill('closed', 'it was told to')
    return this.#gone.promise
  }

  async #answerTo(id: number, deadlineMs: number, what: string): Promise<Said> {
    const answer = Promise.withResolvers<Said>()
    this.#asked = { id, resolve: answer.resolve, reject: answer.reject }
    if (this.#end !== undefined) this.#rejectAsked()
    this.#hold(true)
    const { residentLookMs } = this.#limits
    let overdue: OwnTime | undefined
    // From then on only what it takes by itself counts: on a busy host it may hardly have begun.
    const deadline = setTimeout(() => {
      overdue = new OwnTime(this.pid, looksMissedMax * residentLookMs)
    }, deadlineMs)
    const look = setInterval(() => {
      this.#lookAtMemory()
      this.#weighLess()
      if (overdue === undefined || overdue.look() <= deadlineMs) return
      this.#kill('timeout', `it took more than ${deadlineMs} ms ${what}, ${withoutWaits}`)
    }, residentLookMs)
    try {
      return await answer.promise
    } finally {
      clearTimeout(deadline)
      clearInterval(look)
      this.#asked = undefined
      this.#hold(false)
    }
  }

  /** While it is asked nothing, it keeps nobody from ending; while its end is awaited, it does. */
  #hold(isAwaited: boolean): void {
    for (const handle of [this.#process, this.#talk, this.#complaints]) {
      if (isAwaited || this.#isEnding) handle.ref()
      else handle.unref()
    }
  }

  #heard(chunk: Buffer): void {
    if (this.isGone) return
    try {
      for (const frame of this.#reader.take(chunk)) this.#answered(frame)
    } catch (error) {
      this.#kill('died', `what it said could not be understood: ${error}`)
    }
  }

  #answered({ head, body }: Frame): void {
    const answer = anyAnswer.parse(head)
    const asked = this.#asked
    if (asked?.id !== answer.id) throw new Error('an answer to nothing')
    if (answer.kind === 'refused') {
      asked.reject(new EngineError('refused', `the runtime refused it: ${answer.why}`))
      return
    }
    const isOpened = answer.kind === 'opened'
    const tensors = unpacked(isOpened ? [] : answer.tensors, body)
    if (tensors === undefined) throw new Error('its tensors are not as it says')
    asked.resolve({ takesFolded: isOpened && answer.takesFolded, tensors })
  }

  #lookAtMemory(): void {
    const bytes = this.pid === undefined ? 0 : (processStatus(this.pid)?.residentBytes ?? 0)
    if (bytes <= this.#limits.residentBytesMax) return
    this.#kill(
      'died',
      `it had ${bytes} bytes in memory; ${this.#limits.residentBytesMax} are allowed`,
    )
  }

  #kill(code: EngineErrorCode, why: string): void {
    this.#end ??= { code, why }
    this.#process.kill('SIGKILL')
    this.#rejectAsked()
  }

  #nameOfEnd(code: number | null, signal: string | null): string {
    const end = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
    const complaint = this.#complaint.trim()
    return complaint === '' ? end : `${end}: ${complaint}`
  }

  #ended(why: string): void {
    this.#end ??= { code: 'died', why }
    this.#rejectAsked()
    this.#gone.resolve()
  }

  #rejectAsked(): void {
    const { code, why } = this.#end ?? { code: 'died', why: '' }
    this.#asked?.reject(new EngineError(code, `the process with the models is gone: ${why}`))
  }

  #weighLess(): void {
    const { pid } = this
    if (!this.#weighsLess && pid !== undefined && !this.isGone) {
      this.#weighsLess = weighLess(pid, this.#limits.priority)
    }
  }
}

function flagsOf({ heapMiB }: InferenceBounds): string[] {
  return [
    `--max-old-space-size=${heapMiB}`,
    '--max-semi-space-size=1',
    '--v8-pool-size=1',
    '--disable-warning=ExperimentalWarning',
  ]
}

/** What is compiled once need not be stripped of its types again: the stripper is 17 MiB of who loads it. */
function compileCache(): Record<string, string> {
  const directory = getCompileCacheDir()
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) }
}
