/** Requests to servers outside the mesh. The answer becomes the outputs: its status and its body. */
import { type Web, type WebAnswer, WebError } from '../../../protocol/ports/web.ts'
import type { Assignment } from '../../../protocol/work/attempt.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import type { HttpStep } from '../../../protocol/work/step.ts'
import { stepLimits } from '../limits.ts'
import type { StepOrder } from './executor.ts'
import { type RunningStep, type StepEnd, type StepExecutor, StepFailure } from './executor.ts'
import { givenUp } from './given-up.ts'

/** Try again: the server was busy, slow or broken, and said so. */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429])

export class Requests implements StepExecutor {
  readonly kind = 'http'
  readonly #web: Web

  constructor(web: Web) {
    this.#web = web
  }

  check({ step }: Assignment): string | undefined {
    if (step.kind !== 'http') return undefined
    const lawful = /^https?:\/\//i.test(step.value.url)
    return lawful ? undefined : 'the URL of an http step begins with http:// or https://'
  }

  start({ assignment: { step }, onNote }: StepOrder): Promise<RunningStep> {
    if (step.kind !== 'http') {
      return Promise.reject(new StepFailure('bug', 'kind', `${step.kind} is no request`))
    }
    const aborting = new AbortController()
    const ended = this.#ask(step.value, aborting.signal, onNote)
    return Promise.resolve({
      unenforced: [],
      ended: () => ended,
      askToEnd: () => aborting.abort(),
      kill: () => aborting.abort(),
      hold: () => {},
      look: () => Promise.resolve(undefined),
      usage: () => ({}),
    })
  }

  async #ask(
    { url, method, headers, body, expect }: HttpStep,
    signal: AbortSignal,
    onNote: (text: string) => void,
  ): Promise<StepEnd> {
    try {
      const answer = await this.#web.request(
        {
          url,
          method,
          headers,
          ...(body === undefined ? {} : { body }),
          bodyBytesMax: stepLimits.httpBodyBytesMax,
        },
        signal,
      )
      onNote(`${method} ${url}: ${answer.status}, ${answer.body.length} bytes`)
      if (isExpected(answer.status, expect)) return succeeded(answer)
      return refused(answer, expect)
    } catch (error) {
      if (!(error instanceof WebError)) throw error
      if (error.code === 'aborted') return givenUp
      const errorClass = error.code === 'badRequest' ? 'input' : 'transient'
      return { kind: 'failed', errorClass, code: error.code, message: error.message }
    }
  }
}

function succeeded({ status, headers, body, cut }: WebAnswer): StepEnd {
  const type = headers['content-type'] ?? ''
  const text = new TextDecoder().decode(body)
  const outputs = JSON.stringify({ status, body: bodyOf(text, type, cut), ...(cut && { cut }) })
  if (Buffer.byteLength(outputs) <= workLimits.outputsBytesMax) {
    return { kind: 'succeeded', outputs }
  }
  // It takes more as JSON than as it came. What is left out is said.
  return { kind: 'succeeded', outputs: JSON.stringify({ status, body: null, cut: true }) }
}

/** JSON where the server says so and is right; a cut text is never any. */
function bodyOf(text: string, type: string, cut: boolean): unknown {
  if (cut || !/^application\/(.*\+)?json\b/i.test(type)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Where nothing is said, what HTTP calls a success. */
function isExpected(status: number, expect: readonly number[]): boolean {
  return expect.length === 0 ? status >= 200 && status <= 299 : expect.includes(status)
}

function refused({ status, body }: WebAnswer, expect: readonly number[]): StepEnd {
  const passing = status >= 500 || passingStatuses.has(status)
  const said = new TextDecoder().decode(body.subarray(0, 512)).trim()
  const wanted = expect.length === 0 ? 'a status from 200 to 299' : expect.join(' or ')
  const message = `the server answered ${status}, and ${wanted} was expected${said === '' ? '' : `: ${said}`}`
  return {
    kind: 'failed',
    errorClass: passing ? 'transient' : 'input',
    code: 'httpStatus',
    message,
  }
}
