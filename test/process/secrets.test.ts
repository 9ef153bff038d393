/** A secret in a real mesh: stages have it, and nobody finds it in anything that is kept. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { LocalNode, MeshFile } from '../../simulations/mesh/layout.ts'
import { realPassage } from '../contracts/passage.ts'
import { whyNotInMemory } from '../ports/in-memory.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-secrets-'))
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))
const value = 'x7Qp-correct-horse-3f9a'
/** As tools write them: the end of the last line is a part of it. */
const pem = `-----BEGIN PRIVATE KEY-----\n${randomBytes(36).toString('base64')}\n${randomBytes(36).toString('base64')}\n-----END PRIVATE KEY-----\n`
/** No text, and ends as a line does. */
const store = Buffer.concat([Buffer.from([0, 255, 13, 10]), randomBytes(60), Buffer.from([0, 10])])
const [, firstLine = '', secondLine = ''] = pem.split('\n')
/** All that must be found nowhere, in all the forms in which it could be. */
const formsOfAll: readonly Buffer[] = [
  ...[
    Buffer.from(value),
    Buffer.from(firstLine),
    Buffer.from(secondLine),
    store.subarray(4, 40),
  ].flatMap((bytes) => [
    bytes,
    Buffer.from(bytes.toString('base64').slice(0, 24)),
    Buffer.from(bytes.toString('hex')),
  ]),
  Buffer.from(Buffer.from(pem).toString('base64').slice(40, 80)),
]
const skipFiles = whyNotInMemory ?? false
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

function refuseFound(paths: Iterable<string>): number {
  let bytes = 0
  for (const path of paths) {
    const content = contentOf(path)
    bytes += content.length
    for (const form of formsOfAll) assert.ok(!content.includes(form), `${form} in ${path}`)
  }
  return bytes
}

/** Of processes and of what an agent is about to remove, some are gone by now. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

function commandLines(): string[] {
  return readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? [`/proc/${name}/cmdline`] : [],
  )
}

function sumOf(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What the stage has written, without its name before each line. */
async function logOfStage(): Promise<string> {
  return (await skein('runs', 'logs', '@latest')).out.replaceAll(/^a /gm, '')
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
  assert.ok(out.includes(sumOf(value)), out)
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

const asFiles = [
  'secrets:',
  '  KEY: { name: tls, as: file }',
  '  STORE: { name: keystore, as: file }',
]

/** A stage that has its secrets as files, with what is to stand beside it in the file. */
function filesWorkflow(run: string, more: readonly string[] = []): string {
  const file = join(home, 'files.yaml')
  const lines = ['apiVersion: skein/v1', 'kind: Workflow', 'name: filed', 'stages:', '  a:']
  const stage = [...asFiles, `run: ${JSON.stringify(run)}`, ...more]
  writeFileSync(file, `${[...lines, ...stage.map((line) => `    ${line}`)].join('\n')}\n`)
  return file
}

test('a plan names the secrets of files that are missing, too', async () => {
  const planned = await skein('workflow', 'plan', filesWorkflow('true'))
  assert.match(planned.out, /Missing secrets\n {2}keystore: .*\n {2}tls: .*skein secret set tls/)
})

test('a key and a binary are read from files, every byte of them, and lie nowhere else', {
  skip: skipFiles,
}, async () => {
  const [pemFile, storeFile] = [join(home, 'given.pem'), join(home, 'given.p12')]
  writeFileSync(pemFile, pem)
  writeFileSync(storeFile, store)
  assert.equal((await skein('secret', 'set', 'tls', '--from-file', pemFile)).code, 0)
  assert.equal((await skein('secret', 'set', 'keystore', '--from-file', storeFile)).code, 0)
  for (const file of [pemFile, storeFile]) rmSync(file)
  const go = join(home, 'go')
  const run = [
    'sha256sum < "$KEY"; sha256sum < "$STORE"; cat "$KEY"; base64 -w0 < "$STORE"; echo',
    'stat -f -c "in %T" "$KEY"; stat -c "mode %a" "$KEY" "$(dirname "$KEY")"',
    'echo "$KEY" > where; echo "at $KEY"; ls -A > listed',
    `echo ready > ${go}.ready; while [ ! -e ${go} ]; do sleep 0.1; done`,
  ].join('\n')
  const running = skein('run', filesWorkflow(run, ['artifacts: ["**"]']), '--watch')
  await realPassage.until('the stage', () => existsSync(`${go}.ready`))
  // While it runs, and has them: in no file of any agent, and in nobody's arguments.
  refuseFound(filesIn(home))
  refuseFound(commandLines())
  writeFileSync(go, '')
  const ran = await running
  assert.equal(ran.code, 0, ran.err + ran.out)
  const out = await logOfStage()
  for (const bytes of [pem, store]) assert.ok(out.includes(sumOf(bytes)), out)
  assert.match(out, /in (tmpfs|ramfs)\nmode 400\nmode 700\n/)
  for (const line of [firstLine, secondLine]) assert.ok(!out.includes(line), out)
  const [, path = ''] = /^at (.*)$/m.exec(out) ?? []
  assert.ok(path.startsWith('/') && !existsSync(path) && !existsSync(dirname(path)), path)
  const listed = (await skein('runs', 'artifacts', '@latest')).out
  assert.doesNotMatch(listed, /KEY|STORE/)
})

test('in a sandbox as well, where they can be read and not be written', {
  skip: skipFiles,
}, async (t) => {
  const shown = (await skein('nodes', 'show', 'n1')).out
  assert.match(shown, /isolation.*secrets as files in memory/s)
  const [, missing] = /not a sandbox[^:]*: (.*)/.exec(shown) ?? []
  if (missing !== undefined) return t.skip(missing)
  const run = [
    'sha256sum < "$KEY"; sha256sum < "$STORE"; ls "$(dirname "$(dirname "$KEY")")" | wc -l',
    'touch "$(dirname "$KEY")/more" 2>/dev/null || echo read-only',
  ].join('\n')
  const ran = await skein('run', filesWorkflow(run, ['sandbox: true']), '--watch')
  assert.equal(ran.code, 0, ran.err + ran.out)
  const out = await logOfStage()
  for (const bytes of [pem, store]) assert.ok(out.includes(sumOf(bytes)), out)
  assert.match(out, /^1\nread-only$/m)
})

test('what is no text is no variable, and the end of the stage says what to write', async () => {
  const file = filesWorkflow('true')
  const text = readFileSync(file, 'utf8').replace('{ name: keystore, as: file }', 'keystore')
  writeFileSync(file, text)
  const ran = await skein('run', file, '--watch')
  assert.equal(ran.code, exitCodes.failed)
  const { out } = await skein('runs', 'explain', '@latest')
  assert.match(out + ran.out + ran.err, /STORE is no text.*as: file/s)
})

/** What the ledger, a stage’s log and the audit log keep in the open, and so must be found in them. */
const plain = { reason: 'plainly-because', ledger: 'plainly-in-the-ledger', log: 'plainly-42-said' }

/** What an agent keeps, as it put it there: on the disk it may be compressed. */
async function keptBy({ dataDirectory }: LocalNode): Promise<Buffer> {
  const store = new ClassicLevel<string, Uint8Array>(join(dataDirectory, 'store'), {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    createIfMissing: false,
  })
  const parts: Uint8Array[] = []
  for await (const [key, row] of store.iterator()) parts.push(Buffer.from(key), row)
  await store.close()
  return Buffer.concat(parts)
}

test('it is in no store, log or export of the mesh, in no form, where all else is found', async () => {
  const audit = join(home, 'audit.jsonl')
  const said = ['nodes', 'drain', 'n3', '--reason', plain.reason]
  assert.equal((await skein(...said)).code, 0)
  const ran = await skein(
    'run',
    workflow(`: ${plain.ledger}; echo plainly-$((40 + 2))-said $TOKEN`),
  )
  assert.equal(ran.code, 0, ran.err + ran.out)
  assert.equal((await skein('audit', 'export', audit)).code, 0)
  assert.match(readFileSync(audit, 'utf8'), /"verb":"secret\.set"/)
  assert.ok(readFileSync(audit, 'utf8').includes(plain.reason))
  const mesh: MeshFile = JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8'))
  assert.equal((await skein('down')).code, 0)
  assert.ok(refuseFound(filesIn(home)) > 10_000, 'there was something to look at')
  const kept = await Promise.all(mesh.nodes.map(keptBy))
  for (const [i, rows] of kept.entries()) {
    for (const form of formsOfAll) assert.ok(!rows.includes(form), `${form} in the store of ${i}`)
    for (const words of [plain.reason, plain.ledger]) assert.ok(rows.includes(words), words)
  }
  const all = [...kept, ...[...filesIn(home)].map(contentOf)]
  assert.ok(all.some((content) => content.includes(plain.log)))
  assert.equal((await skein('up', '--nodes', '3', '--detach')).code, 0)
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
