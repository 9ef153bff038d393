/**
 * The process in which models run, and the only program that loads the runtime. It does one thing
 * after the other, as it is asked, and ends with whoever started it.
 */
import { flushCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import type { Tensor } from '../../../models/engine.ts'
import type { Folded } from '../../../models/folded.ts'
import { assert } from '../../../protocol/assert.ts'
import { forestSession } from './forests.ts'
import { type Frame, FrameReader, piecesOf, readyId } from './frames.ts'
import type { Answer, Request } from './requests.ts'
import { Room } from './room.ts'
import { isFolded, packed, type Sent, unpackedSteps } from './tensors.ts'

/** Where the talk is; the outputs that everybody knows are for complaints. */
const TALK = 3
const WHY_LENGTH_MAX = 500
/** A placement of 64 stages on 64 hosts is 1 MiB; what is larger is seldom. */
const KEPT_BYTES_MAX = 4 << 20

type Given = RuntimeTensor | Folded
type Opening = Extract<Request, { call: 'open' }>

/** Of the runtime, or of what takes its place. */
interface Session {
  readonly takesFolded: boolean
  run(inputs: Readonly<Record<string, Given>>): Promise<Readonly<Record<string, RuntimeTensor>>>
  release(): Promise<void>
}

const [headBytesMax, bodyBytesMax] = process.argv.slice(2).map(Number) as [number, number]
const sessions = new Map<number, Session>()
/** Where what is asked lies until it is answered. */
const asked = new Room(KEPT_BYTES_MAX)
const reader = new FrameReader({ headBytesMax, bodyBytesMax }, (bytes) => {
  asked.clear()
  return asked.take(bytes)
})
let isAnswering = false
const talk = new Socket({
  fd: TALK,
  onread: {
    // Read to where it is to lie.
    buffer: () => reader.room,
    callback: (bytes) => {
      const frame = reader.filled(bytes)
      if (frame !== undefined) void answer(frame)
      return true
    },
  },
})
// Whoever asked is gone.
talk.on('end', () => process.exit())
talk.on('error', () => process.exit())
say({ id: readyId, kind: 'done', tensors: [] }, [])
// It is ended by a signal, and would keep nothing of what it compiled.
flushCompileCache()

async function answer({ head, body }: Frame): Promise<void> {
  assert(!isAnswering, 'it is asked one thing at a time')
  isAnswering = true
  const [said, numbers] = await answerTo(head as Request, body)
  isAnswering = false
  say(said, numbers)
}

async function answerTo(
  request: Request,
  body: Uint8Array<ArrayBuffer>,
): Promise<[Answer, Uint8Array[]]> {
  const { id } = request
  try {
    // What is behind the next question takes its place.
    if (request.call === 'open') return [await opened(request, body.slice()), []]
    const { heads, body: numbers } = packed(await done(request, body))
    if (numbers.reduce((sum, { length }) => sum + length, 0) > bodyBytesMax) {
      throw new Error(`what comes of it takes more than ${bodyBytesMax} bytes`)
    }
    return [{ id, kind: 'done', tensors: heads }, numbers]
  } catch (error) {
    const why = String(error instanceof Error ? error.message : error).slice(0, WHY_LENGTH_MAX)
    return [{ id, kind: 'refused', why }, []]
  }
}

async function opened(
  { id, session: number }: Opening,
  model: Uint8Array<ArrayBuffer>,
): Promise<Answer> {
  const session = await sessionOf(model)
  sessions.set(number, session)
  return { id, kind: 'opened', takesFolded: session.takesFolded }
}

async function done(
  request: Exclude<Request, Opening>,
  body: Uint8Array<ArrayBuffer>,
): Promise<Record<string, Tensor>> {
  const { session: number } = request
  const session = sessions.get(number)
  if (session === undefined) throw new Error(`session ${number} is not open`)
  if (request.call === 'close') {
    sessions.delete(number)
    await session.release()
    return {}
  }
  const steps = unpackedSteps(request.steps, body, bodyBytesMax)
  if (steps === undefined) throw new Error('the numbers are not those of the tensors')
  return run(session, steps, Object.entries(request.carried))
}

/** One thread, so that a host's stages keep its other cores. */
const options = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
} as const

async function sessionOf(model: Uint8Array): Promise<Session> {
  const forest = forestSession(model)
  if (forest === undefined) return ofRuntime(await InferenceSession.create(model, options))
  return {
    takesFolded: true,
    async run(inputs) {
      const { dims, data } = forest.run(inputs)
      return { [forest.output]: new RuntimeTensor(data, dims) }
    },
    release: async () => {},
  }
}

function ofRuntime(session: InferenceSession): Session {
  return {
    takesFolded: false,
    run(inputs) {
      if (areWhole(inputs)) return session.run(inputs)
      throw new Error('only forests take rows without what they repeat')
    },
    release: () => session.release(),
  }
}

function areWhole(
  inputs: Readonly<Record<string, Given>>,
): inputs is Readonly<Record<string, RuntimeTensor>> {
  return !Object.values(inputs).some(isFolded)
}

async function run(
  session: Session,
  steps: readonly Record<string, Sent>[],
  carried: readonly (readonly [output: string, input: string])[],
): Promise<Record<string, Tensor>> {
  const inputs: Record<string, Given> = {}
  let outputs: Readonly<Record<string, RuntimeTensor>> = {}
  for (const [i, step] of steps.entries()) {
    if (i > 0) carry(outputs, inputs, carried)
    for (const [name, sent] of Object.entries(step)) {
      inputs[name] = isFolded(sent) ? sent : new RuntimeTensor(sent.data, sent.dims)
    }
    outputs = await session.run(inputs)
  }
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => {
      if (data instanceof Float32Array || data instanceof BigInt64Array) {
        return [name, { dims, data }]
      }
      throw new Error(`its output ${name} is neither of floats of four bytes nor of int64`)
    }),
  )
}

function carry(
  outputs: Readonly<Record<string, RuntimeTensor>>,
  inputs: Record<string, Given>,
  carried: readonly (readonly [output: string, input: string])[],
): void {
  for (const [output, input] of carried) {
    const tensor = outputs[output]
    if (tensor === undefined) throw new Error(`it has no output ${output}`)
    inputs[input] = tensor
  }
}

function say(head: Answer, body: readonly Uint8Array[]): void {
  talk.cork()
  for (const piece of piecesOf(head, body)) talk.write(piece)
  talk.uncork()
}
