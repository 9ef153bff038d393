import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SystemFunctions } from '../../agent/ports/functions/functions.ts'
import { temporaryDirectory } from './temporary-directory.ts'

function call(t: TestContext, text: string) {
  const module = join(temporaryDirectory(t), 'module.mjs')
  writeFileSync(module, text)
  const rest = {
    export: 'default',
    input: '1',
    env: {},
    memoryBytes: 64 << 20,
    resultBytesMax: 100,
  }
  return new SystemFunctions().call({ module, ...rest }, () => {}).ended()
}

test('a function that ends its own thread has returned nothing', async (t) => {
  const end = await call(t, 'export default () => process.exit(3)')
  assert.equal(end.kind, 'ended')
})

test('what a module throws while it is loaded is told', async (t) => {
  const end = await call(t, 'throw new Error("not today")')
  assert.ok(end.kind === 'threw' && end.message.includes('not today'))
  const unreadable = await call(t, 'export default (')
  assert.ok(unreadable.kind === 'threw' && unreadable.message.includes('SyntaxError'))
})

test('an error that nobody catches ends the call, and nothing else', async (t) => {
  const throws =
    'export default () => new Promise(() => setTimeout(() => { throw new Error("late") }))'
  const end = await call(t, throws)
  assert.ok(end.kind === 'threw' && end.message.includes('late'), JSON.stringify(end))
})

test('a function that waits for nothing that could come is ended', async (t) => {
  const end = await call(t, 'export default () => new Promise(() => {})')
  assert.equal(end.kind, 'ended')
})

test('what a function leaves running ends with it', async (t) => {
  const end = await call(t, 'export default () => { setInterval(() => {}, 1); return 1 }')
  assert.deepEqual(end, { kind: 'returned', result: '1' })
})

test('a message of the module’s own is not taken for what it returned', async (t) => {
  for (const said of ['"mine"', 'null', '{ kind: "returned", result: 5 }', '{ kind: "threw" }']) {
    const text = `import { parentPort } from 'node:worker_threads'
export default () => { parentPort.postMessage(${said}); return 1 }`
    assert.equal((await call(t, text)).kind, 'ended', said)
  }
  const much = `import { parentPort } from 'node:worker_threads'
export default () => parentPort.postMessage({ kind: 'returned', result: '"' + 'x'.repeat(1000) + '"' })`
  assert.equal((await call(t, much)).kind, 'badResult')
})
