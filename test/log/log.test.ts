import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { limits } from '../../agent/log/limits.ts'
import { descriptorTarget, type LogOptions, openLog } from '../../agent/log/log.ts'
import type { Clock } from '../../protocol/ports/clock.ts'

const atMs = new Date(2031, 4, 6, 22, 31, 7, 123).getTime()
const clock = { wall: () => atMs } as Clock

async function written(
  options: Partial<LogOptions> & { terminal?: boolean; colour?: boolean } = {},
) {
  const lines: string[] = []
  const { terminal = false, colour = false, ...rest } = options
  const to = { write: (line: string) => void lines.push(line), terminal, colour }
  const log = await openLog({ clock }, { level: 'debug', format: 'auto', to, ...rest })
  return { log, lines }
}

test('a line is one JSON object: time, level, component, what varies, message', async () => {
  const { log, lines } = await written()
  log
    .child('membership')
    .info('node suspect', { name: 'n3', rounds: 2, self: false, gone: undefined })
  assert.equal(lines.length, 1)
  assert.equal(
    lines[0],
    `{"level":"info","time":${atMs},"component":"membership","name":"n3","rounds":2,"self":false,"msg":"node suspect"}\n`,
  )
})

test('a level that is changed holds for all that was made of the log before', async () => {
  const { log, lines } = await written({ level: 'info' })
  const child = log.child('membership')
  child.debug('unheard')
  log.setLevel('debug')
  child.debug('heard')
  log.setLevel('error')
  child.warn('unheard')
  log.child('later').info('unheard')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['heard'],
  )
})

test('on a terminal a line is for eyes', async () => {
  const { log, lines } = await written({ terminal: true })
  log.child('membership').info('node suspect', { name: 'n3', by: 'n1' })
  log.warn('disk is filling', { freeBytes: 12 })
  log.error('cannot go on', { why: 'no space left' })
  assert.deepEqual(lines, [
    '22:31:07.123 info  membership  node suspect  name=n3 by=n1\n',
    '22:31:07.123 warn  disk is filling  freeBytes=12\n',
    '22:31:07.123 error cannot go on  why="no space left"\n',
  ])
})

test('the format that was asked for goes before what the target is', async () => {
  const json = await written({ terminal: true, format: 'json' })
  json.log.info('hello')
  assert.equal(JSON.parse(json.lines[0]!).msg, 'hello')
  const pretty = await written({ format: 'pretty' })
  pretty.log.info('hello')
  assert.equal(pretty.lines[0], '22:31:07.123 info  hello\n')
})

test('colours appear only where they can be shown', async () => {
  const plain = await written({ terminal: true })
  const coloured = await written({ terminal: true, colour: true })
  for (const { log } of [plain, coloured]) log.child('a').info('hello', { x: 1 })
  assert.ok(!plain.lines[0]!.includes('\u001b'))
  assert.ok(coloured.lines[0]!.includes('\u001b['))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  assert.equal(coloured.lines[0]!.replace(/\u001b\[\d+m/g, ''), plain.lines[0])
})

test('what is below the level is not written', async () => {
  const { log, lines } = await written({ level: 'warn' })
  const child = log.child('a')
  child.debug('a')
  child.info('b')
  child.warn('c')
  child.error('d')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['c', 'd'],
  )
})

test('a component within a component says both', async () => {
  const { log, lines } = await written()
  log.child('network').child('gater').info('refused')
  assert.equal(JSON.parse(lines[0]!).component, 'network.gater')
})

test('a field cannot take the place of the line’s own', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const { log, lines } = await written({ format })
    log.info('real', {
      msg: 'forged',
      level: 'error',
      time: 0,
      component: 'forged',
      type: 'Error',
      stack: 'x',
    })
    const line = lines[0]!
    assert.ok(line.includes('real') && line.includes('msg_') && line.includes('level_'))
    assert.ok(line.startsWith(format === 'json' ? '{"level":"info",' : '22:31:07.123 info  real'))
  }
})

test('whatever a field holds: one line of JSON that gives it back, and one line for eyes without tricks', async () => {
  const json = await written()
  const pretty = await written({ terminal: true })
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 40 }))
  const tricks = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u
  fc.assert(
    fc.property(text, (value) => {
      json.log.info('said', { value })
      pretty.log.info('said', { value })
      assert.equal(JSON.parse(json.lines.pop()!).value, value)
      assert.equal(json.lines.length, 0)
      const line = pretty.lines.pop()!
      assert.ok(line.endsWith('\n') && !tricks.test(line.slice(0, -1)), JSON.stringify(line))
    }),
    { numRuns: 1_000 },
  )
})

test('a text that is too long is cut, and shows it', async () => {
  const { log, lines } = await written()
  log.info('said', { value: 'x'.repeat(100_000) })
  assert.equal(JSON.parse(lines[0]!).value, `${'x'.repeat(limits.fieldLengthMax)}…`)
})

const modules = fileURLToPath(new URL('../../agent/log/log.ts', import.meta.url))
const speak = (then: string) => `
  import { openLog, descriptorTarget } from ${JSON.stringify(modules)}
  const to = descriptorTarget(1, { terminal: false, colour: false })
  const log = await openLog({ clock: { wall: () => 0 } }, { level: 'info', format: 'auto', to })
  for (let i = 0; i < 5000; i++) log.info('line', { i })
  ${then}
`

test('the last line before an exit, or a crash, is not lost', async () => {
  for (const then of [
    'process.exit(0)',
    'throw new Error("crash")',
    'process.kill(process.pid, "SIGKILL")',
  ]) {
    const program = ['--input-type=module', '-e', speak(then)]
    const run = promisify(execFile)(process.execPath, program, { maxBuffer: 1e7 })
    const { stdout } = await run.catch((error: { stdout: string }) => error)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, 5000, then)
    assert.equal(JSON.parse(lines.at(-1)!).i, 4999, then)
  }
})

test('a reader that goes away does not take the agent along', async () => {
  const program = ['--input-type=module', '-e', speak('process.exitCode = 7')]
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'ignore'] })
  child.stdout.once('data', () => child.stdout.destroy())
  const [code] = await once(child, 'exit')
  assert.equal(code, 7)
})

test('a full disk does not take the agent along', {
  skip: !existsSync('/dev/full') && 'no /dev/full',
}, async () => {
  const full = openSync('/dev/full', 'w')
  const to = descriptorTarget(full, { terminal: false, colour: false })
  const log = await openLog({ clock }, { level: 'info', format: 'auto', to })
  for (let i = 0; i < 5_000; i++) log.info('into the void', { text: 'x'.repeat(200) })
  closeSync(full)
})

test('what makes lines pretty is not loaded when nobody looks', async () => {
  const program = `
    import { openLog } from ${JSON.stringify(modules)}
    import { createRequire } from 'node:module'
    const to = { write() {}, terminal: process.argv[1] === 'terminal', colour: false }
    await openLog({ clock: { wall: () => 0 } }, { level: 'info', format: 'auto', to })
    const loaded = Object.keys(createRequire(import.meta.url).cache ?? {})
    process.stdout.write(String(loaded.some((file) => file.includes('/pino-pretty/'))))
  `
  const run = async (kind: string) =>
    (await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, kind]))
      .stdout
  assert.equal(await run('collector'), 'false')
  assert.equal(await run('terminal'), 'true')
})
