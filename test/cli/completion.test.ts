/** Completion in a real bash, with an agent whose nodes are not all well-meaning. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { completionScript } from '../../coordinator/cli/completion.ts'
import { sampleModule, sampleNode } from '../api/stage.ts'
import { adasEnvironment } from './key.ts'
import { type Answer, fakeAgent, says } from './stage.ts'

const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const bash = spawnSync('bash', ['--version']).status === 0

/** What bash offers for each line, the last word of which is being typed. */
async function offers(
  t: TestContext,
  answer: Answer,
  lines: readonly string[][],
): Promise<{ words: string[][]; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'skein-completion-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { address } = await fakeAgent(t, [answer])
  const script = `
skein() { ${JSON.stringify(process.execPath)} ${JSON.stringify(launcher)} "$@"; }
compopt() { echo "compopt $*"; }
${completionScript('bash')}
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _skein; echo "\${COMPREPLY[*]}"; }
${lines.map((line) => `try skein ${line.map((word) => `'${word}'`).join(' ')}`).join('\n')}
`
  const env = { ...process.env, SKEIN_ADDRESS: address, ...adasEnvironment() }
  const child = spawn('bash', ['--norc', '-c', script], { cwd: folder, env })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  await once(child, 'close')
  return {
    words: out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')),
    folder,
  }
}

const names = ['n1', 'n2', '$(touch owned)', '`touch owned`', 'a b', '-rf', 'edge.example']
const mesh: Answer = (request, response) => {
  const nodes = names.map((name, i) => ({ ...sampleNode(i), name }))
  const document = request.url?.includes('modules')
    ? { schemaVersion: 1, node: 'n1', modules: [sampleModule] }
    : { schemaVersion: 1, nodes }
  says(JSON.stringify(document))(request, response)
}

test('bash is offered what may stand there, and nothing else', { skip: !bash }, async (t) => {
  const cases: [string[], string[]][] = [
    [['st'], ['status']],
    [
      ['nodes', ''],
      ['ls', 'show', 'label', 'drain', 'undrain', 'revoke', 'promote', 'demote'],
    ],
    [['--address', 'x:1', 'nodes', 's'], ['show']],
    [['--json', 'nodes', 's'], ['show']],
    [
      ['nodes', 'show', 'n'],
      ['n1', 'n2'],
    ],
    [['nodes', 'show', 'n1', ''], ['']],
    [['nodes', 'label', 'n2', ''], ['']],
    [['nodes', 'ls', '--sta'], ['--state']],
    [['nodes', 'ls', '--state', 'a'], ['alive']],
    [
      ['top', '--sort', ''],
      ['name', 'cpu', 'memory'],
    ],
    [['modules', 'stop', ''], ['telemetry']],
    [
      ['modules', 'stop', 'telemetry', 'n'],
      ['n1', 'n2'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['help', 'nodes', 'l'],
      ['ls', 'label'],
    ],
    [['unknown', ''], ['']],
    [
      ['agent', 'run', '--config', ''],
      ['compopt', '-o', 'default'],
    ],
  ]
  const { words } = await offers(
    t,
    mesh,
    cases.map(([line]) => line),
  )
  assert.equal(words.length, cases.length)
  for (const [i, [line, expected]] of cases.entries())
    assert.deepEqual(words[i], expected, line.join(' '))
})

test('what a node calls itself is never run, nor offered to be', { skip: !bash }, async (t) => {
  const { words, folder } = await offers(t, mesh, [['nodes', 'show', '']])
  assert.deepEqual(words, [['n1', 'n2', 'edge.example']])
  assert.equal(existsSync(join(folder, 'owned')), false)
})

test('without an agent there is nothing to offer, and no word about it', {
  skip: !bash,
}, async (t) => {
  const { words } = await offers(t, (request) => request.socket.destroy(), [['nodes', 'show', '']])
  assert.deepEqual(words, [['']])
})
