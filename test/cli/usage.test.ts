/** The grammar: what is understood, and how wrong use is answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiDocument } from '../../coordinator/api/openapi.ts'
import { run } from '../../coordinator/cli/program.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Terminal } from './stage.ts'

async function skein(...args: string[]): Promise<{ code: number; io: Terminal; ran: string[] }> {
  const ran: string[] = []
  const program = (name: string) => async (options: object) => {
    ran.push(`${name} ${JSON.stringify(options)}`)
    return exitCodes.done as number
  }
  const names = ['agentRun', 'init', 'agentJoin', 'up', 'down', 'benchIdle', 'benchUp'] as const
  const programs = Object.fromEntries(names.map((name) => [name, program(name)]))
  const io = new Terminal()
  io.env = { SKEIN_ADDRESS: '127.0.0.1:1' }
  const code = await run(args, programs as Parameters<typeof run>[1], io)
  return { code, io, ran }
}

test('wrong use is one line that says what is wrong and what to write, and exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['statos'], /unknown command 'statos'; did you mean status\?/],
    [['nodes', 'shw'], /unknown command 'shw'; did you mean show\?/],
    [['frobnicate'], /unknown command 'frobnicate'; see skein --help/],
    [['nodes', 'show'], /missing required argument 'node'; see skein nodes show --help/],
    [['nodes', 'show', 'a', 'b'], /too many arguments for 'show'.*; see skein nodes show --help/],
    [['status', '--bogus'], /unknown option '--bogus'; see skein status --help/],
    [['status', '--jsno'], /unknown option '--jsno'; did you mean --json\?/],
    [['nodes', 'ls', '--state', 'foo'], /'foo' is invalid.*alive, suspect, dead, left/],
    [['nodes', 'ls', '--label', 'x'], /x is not a label; write key=value/],
    [['nodes', 'show', 'n1', '--minutes', '9999'], /--minutes is 9999, and it can be 0 to 1440/],
    [['nodes', 'show', 'n1', '--minutes', 'x'], /--minutes is "x", which is no whole number/],
    [['nodes', 'label', 'n1'], /missing required argument 'changes'/],
    [['top', '--sort', 'foo'], /'foo' is invalid.*name, cpu, memory/],
    [['events', '--last', '5000'], /--last is 5000, and it can be 0 to 1000/],
    [['events', '--since', '-1'], /--since is "-1"/],
    [['up', '--nodes', 'many'], /--nodes is "many", which is no whole number/],
    [['agent', 'join'], /missing required argument 'token'; see skein agent join --help/],
    [['token', 'create', '--role', 'king'], /Allowed choices are agent, coordinator/],
    [['token', 'create', '--uses', '0'], /--uses is 0, and it can be 1 to 256/],
    [['token', 'create', '--ttl', '90'], /--ttl: 90 has no unit/],
    [['token', 'create', '--label', 'zone'], /--label zone has no value/],
    [['run', 'w.yaml', '--watch', '--detach'], /'--watch' cannot be used with option '--detach'/],
    [['completion'], /missing required argument 'shell'; see skein completion --help/],
    [['completion', 'tcsh'], /no completion for tcsh/],
    [['help', 'nodse'], /no command "nodse"; did you mean nodes\?/],
    [['help', 'nodes', 'shw'], /no command "nodes shw"; did you mean show\?/],
    [['status', '--address', 'ftp://127.0.0.1:1'], /is not an address of an agent/],
    [
      ['status', '--address', 'http//x y'],
      /http\/\/x y is not an address.*; write it as host:port/,
    ],
    [['status', '--address', 'http//127.0.0.1:1'], /: http\/\/127\.0\.0\.1:1 is not an address/],
    [['status', '--address', 'http:127.0.0.1:1'], /is not an address of an agent/],
    [['status', '--address', '127.0.0.1:1/nodes'], /is not an address of an agent/],
    [['status', '--address', '127.0.0.1:port'], /is not an address of an agent/],
    [['status', '--address', 'http://x y'], /is not an address of an agent/],
  ]
  for (const [args, words] of cases) {
    const { code, io, ran } = await skein(...args)
    assert.equal(code, exitCodes.usage, args.join(' '))
    assert.match(io.talk, words)
    assert.match(io.talk, /^skein: [^\n]*\n$/)
    assert.equal(io.said, '')
    assert.deepEqual(ran, [])
  }
})

test('with --json wrong use is one document, and nothing else', async () => {
  for (const args of [['statos'], ['nodes', 'show'], ['nodes'], ['up', '--nodes', 'x']]) {
    const { code, io } = await skein(...args, '--json')
    assert.equal(code, exitCodes.usage)
    const { schemaVersion, error } = JSON.parse(io.talk)
    assert.equal(schemaVersion, 1)
    assert.deepEqual(Object.keys(error), ['code', 'why', 'fix'])
    assert.equal(io.said, '')
  }
})

test('help is data, and the same however it is asked for', async () => {
  for (const words of [['nodes'], ['nodes', 'show'], ['agent', 'run'], ['top'], ['bench']]) {
    const asked = await skein('help', ...words)
    const flag = await skein(...words, '--help')
    assert.equal(asked.code, exitCodes.done)
    assert.equal(flag.code, exitCodes.done)
    assert.equal(asked.io.said, flag.io.said)
    assert.match(asked.io.said, new RegExp(`^Usage: skein ${words.join(' ')} `))
    assert.match(asked.io.said, /--yes /)
  }
  const { io } = await skein('help')
  assert.match(io.said, /Examples:/)
  assert.doesNotMatch(io.said, /__complete/)
})

test('a group alone shows what it holds, and asks for a command', async () => {
  const { code, io } = await skein('nodes')
  assert.equal(code, exitCodes.usage)
  assert.match(io.talk, /label <node> <changes...>/)
  assert.match(
    io.talk,
    /skein: skein nodes needs a command; add one of ls, show, label, drain, undrain, revoke, promote, demote\n$/,
  )
})

test('global options are understood before and behind the command', async () => {
  for (const args of [
    ['--yes', '--quiet', 'down', '--dir', 'x'],
    ['down', '--dir', 'x', '--yes', '-q'],
  ]) {
    const { code, ran } = await skein(...args)
    assert.equal(code, exitCodes.done)
    assert.deepEqual(ran, ['down {"dir":"x"}'])
  }
})

test('help says with which number a command ends, and how a run is begun', async () => {
  const all = await skein('--help')
  for (const [name, exitCode] of Object.entries(exitCodes)) {
    if (name.startsWith('simulation')) continue
    assert.match(all.io.said, new RegExp(`\\n.* ${exitCode}  \\w`), name)
  }
  const { io } = await skein('run', '--help')
  assert.match(io.said, /skein run \S+\.yaml -i \w+=/)
  assert.match((await skein('nodes', 'show', '--help')).io.said, /Exit codes .*skein --help\n$/)
})

test('what the control API takes is printed without an agent', async () => {
  const { code, io } = await skein('openapi')
  assert.equal(code, exitCodes.done)
  assert.deepEqual(JSON.parse(io.said), JSON.parse(JSON.stringify(openApiDocument())))
})
