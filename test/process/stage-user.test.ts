/** Stages of a real mesh that run as a user of their own (`work.user`): what they cannot reach, and what still works. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { realPassage } from '../contracts/passage.ts'
import { whyNotInMemory } from '../ports/in-memory.ts'
import { whyNoUser } from '../ports/stage-user.ts'
import { runSkeinIn } from './skein.ts'

const skip = whyNoUser ?? false
const home = mkdtempSync(join(tmpdir(), 'skein-user-'))
const mesh = join(home, 'mesh')
const nodes = join(mesh, 'nodes')
const skein = (...args: string[]) =>
  runSkeinIn({ SKEIN_HOME: mesh, SKEIN_WORK_USER: 'nobody' }, ...args)

before(async () => {
  if (whyNoUser !== undefined) return
  // The user goes through to where stages work; the data directories stay closed.
  for (const each of [mesh, nodes]) mkdirSync(each)
  for (const each of [home, mesh, nodes]) chmodSync(each, 0o711)
  const { code, err } = await skein('up', '--nodes', '3', '--detach')
  assert.equal(code, 0, err)
})
after(async () => {
  if (whyNoUser === undefined) await skein('down', '--yes')
  rmSync(home, { recursive: true, force: true })
})

async function run(name: string, stages: object): Promise<{ code: number | null; out: string }> {
  const { code, out, err } = await skein('run', workflowOf(name, stages))
  return { code, out: `${out}${err}` }
}

function workflowOf(name: string, stages: object): string {
  const file = join(home, `${name}.json`)
  writeFileSync(file, JSON.stringify({ apiVersion: 'skein/v1', kind: 'Workflow', name, stages }))
  return file
}

/** Who of the user's programs was started so. */
function alive(commandLine: string): string {
  return spawnSync('pgrep', ['-u', 'nobody', '-fx', commandLine], { encoding: 'utf8' }).stdout
}

async function logOf(stage: string): Promise<string> {
  return (await skein('runs', 'logs', '@latest', stage)).out
}

test('a stage cannot read the key of its agent, nor what else that keeps', { skip }, async () => {
  const keys = ['identity.key', 'credential', 'issuer.key', 'store', 'owner.json']
  const look = `id -un; for each in ${keys.join(' ')}; do cat ${nodes}/*/$each; ls ${nodes}/n1/$each; done
    cat ${mesh}/*.key; ls ${mesh} ${nodes}; tr '\\0' '\\n' < /proc/$(pgrep -f "agent run" | head -1)/environ; true`
  const { code, out } = await run('look', { look: { run: look } })
  assert.equal(code, 0, out)
  const log = await logOf('look')
  assert.match(log, /^nobody$/m)
  assert.ok(log.split('\n').filter((line) => line.includes('ermission denied')).length > 2, log)
  const kept = readFileSync(join(nodes, 'n1', 'identity.key'), 'latin1')
  assert.ok(!log.includes(kept.slice(0, 20)))
  assert.doesNotMatch(log, /identity\.key$|SKEIN_HOME=/m)
})

test('outputs and artifacts go from stage to stage, and limits of rights hold for those too', {
  skip,
}, async () => {
  const { code, out } = await run('files', {
    make: {
      run: 'mkdir -p a/b; echo made > a/b/f; chmod 700 a; echo \'{"n":7}\' > "$SKEIN_OUTPUT"',
      artifacts: ['a/**'],
    },
    take: {
      needs: ['make'],
      artifactsFrom: ['make'],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the workflow
      run: 'cat a/b/f && echo "got ${{ stages.make.outputs.n }}" && echo more >> a/b/f',
    },
  })
  assert.equal(code, 0, out)
  assert.match(await logOf('take'), /^made\ngot 7$/m)
  const stolen = await run('steal', {
    steal: { directory: '/etc', run: 'true', artifacts: ['shadow'] },
  })
  assert.equal(stolen.code, 1)
  assert.match(stolen.out, /shadow is not for the user that stages run as to read/)
  const planted = await run('plant', {
    make: { run: 'echo x > skein-planted', artifacts: ['skein-planted'] },
    plant: { needs: ['make'], directory: '/etc', artifactsFrom: ['make'], run: 'true' },
  })
  assert.equal(planted.code, 1)
  assert.match(planted.out, /may not write there/)
})

test('what can only be done in the agent’s own process is refused', { skip }, async () => {
  const module = join(home, 'module.mjs')
  writeFileSync(module, 'export default () => ({})')
  const { code, out } = await run('inside', { inside: { function: { module } } })
  assert.equal(code, 1)
  assert.match(out, /would run in the agent’s own process.*work\.user/)
})

test('the stop reaches what the user’s stages run, whatever they have started', {
  skip,
}, async () => {
  const text = `trap "" TERM; setsid sleep 9${process.pid} & sleep 8${process.pid}`
  const started = await skein('run', workflowOf('stay', { stay: { run: text } }), '--detach')
  assert.equal(started.code, 0, started.err)
  const sleepers = `sleep [89]${process.pid}`
  await realPassage.until('both to sleep', () => alive(sleepers).trim().split('\n').length === 2)
  const stop = await skein('estop', '--reason', 'a test', '--yes')
  assert.equal(stop.code, 0, `${stop.out}${stop.err}`)
  assert.equal(alive(sleepers), '')
  assert.equal((await skein('resume', '--reason', 'a test', '--yes')).code, 0)
})

test('a stage that asks for a sandbox has one, in which its limits of rights hold too', {
  skip,
}, async () => {
  const shown = (await skein('nodes', 'show', 'n1')).out
  if (shown.includes('not a sandbox')) return assert.match(shown, /not a sandbox.*: .*bwrap/)
  const look =
    'id -un; ls -A /tmp; ls /proc | grep -c "^[0-9]"; echo in > f; echo no > /var/tmp/f2; ls -d ../*'
  const { code, out } = await run('boxed', {
    boxed: { run: look, sandbox: true, artifacts: ['f'] },
  })
  assert.equal(code, 0, out)
  assert.match(await logOf('boxed'), /^nobody\n(\S+\n)?\d\n/)
})

test('a secret as a file is its user’s, in a sandbox and outside, and is gone afterwards', {
  skip: skip || (whyNotInMemory ?? false),
}, async () => {
  const key = join(home, 'given.key')
  writeFileSync(key, '-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIE\n-----END KEY-----\n')
  assert.equal((await skein('secret', 'set', 'tls', '--from-file', key)).code, 0)
  const stage = {
    secrets: { KEY: { name: 'tls', as: 'file' } },
    run: 'stat -c "%U %a" "$KEY" "$(dirname "$KEY")"; wc -l < "$KEY"; ls -d "$(dirname "$KEY")"',
  }
  const hasSandbox = !(await skein('nodes', 'show', 'n1')).out.includes('not a sandbox')
  const stages = { open: stage, ...(hasSandbox ? { boxed: { ...stage, sandbox: true } } : {}) }
  const { code, out } = await run('keyed', stages)
  assert.equal(code, 0, out)
  for (const name of Object.keys(stages)) {
    const log = await logOf(name)
    const [, folder = ''] = /^nobody 400\nnobody 700\n3\n(\/.*)$/m.exec(log) ?? []
    assert.ok(folder.startsWith('/') && !existsSync(folder), log)
  }
})

test('a node says that its stages have a user of their own', { skip }, async () => {
  assert.match((await skein('nodes', 'show', 'n1')).out, /isolation.*a user of their own/)
  assert.doesNotMatch((await skein('health')).out, /stages run as root/)
})
