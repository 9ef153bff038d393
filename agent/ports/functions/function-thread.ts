/** What runs in the thread of a function: loads the module, calls it, says what came of it, once. */
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { FunctionEnd } from '../../../protocol/ports/functions.ts'
import { functionLimits } from '../limits.ts'

interface Work {
  module: string
  name: string
  input: string
  resultBytesMax: number
}

async function run({ module, name, input, resultBytesMax }: Work): Promise<FunctionEnd> {
  let called: unknown
  try {
    const loaded = (await import(pathToFileURL(module).href)) as Record<string, unknown>
    called = loaded[name]
  } catch (error) {
    const missing =
      error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    return { kind: missing ? 'notFound' : 'threw', message: textOf(error) }
  }
  if (typeof called !== 'function') {
    return { kind: 'notFound', message: `${module} exports no function ${name}` }
  }
  let returned: unknown
  try {
    returned = await called(JSON.parse(input))
  } catch (error) {
    return { kind: 'threw', message: textOf(error) }
  }
  return resultOf(returned, resultBytesMax)
}

function resultOf(returned: unknown, bytesMax: number): FunctionEnd {
  if (returned === undefined) return { kind: 'returned' }
  let result: string | undefined
  try {
    result = JSON.stringify(returned)
  } catch (error) {
    return { kind: 'badResult', message: `what it returned is no JSON: ${textOf(error)}` }
  }
  if (result === undefined) {
    return { kind: 'badResult', message: `what it returned is no JSON, but a ${typeof returned}` }
  }
  const length = Buffer.byteLength(result)
  if (length > bytesMax) {
    return { kind: 'badResult', message: `what it returned takes ${length} bytes; ${bytesMax} fit` }
  }
  return { kind: 'returned', result }
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return text.slice(0, functionLimits.messageLengthMax)
}

/** Output that was written before is delivered first: both streams are asked to be empty. */
async function answer(): Promise<void> {
  const end = await run(workerData as Work)
  await Promise.all([process.stdout, process.stderr].map((stream) => flushed(stream)))
  parentPort?.postMessage(end)
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve())
  })
}

// Not awaited at the top level: Node warns of what then never ends, and a function may never do.
void answer()
