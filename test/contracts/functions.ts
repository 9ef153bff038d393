/** What every `Functions` promises. The module has the exports named in `functionNames`. */
import assert from 'node:assert/strict'
import type { FunctionEnd, FunctionSpec, Functions } from '../../protocol/ports/functions.ts'
import { outcome, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface FunctionsSubject extends Subject {
  functions: Functions
  /** The path of the module. */
  module: string
}

/** Each with its text in a real module. */
export const functionNames = {
  echoes: '(input) => ({ got: input })',
  waits: 'async (input) => { await null; return input }',
  nothing: '() => {}',
  tellsEnvironment: '() => process.env.GREETING + Object.keys(process.env).length',
  throws: '() => { throw new Error("out of luck") }',
  rejects: 'async () => { throw new Error("later out of luck") }',
  returnsFunction: '() => () => 1',
  returnsBig: '() => 10n',
  returnsMuch: '() => "x".repeat(10_000)',
  writes: '() => { console.log("to be read"); console.error("a complaint"); return 1 }',
  never: '() => { for (;;); }',
  hoards: '() => { const all = []; for (;;) all.push(new Array(1e4).fill({})) }',
  counts: '() => { globalThis.count = (globalThis.count ?? 0) + 1; return globalThis.count }',
} as const

export function functionsContract(
  name: string,
  make: () => Promise<FunctionsSubject> | FunctionsSubject,
): void {
  const it = promising(name, make)

  it('a function is given the input, and what it returns is told as JSON', async (subject) => {
    const input = JSON.stringify({ text: 'quoted "so"', list: [1, null] })
    const end = await call(subject, 'echoes', { input }).ended()
    assert.deepEqual(end, { kind: 'returned', result: `{"got":${input}}` })
    assert.deepEqual(await call(subject, 'waits', { input: '5' }).ended(), {
      kind: 'returned',
      result: '5',
    })
    assert.deepEqual(await call(subject, 'nothing').ended(), { kind: 'returned' })
  })

  it('the environment is what was given', async (subject) => {
    const end = await call(subject, 'tellsEnvironment', { env: { GREETING: 'hello' } }).ended()
    assert.deepEqual(end, { kind: 'returned', result: '"hello1"' })
  })

  it('what a function throws is told', async (subject) => {
    for (const [name, words] of [
      ['throws', 'out of luck'],
      ['rejects', 'later out of luck'],
    ] as const) {
      const end = await call(subject, name).ended()
      assert.ok(end.kind === 'threw' && end.message.includes(words), JSON.stringify(end))
    }
  })

  it('a module or an export that is not there is said to be missing', async (subject) => {
    for (const missing of [{ export: 'none' }, { module: `${subject.module}.none.mjs` }]) {
      const end = await call(subject, 'echoes', missing).ended()
      assert.equal(end.kind, 'notFound')
    }
  })

  it('a result that is no JSON, or too large, is refused', async (subject) => {
    for (const name of ['returnsFunction', 'returnsBig', 'returnsMuch'] as const) {
      assert.equal((await call(subject, name).ended()).kind, 'badResult', name)
    }
    const end = await call(subject, 'returnsMuch', { resultBytesMax: 10_002 }).ended()
    assert.equal(end.kind, 'returned')
  })

  it('what a function writes is delivered before its end', async (subject) => {
    const run = call(subject, 'writes')
    assert.deepEqual(await run.ended(), { kind: 'returned', result: '1' })
    assert.deepEqual([run.stdout(), run.stderr()], ['to be read\n', 'a complaint\n'])
  })

  it('a function that never ends is ended, and may be so twice', async (subject) => {
    const run = call(subject, 'never')
    await subject.advance(50)
    run.stop()
    assert.equal((await run.ended()).kind, 'ended')
    run.stop()
    assert.equal((await run.ended()).kind, 'ended')
  })

  it('a function that takes more memory than it may is ended alone', async (subject) => {
    assert.deepEqual(await call(subject, 'hoards').ended(), { kind: 'outOfMemory' })
    assert.equal((await call(subject, 'nothing').ended()).kind, 'returned')
  })

  it('calls are apart: one finds nothing of another', async (subject) => {
    const runs = [call(subject, 'counts'), call(subject, 'counts')]
    for (const run of runs) {
      assert.deepEqual(await run.ended(), { kind: 'returned', result: '1' })
    }
  })
}

interface Run {
  ended(): Promise<FunctionEnd>
  stop(): void
  stdout(): string
  stderr(): string
}

function call(
  subject: FunctionsSubject,
  name: keyof typeof functionNames,
  partial: Partial<FunctionSpec> = {},
): Run {
  const spec = {
    module: subject.module,
    export: name,
    input: 'null',
    env: {},
    memoryBytes: 32 << 20,
    resultBytesMax: 1_000,
    ...partial,
  }
  const heard = { stdout: '', stderr: '' }
  const running = subject.functions.call(spec, (from, chunk) => {
    heard[from] += new TextDecoder().decode(chunk)
  })
  return {
    ended: () => outcome(subject, `end of ${name}`, running.ended()),
    stop: () => running.stop(),
    stdout: () => heard.stdout,
    stderr: () => heard.stderr,
  }
}
