/** `skein workflow`: exit codes, lines that editors understand, and documents for programs. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '../../coordinator/cli/program.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { workflowJsonSchema } from '../../protocol/workflow/json-schema.ts'
import { Terminal } from '../cli/stage.ts'
import { example, parsed } from './stage.ts'

async function skein(...args: string[]): Promise<{ code: number; io: Terminal }> {
  const io = new Terminal()
  const code = await run(args, {} as Parameters<typeof run>[1], io)
  return { code, io }
}

function fileWith(t: TestContext, text: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'skein-workflow-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'w.yaml')
  writeFileSync(file, text)
  return file
}

const release = fileURLToPath(new URL('./examples/release.yaml', import.meta.url))

test('a valid workflow is said to be so, without an agent', async () => {
  const { code, io } = await skein('workflow', 'validate', release)
  assert.equal(code, exitCodes.done)
  assert.equal(io.said, `${release}: valid, workflow release of 3 stages\n`)
  assert.equal(io.talk, '')
})

test('every mistake is a line with its place, and the exit code is that of wrong usage', async (t) => {
  const file = fileWith(
    t,
    example('release.yaml').replace('[unit]', '[unti]').replace('cpu: 2', 'cpus: 2'),
  )
  const { code, io } = await skein('workflow', 'validate', file)
  assert.equal(code, exitCodes.usage)
  assert.deepEqual(io.said.split('\n'), [
    `${file}:11:18: there is no key "cpus" in resources (it is called cpu here)`,
    `${file}:18:13: there is no stage "unti" (did you mean unit?)`,
    '',
  ])
  assert.equal(io.talk, '2 mistakes\n')
})

test('with --json there is one document, whether it is valid or not', async (t) => {
  const good = await skein('workflow', 'validate', release, '--json')
  assert.equal(good.code, exitCodes.done)
  assert.deepEqual(JSON.parse(good.io.said), {
    schemaVersion: 1,
    file: release,
    valid: true,
    workflow: { name: 'release', stages: 3, hash: workflowHash(parsed(example('release.yaml'))) },
    mistakes: [],
    more: 0,
  })
  const file = fileWith(
    t,
    'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages: { a: { rnu: x } }\n',
  )
  const bad = await skein('workflow', 'validate', file, '--json')
  assert.equal(bad.code, exitCodes.usage)
  assert.equal(bad.io.talk.includes('{'), false)
  const { valid, mistakes } = JSON.parse(bad.io.said)
  assert.equal(valid, false)
  assert.deepEqual(mistakes[0], {
    code: 'unknownKey',
    line: 4,
    column: 16,
    path: 'stages.a.rnu',
    message: 'there is no key "rnu" in a stage',
    hint: 'did you mean run?',
  })
})

test('a file that cannot be read is told in one line', async (t) => {
  const cases: [string, number, RegExp][] = [
    ['/nowhere/w.yaml', exitCodes.notFound, /there is no such file; name a workflow file/],
    [tmpdir(), exitCodes.usage, /it is a folder/],
    [fileWith(t, Uint8Array.of(0xff, 0xfe, 0x00)), exitCodes.usage, /is no text in UTF-8/],
  ]
  for (const [file, exitCode, words] of cases) {
    const { code, io } = await skein('workflow', 'validate', file)
    assert.equal(code, exitCode)
    assert.match(io.talk, words)
    assert.match(io.talk, /^skein: [^\n]*\n$/)
  }
})

test('a file beyond all limits is read only so far, and refused', async (t) => {
  const { code, io } = await skein(
    'workflow',
    'validate',
    fileWith(t, `# ${'é'.repeat(10_000_000)}`),
  )
  assert.equal(code, exitCodes.usage)
  assert.match(io.said, /:1:1: the file has more than 4194304 characters/)
})

test('what a file says cannot reach the terminal as a command to it', async (t) => {
  const file = fileWith(
    t,
    'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages: { a: { "\\e[31mx\\x07": y } }\n',
  )
  const { io } = await skein('workflow', 'validate', file)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  assert.doesNotMatch(io.said, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
})

test('the schema is printed for editors', async () => {
  const { code, io } = await skein('workflow', 'schema')
  assert.equal(code, exitCodes.done)
  assert.deepEqual(JSON.parse(io.said), workflowJsonSchema())
})
