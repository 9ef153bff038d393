/**
 * What came back, made into documents or into the `Problem` that it is. Nothing of it is believed
 * to be an agent's before it looks like it: something else may listen at the address.
 */
import type { IncomingMessage } from 'node:http'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { plain } from './table.ts'

const SCHEMA_VERSION = 1
const MISTAKES_TOLD_MAX = 20
const TOLD_LENGTH_MAX = 2_000

const exitOfCode: Readonly<Record<string, ExitCode>> = {
  badRequest: exitCodes.usage,
  ambiguous: exitCodes.usage,
  notFound: exitCodes.notFound,
  refused: exitCodes.refused,
  notSignedIn: exitCodes.refused,
  conflict: exitCodes.conflict,
  stopped: exitCodes.emergencyStop,
  unreachable: exitCodes.noAnswer,
  overloaded: exitCodes.noAnswer,
  closing: exitCodes.noAnswer,
}

/** For codes that a newer agent may have. */
function exitOfStatus(status: number | undefined): ExitCode {
  if (status === 401 || status === 403 || status === 421) return exitCodes.refused
  if (status === 404) return exitCodes.notFound
  if (status === 409) return exitCodes.conflict
  if (status === 423) return exitCodes.emergencyStop
  if (status === 408 || status === 429 || status === 503 || status === 504)
    return exitCodes.noAnswer
  return status !== undefined && status >= 400 && status < 500 ? exitCodes.usage : exitCodes.failed
}

export function notSkein(address: string, what: string): Problem {
  return new Problem({
    code: 'notSkein',
    why: `what answers at ${address} is not a Skein agent: ${what}`,
    fix: 'name an agent with --address',
    exitCode: exitCodes.noAnswer,
  })
}

export function brokenOff(address: string, cause?: unknown): Problem {
  return new Problem(
    {
      code: 'brokenOff',
      why: `the connection to ${address} broke off`,
      fix: 'try again, and look at skein health',
      exitCode: exitCodes.noAnswer,
    },
    cause,
  )
}

/** Throws when the head of an answer says that there is no document to come. */
export async function accept(
  response: IncomingMessage,
  address: string,
  bytesMax: number,
): Promise<void> {
  const { statusCode } = response
  const type = /^[\w.+-]+\/[\w.+-]+/.exec(response.headers['content-type'] ?? '')?.[0]
  if (type !== 'application/json' && type !== 'application/x-ndjson') {
    response.destroy()
    throw notSkein(address, `it sends ${type ?? 'something without a type'}, status ${statusCode}`)
  }
  if (statusCode === 200) return
  const document = parsed(await textOf(response, address, bytesMax), address)
  throw refusalIn(document, statusCode) ?? notSkein(address, `it says ${statusCode} and no reason`)
}

export async function textOf(
  response: IncomingMessage,
  address: string,
  bytesMax: number,
): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw notSkein(address, `its answer is larger than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Whole lines only: a stream that ends within one has broken. */
export async function* linesOf(
  response: IncomingMessage,
  address: string,
  lengthMax: number,
): AsyncGenerator<string> {
  let rest = ''
  response.setEncoding('utf8')
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > lengthMax) {
      throw notSkein(address, `it sends more than ${lengthMax} characters without a line break`)
    }
    for (const line of lines) if (line !== '') yield line
  }
  if (rest !== '') throw brokenOff(address)
}

/** An answer of the version that this program knows, or the refusal that is in its place. */
export function documentIn(text: string, address: string): object {
  const document = parsed(text, address)
  const refusal = refusalIn(document, undefined)
  if (refusal) throw refusal
  const { schemaVersion, seq } = document as { schemaVersion?: unknown; seq?: unknown }
  // Events are numbered, and carry no version of their own.
  if (schemaVersion === SCHEMA_VERSION || typeof seq === 'number') return document
  if (typeof schemaVersion !== 'number') throw notSkein(address, 'its answers have no version')
  throw new Problem({
    code: 'otherVersion',
    why: `the agent at ${address} answers in version ${schemaVersion}, and this program reads version ${SCHEMA_VERSION}`,
    fix: 'use the skein that is installed with that agent',
    exitCode: exitCodes.failed,
  })
}

function parsed(text: string, address: string): object {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw notSkein(address, 'what it sends is not JSON')
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw notSkein(address, 'what it sends is no document')
  }
  return document
}

function refusalIn(document: object, status: number | undefined): Problem | undefined {
  const { error } = document as { error?: Record<string, unknown> | null }
  const { code, why, fix } = error ?? {}
  if (typeof code !== 'string' || typeof why !== 'string') return undefined
  const known = Object.hasOwn(exitOfCode, code) ? exitOfCode[code] : undefined
  return new Problem({
    code: told(code),
    why: told(why) + mistakesIn(error),
    fix: typeof fix === 'string' ? told(fix) : 'see skein health',
    exitCode: known ?? exitOfStatus(status),
  })
}

/** Each thing that is wrong with a request, on a line of its own. */
function mistakesIn(error: Record<string, unknown> | null | undefined): string {
  const mistakes = Array.isArray(error?.mistakes) ? (error.mistakes as unknown[]) : []
  const lines = mistakes.slice(0, MISTAKES_TOLD_MAX).flatMap((mistake) => {
    const { where, why } = (mistake ?? {}) as { where?: unknown; why?: unknown }
    if (typeof where !== 'string' || typeof why !== 'string') return []
    return [`\n  ${told(where)}: ${told(why)}`]
  })
  return lines.length === 0 ? '' : `:${lines.join('')}`
}

/** It is going to a terminal, and may be from anybody. */
function told(text: string): string {
  return plain(text).slice(0, TOLD_LENGTH_MAX)
}
