/**
 * What people and other stages give a stage to work with is data: no shell, no language, no program's
 * options make anything else of it. From an input of the run to what a real program is started with.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SystemWeb } from '../../agent/ports/web.ts'
import { Containers } from '../../agent/work/steps/containers.ts'
import { StepFailure } from '../../agent/work/steps/executor.ts'
import { WebError } from '../../protocol/ports/web.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { head } from '../workflow/stage.ts'
import { assignmentsOf, StageHost } from './real-stage.ts'

const hostile = [
  '; touch owned',
  '&& touch owned',
  '| touch owned',
  '> owned',
  '$(touch owned)',
  '`touch owned`',
  "' ; touch owned ; '",
  '" ; touch owned ; "',
  "'; touch owned; echo '",
  '"$(touch owned)"',
  '\\"; touch owned; \\"',
  '\\$(touch owned)',
  'a\ntouch owned\nb',
  'a\r\ntouch owned',
  `\${IFS}touch\${IFS}owned`,
  `\${SKEIN_VALUE_1}`,
  `$SKEIN_RUN \${PATH} $0 $$ $! $?`,
  `\${{ inputs.x }}`,
  `\${{ 1 + 1 }}`,
  '-n',
  '-e',
  '--',
  '--help',
  '-c touch owned',
  '%s%n%99999d',
  '*',
  '~root',
  '{a,b}',
  '<(touch owned)',
  "$'\\x41'",
  '!!',
  '#',
  '\\',
  '\\n\\0\\c',
  '\u001b]0;title\u0007\u001b[2J',
  '\u202egnp.exe',
  ' between blanks ',
  '\t',
  'EOF\ntouch owned\n',
  '{"__proto__":{"owned":true}}',
  '東京 🦆 \u0301',
]

const script = (run: string, shell = 'sh') =>
  `${head}inputs: { x: { type: string } }\nstages:\n  a:\n    shell: ${shell}\n    run: ${JSON.stringify(run)}\n`

/** Each hands the input on to a program that prints it. */
const workflows: Readonly<Record<string, string>> = {
  'an argument': `${head}inputs: { x: { type: string } }
stages:
  a: { run: [printf, '%s', "\${{ inputs.x }}"] }
`,
  'a variable': `${head}inputs: { x: { type: string } }
stages:
  a: { run: 'printf %s "$VALUE"', env: { VALUE: "\${{ inputs.x }}" } }
`,
  'a bare word of a script': script(`printf %s \${{ inputs.x }}`),
  'a quoted word of a script': script(`printf %s "\${{ inputs.x }}"`),
  'a command in a script': script(
    `printf "%s" "$(printf %s \${{ inputs.x }}; echo x)" | sed '$s/x$//'`,
  ),
  'a script of bash': script(`printf %s \${{ inputs.x }}`, 'bash'),
}

async function ran(host: StageHost, text: string, x: string): Promise<string | undefined> {
  const assignment = assignmentsOf(text, { x }).get('a')
  if (assignment === undefined) return undefined
  // Where the attempt's own directory goes away, so would what was made there.
  const { end, text: written } = await host.run({ ...assignment, directory: host.directory })
  assert.equal(end.kind, 'succeeded', JSON.stringify(end))
  return written
}

const madeIn = (host: StageHost) =>
  readdirSync(host.directory).filter((name) => name !== 'cells' && name !== 'work')

for (const [what, text] of Object.entries(workflows)) {
  test(`as ${what} an input stays what it is`, async (t) => {
    const host = new StageHost(t)
    for (const x of hostile) {
      assert.equal(await ran(host, text, x), x, JSON.stringify(x))
      assert.deepEqual(madeIn(host), [], JSON.stringify(x))
    }
  })
}

test('what no program can be given starts none, and is never cut off where it could be', async (t) => {
  const host = new StageHost(t)
  for (const [what, text] of Object.entries(workflows)) {
    for (const x of ['safe\0; touch owned', '\0']) {
      const assignment = assignmentsOf(text, { x }).get('a')
      if (assignment === undefined) continue
      await assert.rejects(host.run(assignment), StepFailure, what)
      assert.deepEqual(madeIn(host), [])
    }
  }
})

// ── Options of other programs ───────────────────────────────────────────────────────────────────

function containerWith(image: string, command = ['true']): Assignment {
  const text = `${head}inputs: { x: { type: string } }\nstages:\n  a: { run: [true] }\n`
  const assignment = assignmentsOf(text, { x: '' }).get('a') ?? assert.fail('an assignment')
  const value = { image, command, pull: 'never' as const, network: 'none' as const }
  return { ...assignment, step: { kind: 'container', value } }
}

test('no name of an image is an option of the engine', (t: TestContext) => {
  const host = new StageHost(t)
  const containers = new Containers(host.ports, 'podman', {})
  for (const image of [
    '--privileged',
    '-v/:/host',
    '--volume=/:/host',
    '',
    ' alpine',
    'alpine --privileged',
    'alpine\n--privileged',
    '\0',
    '$(touch owned)',
    '../alpine',
  ]) {
    assert.match(containers.check(containerWith(image)) ?? '', /no name of an image/, image)
  }
  for (const image of [
    'alpine',
    'alpine:3.20',
    'registry.example.org:5000/team/app_1:v1.2-rc+1',
    `alpine@sha256:${'a'.repeat(64)}`,
  ]) {
    assert.equal(containers.check(containerWith(image)), undefined, image)
  }
})

test('an input that would be an option of the engine goes to no host', () => {
  const text = `${head}inputs: { x: { type: string } }
stages:
  a: { container: { image: "\${{ inputs.x }}", command: [alpine, sh] } }
`
  assert.equal(assignmentsOf(text, { x: 'alpine:3' }).size, 1)
  for (const x of ['--privileged', '-v/:/host', ' alpine', '']) {
    assert.equal(assignmentsOf(text, { x }).size, 0, x)
  }
})

test('no header and no address of a request smuggles another one in', async (t) => {
  const heard: string[] = []
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${request.headers.evil ?? ''}`)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const web = new SystemWeb()
  const ask = (url: string, headers: Record<string, string>, method = 'GET') =>
    web.request({ url, method, headers, bodyBytesMax: 100 }, new AbortController().signal)
  for (const value of ['a\r\nevil: yes', 'a\nevil: yes', 'a\0b', 'a\r\n\r\nGET /evil HTTP/1.1']) {
    await assert.rejects(ask(origin, { mine: value }), WebError, JSON.stringify(value))
    await assert.rejects(ask(origin, { [value]: 'x' }), WebError, JSON.stringify(value))
    await assert.rejects(ask(origin, {}, value), WebError, JSON.stringify(value))
  }
  for (const url of [
    'file:///etc/passwd',
    'data:text/plain,x',
    'javascript:1',
    '/etc/passwd',
    '',
  ]) {
    await assert.rejects(ask(url, {}), WebError, url)
  }
  await ask(`${origin}/a\r\nevil: yes`, {})
  assert.deepEqual(heard, ['GET /aevil:%20yes '], 'it is a part of the path, or nothing')
  server.closeAllConnections()
})
