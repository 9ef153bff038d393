/** A secret in a real mesh: stages have it, and nobody finds it in anything that is kept. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-secrets-'))
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const value = 'x7Qp-correct-horse-3f9a'
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)

/** With the value on stdin, as people should. */
function setSecret(name: string, text: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [launcher, 'secret', 'set', name], {
      env: { ...process.env, SKEIN_HOME: home },
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    child.once('error', reject)
    child.once('close', resolve)
    child.stdin.end(`${text}\n`)
  })
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}

before(async () => {
  const { code, err } = await skein('up', '--nodes', '3', '--detach')
  assert.equal(code, 0, err)
})
after(async () => {
  await skein('down', '--yes')
  rmSync(home, { recursive: true, force: true })
})

function workflow(run: string): string {
  const file = join(home, 'work.yaml')
  const lines = [
    'apiVersion: skein/v1',
    'kind: Workflow',
    'name: secretive',
    'stages:',
    '  a:',
    '    secrets: { TOKEN: registry }',
    `    run: ${JSON.stringify(run)}`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

test('a secret is set from stdin, listed by name, and its value is shown to nobody', async () => {
  assert.equal(await setSecret('registry', value), 0)
  assert.equal(await setSecret('short', 'abc'), exitCodes.usage)
  const { out } = await skein('--json', 'secret', 'ls')
  const { secrets } = JSON.parse(out) as { secrets: { name: string; by: string }[] }
  assert.deepEqual(
    secrets.map(({ name }) => name),
    ['registry'],
  )
  assert.ok(!out.includes(value))
})

test('a stage has it in its environment, and its log and outputs do not show it', async () => {
  // The value comes in two writes, in base64, and to the error stream; what it is, a hash says.
  const run = [
    'printf "%s" "$TOKEN" | sha256sum',
    'echo "it is $TOKEN."',
    'printf "%.9s" "$TOKEN"; sleep 1; echo "$TOKEN" | cut -c10-',
    'printf "%s" "$TOKEN" | base64',
    'echo "$TOKEN" >&2',
  ].join('\n')
  const ran = await skein('run', workflow(run), '--watch')
  assert.equal(ran.code, 0, ran.err + ran.out)
  const { out } = await skein('runs', 'logs', '@latest')
  const { createHash } = await import('node:crypto')
  assert.ok(out.includes(createHash('sha256').update(value).digest('hex')), out)
  assert.match(out, /it is \*\*\*\./)
  assert.equal(out.split('***').length - 1, 4, out)
  assert.ok(!out.includes(value))
})

test('outputs that hold it are masked, and a stage without such a secret fails saying so', async () => {
  const run = 'echo "{\\"token\\":\\"$TOKEN\\"}" > "$SKEIN_OUTPUT"'
  assert.equal((await skein('run', workflow(run), '--watch')).code, 0)
  const { out } = await skein('--json', 'runs', 'show', '@latest')
  assert.match(out, /\*\*\*/)
  assert.ok(!out.includes(value))
})

test('it is in no store, snapshot, log or export of the mesh, in no form', async () => {
  const file = join(home, 'audit.jsonl')
  assert.equal((await skein('audit', 'export', file)).code, 0)
  assert.match(readFileSync(file, 'utf8'), /"verb":"secret\.set"/)
  const base64 = Buffer.from(value).toString('base64').slice(0, 24)
  const forms = [value, base64, Buffer.from(value).toString('hex')]
  let bytes = 0
  for (const path of filesIn(home)) {
    const content = readFileSync(path)
    bytes += statSync(path).size
    for (const form of forms) assert.ok(!content.includes(form), `${form} in ${path}`)
  }
  assert.ok(bytes > 10_000, 'there was something to look at')
})

test('a removed secret is gone: whoever names it fails, and is told which', async () => {
  assert.equal((await skein('secret', 'rm', 'registry', '--yes')).code, 0)
  assert.equal((await skein('secret', 'rm', 'registry', '--yes')).code, exitCodes.notFound)
  const before = (await skein('--json', 'runs')).out
  const planned = await skein('workflow', 'plan', workflow('true'))
  assert.match(planned.out, /Missing secrets\n {2}registry: .*skein secret set registry/)
  const ran = await skein('run', workflow('true'), '--watch')
  assert.equal(ran.code, exitCodes.notFound)
  assert.match(
    ran.err,
    /there is no secret registry, which the workflow needs.*skein secret set registry/s,
  )
  assert.equal((await skein('--json', 'runs')).out, before, 'nothing of it has begun')
})
