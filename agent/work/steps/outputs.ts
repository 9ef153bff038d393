/** What a stage hands on: an object, as JSON, that fits the ledger. */
import { messageOf } from '../../../protocol/thrown.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import type { StepEnd } from './executor.ts'

const { outputsBytesMax } = workLimits

/** How a step has ended that did what it should and wrote this. */
export function endWithOutputs(written: Uint8Array | { tooLarge: number } | undefined): StepEnd {
  if (written === undefined) return { kind: 'succeeded' }
  if (!(written instanceof Uint8Array)) return tooLarge(written.tooLarge)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(written)
  } catch {
    return badOutput('what it wrote to $SKEIN_OUTPUT is no text in UTF-8; write a JSON object')
  }
  if (text.trim() === '') return { kind: 'succeeded' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const why = messageOf(error)
    return badOutput(`what it wrote to $SKEIN_OUTPUT is no JSON: ${why}; write one JSON object`)
  }
  return endWithValue(value, 'what it wrote to $SKEIN_OUTPUT')
}

/** `undefined` and `null` are no outputs. */
export function endWithValue(value: unknown, what: string): StepEnd {
  if (value === undefined || value === null) return { kind: 'succeeded' }
  if (typeof value !== 'object' || Array.isArray(value)) {
    const kind = Array.isArray(value) ? 'list' : typeof value
    return badOutput(`${what} is a ${kind}; make it an object, such as {"result": …}`)
  }
  const outputs = JSON.stringify(value)
  const bytes = Buffer.byteLength(outputs)
  if (bytes > outputsBytesMax) return tooLarge(bytes)
  return { kind: 'succeeded', outputs }
}

function tooLarge(bytes: number): StepEnd {
  return badOutput(
    `its outputs take ${bytes} bytes, and ${outputsBytesMax} fit; hand on what is large as an artifact`,
  )
}

function badOutput(message: string): StepEnd {
  return { kind: 'failed', errorClass: 'input', code: 'badOutput', message }
}
