/** What somebody who listens on the wire between agents gets to see of their work: nothing. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { MeshFile } from '../../simulations/mesh/layout.ts'
import { runSkeinIn } from './skein.ts'

const tapProgram = fileURLToPath(new URL('wire-tap.py', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'skein-tap-'))
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)
after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

/** A listener for plain words, which the tap must show: one that shows nothing proves nothing. */
async function plainListener() {
  const server = createServer((socket) => socket.resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { port, close: () => server.close() }
}

async function say(port: number, words: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.end(words)
  await once(socket, 'close')
}

async function listen(file: string, ports: readonly number[]): Promise<ChildProcess | undefined> {
  const tap = spawn('python3', [tapProgram, file, ...ports.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: tap.stdout! })) {
    if (line === 'refused') return undefined
    if (line === 'ready') return tap
  }
  assert.fail('the tap ended before it was ready')
}

const workflow = `apiVersion: skein/v1
kind: Workflow
name: overheard
inputs:
  given: { type: string }
stages:
  say:
    run: |
      echo command-in-the-clear
      echo "log of $GIVEN"
      echo '{"result":"output-in-the-clear"}' > "$SKEIN_OUTPUT"
      echo file-in-the-clear > kept.txt
    env: { GIVEN: '\${{ inputs.given }}' }
    secrets: { TOKEN: registry }
    artifacts: [kept.txt]
  hear:
    needs: [say]
    artifactsFrom: [say]
    forEach: { items: '\${{ [1, 2, 3, 4, 5, 6] }}' }
    run: cat kept.txt; echo "$HEARD"
    env: { HEARD: '\${{ stages.say.outputs.result }}' }
    secrets: { TOKEN: registry }
`

test('commands, inputs, outputs, secrets, logs and files go between agents unread', async (t) => {
  const up = await skein('up', '--nodes', '5', '--detach')
  assert.equal(up.code, 0, up.err)
  const mesh: MeshFile = JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8'))
  const control = await plainListener()
  t.after(control.close)
  const file = join(home, 'captured')
  const tap = await listen(file, [...mesh.nodes.map(({ meshPort }) => meshPort), control.port])
  if (!tap) return t.skip('only root may listen on the wire')
  // Also where something fails before: nothing may keep this file from ending.
  t.after(() => tap.kill())
  await say(control.port, 'words-in-the-clear')
  // Asked of one that does not lead, which hands it on: sealed already, and encrypted as all else.
  const { leader } = JSON.parse((await skein('--json', 'status')).out).ledger
  const follower = mesh.nodes.find(({ name }) => name !== leader) ?? assert.fail('a follower')
  const given = join(home, 'given')
  writeFileSync(given, 'secret-in-the-clear')
  const at = ['--address', follower.apiAddress]
  const set = await skein('secret', 'set', 'registry', '--from-file', given, ...at)
  assert.equal(set.code, 0, set.err)
  const source = join(home, 'overheard.yaml')
  writeFileSync(source, workflow)
  const ran = await skein('run', source, '-i', 'given=input-in-the-clear', '--watch')
  assert.equal(ran.code, 0, ran.err)
  for (const { apiAddress } of mesh.nodes) {
    const logs = await skein('runs', 'logs', '@latest', '--address', apiAddress)
    assert.match(logs.out, /file-in-the-clear/, logs.err)
    assert.match(logs.out, /output-in-the-clear/)
  }
  tap.stdin!.end()
  await once(tap, 'close')
  const captured = readFileSync(file)
  assert.ok(captured.includes('words-in-the-clear'), 'the tap sees what is not encrypted')
  assert.ok(captured.length > 100_000, 'and it has seen the mesh at work')
  for (const words of ['command', 'input', 'output', 'secret', 'file'].map(
    (one) => `${one}-in-the-clear`,
  )) {
    assert.ok(!captured.includes(words), words)
    assert.ok(!captured.includes(Buffer.from(words).toString('base64').slice(2, -4)), words)
  }
})
