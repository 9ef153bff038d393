/** Large workflows are read without keeping an agent from anything else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemFunctions } from '../../agent/ports/functions/functions.ts'
import { Mistaken } from '../../coordinator/api/errors.ts'
import { canonicalOf } from '../../coordinator/runs/canonical.ts'
import { WorkflowLibrary } from '../../coordinator/runs/library.ts'
import { readingLimits } from '../../coordinator/runs/limits.ts'
import { WorkflowReading } from '../../coordinator/runs/reading.ts'
import { type WrittenOut, writtenOut } from '../../coordinator/runs/writing-out.ts'
import type { FunctionEnd, FunctionSpec, Functions } from '../../protocol/ports/functions.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import { parsed, withStages } from '../workflow/stage.ts'

const { signal } = new AbortController()

function many(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => `  s${i}: { run: echo ${i} }\n`)
  return withStages(lines.join(''))
}

const large = many(5_000)
/** Large enough for a thread. */
const larger = many(Math.ceil(readingLimits.inlineLengthMax / 20))
const small = withStages('  a: { run: echo a }\n')

function readingWith(functions: Functions): WorkflowReading {
  return new WorkflowReading(functions, new WorkflowLibrary())
}

function aTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Threads that end when they are told to. */
class Threads implements Functions {
  readonly calls: { spec: FunctionSpec; end: (end: FunctionEnd) => void }[] = []

  call(spec: FunctionSpec) {
    const { promise, resolve } = Promise.withResolvers<FunctionEnd>()
    this.calls.push({ spec, end: resolve })
    return { ended: () => promise, stop: () => resolve({ kind: 'ended', message: 'stopped' }) }
  }

  /** As the thread would. */
  finish(i: number): void {
    const { spec, end } = this.calls[i]!
    end({ kind: 'returned', result: JSON.stringify(writtenOut(JSON.parse(spec.input))) })
  }

  return(i: number, value: WrittenOut): void {
    this.calls[i]!.end({ kind: 'returned', result: JSON.stringify(value) })
  }
}

test('while a large workflow is read, what was asked later is answered', async () => {
  const reading = readingWith(new SystemFunctions())
  const answered: string[] = []
  const first = reading.read(large, signal).then((workflow) => {
    answered.push('large')
    return workflow
  })
  await reading.read(small, signal)
  // As a timer of the agent, or a peer's question, would come in between.
  await aTurn()
  answered.push('small')
  const workflow = await first
  assert.deepEqual(answered, ['small', 'large'])
  assert.equal(workflow.stages.length, 5_000)
  assert.equal(canonicalOf(workflow).hash, workflowHash(parsed(large)))
})

test('what was read once is known by its text', async () => {
  const threads = new Threads()
  const reading = readingWith(threads)
  const first = reading.read(larger, signal)
  await aTurn()
  threads.finish(0)
  const workflow = await first
  assert.equal(await reading.read(larger, signal), workflow)
  assert.equal(threads.calls.length, 1)
})

test('the mistakes of a large workflow are told with their places', async () => {
  const reading = readingWith(new SystemFunctions())
  await assert.rejects(
    reading.read(`${large}  last: { needs: [nobody], run: x }\n`, signal),
    (error) => {
      assert.ok(error instanceof Mistaken)
      assert.match(error.mistakes[0]!.where, /^50\d\d:\d+$/)
      assert.match(error.mistakes[0]!.why, /nobody/)
      return true
    },
  )
})

test('a workflow that nobody could read again with its defaults written out is refused', async () => {
  const threads = new Threads()
  const reading = readingWith(threads)
  const asked = reading.read(larger, signal)
  await aTurn()
  const canonical = `{"${'x'.repeat(workflowLimits.textLengthMax)}":1}`
  threads.return(0, { ok: true, canonical })
  await assert.rejects(asked, { code: 'badRequest', message: /takes 4194310 characters/ })
})

test('large workflows wait for a thread in their order, and too many are told to come back', async () => {
  const { threadsMax, waitingMax } = readingLimits
  const threads = new Threads()
  const reading = readingWith(threads)
  const leaving = new AbortController()
  const texts = Array.from({ length: threadsMax + waitingMax }, (_, i) => `${larger}# ${i}\n`)
  const asked = texts.map((text, i) => reading.read(text, i === 0 ? leaving.signal : signal))
  await aTurn()
  assert.equal(threads.calls.length, threadsMax)
  await assert.rejects(reading.read(`${larger}#`, signal), { code: 'overloaded' })
  leaving.abort()
  await assert.rejects(asked[0]!, /stopped/)
  const canonical = canonicalOf(parsed(small)).text
  for (let i = 1; i < texts.length; i++) {
    await aTurn()
    threads.return(i, { ok: true, canonical })
    await asked[i]
  }
  assert.deepEqual(
    threads.calls.map(({ spec }) => JSON.parse(spec.input).text),
    texts,
  )
})
