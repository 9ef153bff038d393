/** `skein workflow import wfformat`: where the workflow goes, what is said beside it, and refusals. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from '../../coordinator/cli/program.ts'
import { importLimits } from '../../coordinator/importing/limits.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { workflowHash } from '../../protocol/workflow/canonical.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { Terminal } from '../cli/stage.ts'
import { imported, survey, surveyFile, traceOf } from './stage.ts'

async function importing(...args: string[]): Promise<{ code: number; io: Terminal }> {
  const io = new Terminal()
  const words = ['workflow', 'import', 'wfformat', ...args]
  return { code: await run(words, {} as Parameters<typeof run>[1], io), io }
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'skein-import-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('the workflow goes to stdout, and what is said of it to stderr', async () => {
  const { code, io } = await importing(surveyFile, '--time-scale', '0.1')
  assert.equal(code, exitCodes.done)
  assert.equal(io.said, imported(survey, { timeScale: 0.1, format: 'yaml' }).text)
  assert.equal(io.talk, 'survey: 4 stages, 4 needs, 11s of work, 7.3s along the longest way\n')
  assert.equal((await importing(surveyFile, '--quiet')).io.talk, '')
})

test('all options reach the workflow', async () => {
  const { io } = await importing(
    ...[surveyFile, '--work', 'process', '--resources', '--labels', '--format', 'json'],
  )
  const over = { work: 'process', resources: true, labels: true } as const
  assert.equal(io.said, imported(survey, over).text)
})

test('a file is written in the format of its ending, and replaced only when that is wanted', async (t) => {
  const file = join(folder(t), 'survey.json')
  const first = await importing(surveyFile, '--out', file)
  assert.equal(first.io.said, '')
  assert.match(first.io.talk, /\nwritten to .*survey\.json\n$/)
  assert.equal(readFileSync(file, 'utf8'), imported(survey).text)
  const second = await importing(surveyFile, '--out', file, '--time-scale', '2')
  assert.equal(second.code, exitCodes.refused)
  assert.match(
    second.io.talk,
    /^skein: not without a yes: .* is there already, and is replaced; add --yes\n$/,
  )
  assert.equal(readFileSync(file, 'utf8'), imported(survey).text)
  const third = await importing(surveyFile, '--out', file, '--time-scale', '2', '--yes')
  assert.equal(third.code, exitCodes.done)
  assert.equal(readFileSync(file, 'utf8'), imported(survey, { timeScale: 2 }).text)
})

test('with --json there is one document, with the workflow or the name of its file', async (t) => {
  const { workflow, document, figures } = imported(survey)
  const common = {
    schemaVersion: 1,
    file: surveyFile,
    workflow: { name: 'survey', stages: 4, hash: workflowHash(workflow) },
    trace: figures,
  }
  const printed = await importing(surveyFile, '--json')
  assert.deepEqual(JSON.parse(printed.io.said), { ...common, document })
  assert.ok(parseWorkflow(JSON.stringify(JSON.parse(printed.io.said).document)).ok)
  const out = join(folder(t), 'survey.yaml')
  const written = await importing(surveyFile, '--json', '--out', out)
  assert.deepEqual(JSON.parse(written.io.said), { ...common, out })
})

test('tasks without a time are told', async (t) => {
  const file = join(folder(t), 'trace.json')
  writeFileSync(file, traceOf([{ id: 'a' }, { id: 'b' }]))
  const { io } = await importing(file)
  assert.match(io.talk, /\n2 of them have no time in the trace, and take none\n$/)
})

test('a trace that is wrong is told in one line, which can do nothing to a terminal', async (t) => {
  const file = join(folder(t), 'trace.json')
  writeFileSync(file, traceOf([{ id: 'a', parents: ['\u001b[31m\u009b', 'x'] }]))
  const { code, io } = await importing(file)
  assert.equal(code, exitCodes.usage)
  assert.equal(io.said, '')
  assert.match(
    io.talk,
    /^skein: .*trace\.json: workflow\.specification\.tasks\[0\]\.parents\[0\]: there is no task .* \(and 1 more mistake\); .*\n$/,
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  assert.doesNotMatch(io.talk, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  const told = JSON.parse((await importing(file, '--json')).io.talk)
  assert.equal(told.error.code, 'badTrace')
})

test('files that cannot be read or written, and numbers that make no sense, are refused', async (t) => {
  const large = join(folder(t), 'large.json')
  writeFileSync(large, new Uint8Array(importLimits.fileBytesMax + 100))
  const cases: [string[], number, RegExp][] = [
    [['/nowhere/t.json'], exitCodes.notFound, /there is no such file; name a trace in WfFormat/],
    [[tmpdir()], exitCodes.usage, /it is a folder/],
    [[large], exitCodes.usage, /the file has more than 33554432 bytes; take a smaller trace/],
    [[surveyFile, '--out', '/nowhere/w.yaml'], exitCodes.notFound, /nowhere.*; name another file/],
    [
      [surveyFile, '--out', tmpdir(), '--yes'],
      exitCodes.usage,
      /it is a folder; name another file/,
    ],
    [[surveyFile, '--time-scale', '-1'], exitCodes.usage, /--time-scale is "-1"/],
    [
      [surveyFile, '--time-scale', '1001'],
      exitCodes.usage,
      /it can be up to 1000; choose a smaller/,
    ],
    [[surveyFile, '--work', 'play'], exitCodes.usage, /sleep, spin, process, none/],
  ]
  for (const [args, exitCode, words] of cases) {
    const { code, io } = await importing(...args)
    assert.equal(code, exitCode, io.talk)
    assert.match(io.talk, words)
    assert.match(io.talk, /^skein: [^\n]*\n$/)
  }
})
