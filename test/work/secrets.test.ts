/** Stages get the secrets that they name, and nothing that they say shows one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenedSecrets, SecretSource } from '../../agent/work/secrets/source.ts'
import type { AttemptStep } from '../../protocol/work/step.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { Stage } from './stage.ts'

const value = 'correct-horse-battery'
const bytesOf = (text: string) => new TextEncoder().encode(text)
const named = { secrets: { TOKEN: 'deploy' } }

class Vault implements SecretSource {
  asked: (readonly string[])[] = []
  answer: OpenedSecrets = { ok: true, values: new Map([['deploy', bytesOf(value)]]) }

  open(names: readonly string[]): Promise<OpenedSecrets> {
    this.asked.push(names)
    return Promise.resolve(this.answer)
  }
}

async function staged(program: Program, secrets = new Vault()): Promise<Stage> {
  return new Stage({ programs: { prog: program, podman: program }, secrets }).ready()
}

test('what a stage says of its secret is masked, in its log as in the failure that it tells', async () => {
  const stage = await staged((self) => {
    assert.equal(self.env.TOKEN, value)
    self.stdout(`it begins with ${value.slice(0, 7)}`)
    self.after(50, () => {
      self.stderr(`${value.slice(7)}, and in base64 ${Buffer.from(value).toString('base64')}\n`)
      self.exit(1)
    })
  })
  const work = stage.assignment(['prog'], named)
  stage.leader.assign(work)
  const { logTail, outcome } = await stage.over(work)
  assert.match(logTail ?? '', /^it begins with \*\*\*, and in base64 \*\*\*/)
  assert.equal(outcome.kind, 'failed')
})

test('outputs are masked, and progress is', async () => {
  const stage = await staged((self) => {
    self.writeFile(`${self.cwd}/skein-progress`, `0.5 using ${value}`)
    self.after(30_000, () => {
      self.writeFile(`${self.cwd}/skein-output.json`, JSON.stringify({ token: `x${value}x` }))
      self.exit(0)
    })
  })
  const work = stage.assignment(['prog'], named)
  stage.leader.assign(work)
  const { outcome } = await stage.over(work)
  assert.deepEqual(outcome, { kind: 'succeeded', value: { outputs: '{"token":"x***x"}' } })
  const notes = stage.leader
    .newsOf(work)
    .flatMap((news) => (news.kind === 'running' ? [news.value.note] : []))
  assert.ok(notes.includes('using ***'), String(notes))
})

test('a container is told the name of the variable, and its engine alone has the value', async () => {
  const container: AttemptStep = {
    kind: 'container',
    value: { image: 'alpine', command: [], pull: 'missing', network: 'none' },
  }
  const lines: string[] = []
  const stage = await new Stage({
    programs: {
      podman: (self) => {
        lines.push(self.argv.join(' '))
        assert.equal(self.env.TOKEN, value)
        self.exit(0)
      },
    },
    work: { containerEngine: 'podman' },
    secrets: new Vault(),
  }).ready()
  const work = stage.assignment(container, named)
  stage.leader.assign(work)
  await stage.over(work)
  assert.match(lines[0] ?? '', / --env TOKEN /)
  assert.ok(!lines.some((line) => line.includes(value)))
})

const key = Buffer.from('-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIE\n-----END KEY-----\n')
const asFile = { secretFiles: { KEY: 'deploy' } }
/** Of all attempts on that host. */
const secretsOn = (stage: Stage) =>
  [...stage.host.processTable.files.keys()].filter((path) => path.startsWith('/secrets/'))

function withKey(bytes: Uint8Array = key): Vault {
  const vault = new Vault()
  vault.answer = { ok: true, values: new Map([['deploy', bytes]]) }
  return vault
}

test('a secret as a file lies beside the stage’s directory while it runs, and no longer', async () => {
  const stage = await staged((self) => {
    const path = self.env.KEY ?? ''
    assert.ok(path.endsWith('/KEY') && !path.startsWith(self.cwd), path)
    assert.equal(self.readFile(path), key.toString())
    self.stdout(`read ${self.readFile(path)}`)
    self.exit(1)
  }, withKey())
  const work = stage.assignment(['prog'], asFile)
  stage.leader.assign(work)
  const { outcome, logTail } = await stage.over(work)
  assert.equal(outcome.kind, 'failed')
  assert.equal(logTail, 'read ***\n')
  assert.deepEqual(secretsOn(stage), [])
})

test('it is removed however the attempt ends: cancelled, timed out, not even started', async () => {
  const stage = await staged((self) => self.on('SIGTERM', () => self.exit(0)), withKey())
  const cancelled = stage.assignment(['prog'], asFile)
  const late = stage.assignment(['prog'], { ...asFile, timeouts: { startToCloseMs: 5_000 } })
  const nowhere = stage.assignment(['no-such-program'], asFile)
  stage.leader.assign(cancelled, late, nowhere)
  await stage.over(nowhere)
  await stage.until(() => stage.started('prog') === 2, 'both run')
  assert.equal(secretsOn(stage).length, 2)
  stage.leader.cancel(cancelled)
  assert.equal((await stage.over(cancelled)).outcome.kind, 'cancelled')
  assert.equal(secretsOn(stage).length, 1)
  assert.equal((await stage.over(late)).outcome.kind, 'timedOut')
  assert.deepEqual(secretsOn(stage), [])
})

test('an agent that was killed removes what it has left, but not from under what is alive', async () => {
  const vault = withKey()
  const stage = await staged((self) => {
    self.after(60_000, () => self.exit(self.readFile(self.env.KEY ?? '') === undefined ? 1 : 0))
  }, vault)
  const work = stage.assignment(['prog'], asFile)
  stage.leader.assign(work)
  await stage.until(() => stage.started('prog') === 1, 'it runs')
  await stage.world.runFor(1_000)
  const [alive] = secretsOn(stage)
  stage.host.processTable.files.set('/secrets/a1-77', new Map([['KEY', key]]))
  await stage.again('kill')
  assert.deepEqual(secretsOn(stage), [alive])
  await stage.talking()
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
  assert.deepEqual(secretsOn(stage), [])
})

test('a container is shown the file read-only, beside its directory', async () => {
  const container: AttemptStep = {
    kind: 'container',
    value: { image: 'alpine', command: [], pull: 'missing', network: 'none' },
  }
  const lines: string[] = []
  const shown: (Uint8Array | undefined)[] = []
  const stage: Stage = await new Stage({
    programs: {
      podman: (self) => {
        lines.push(self.argv.join(' '))
        const [path] = secretsOn(stage)
        shown.push(stage.host.processTable.files.get(path ?? '')?.get('KEY'))
        assert.equal(self.env.KEY, undefined)
        self.exit(0)
      },
    },
    work: { containerEngine: 'podman' },
    secrets: withKey(),
  }).ready()
  const work = stage.assignment(container, asFile)
  stage.leader.assign(work)
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
  assert.match(
    lines[0] ?? '',
    / --volume \/secrets\/\S+:\/skein-secrets:ro .*--env KEY=\/skein-secrets\/KEY /,
  )
  assert.deepEqual(
    shown.map((bytes) => bytes && Buffer.from(bytes).toString()),
    [key.toString()],
  )
  assert.deepEqual(secretsOn(stage), [])
})

test('a function of a module is told where its file lies, until it has returned', async () => {
  const read: (string | undefined)[] = []
  const main = {
    tookMs: 5_000,
    returns: (_: unknown, env: Readonly<Record<string, string>>) => {
      const path = env.KEY ?? ''
      const folder = stage.host.processTable.files.get(path.replace(/\/KEY$/, ''))
      read.push(Buffer.from(folder?.get('KEY') ?? []).toString())
      return { length: path.length }
    },
  }
  const modules = { '/m.mjs': { main } }
  const stage: Stage = await new Stage({ modules, secrets: withKey() }).ready()
  const step: AttemptStep = { kind: 'function', value: { module: '/m.mjs', export: 'main' } }
  const work = stage.assignment(step, asFile)
  stage.leader.assign(work)
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
  assert.deepEqual(read, [key.toString()])
  assert.deepEqual(secretsOn(stage), [])
})

test('a host without a place in memory takes no stage that wants a file, and says why', async () => {
  const secretFilesMissing = 'there is no place in memory'
  const programs = { prog: (self: Parameters<Program>[0]) => self.exit(0) }
  const stage = await new Stage({ programs, secrets: withKey(), secretFilesMissing }).ready()
  const work = stage.assignment(['prog'], asFile)
  stage.leader.assign(work)
  await stage.until(() => stage.leader.refusalOf(work) === 'unsupported', 'it is refused')
  const [news] = stage.leader.newsOf(work)
  assert.ok(news?.kind === 'refused')
  assert.match(news.value.message, /no secret as a file.*deploy: there is no place in memory/)
  assert.equal(stage.started('prog'), 0)
})

test('what is no text is refused as a variable, with what to write, and is right as a file', async () => {
  const binary = withKey(new Uint8Array([0, 255, 254, 10, 13, 7, 9, 200, 0, 10]))
  const stage = await staged((self) => self.exit(0), binary)
  const asVariable = stage.assignment(['prog'], named)
  const right = stage.assignment(['prog'], asFile)
  stage.leader.assign(asVariable, right)
  const { outcome } = await stage.over(asVariable)
  assert.ok(outcome.kind === 'failed')
  assert.equal(outcome.value.errorClass, 'input')
  assert.match(outcome.value.message, /TOKEN: \{ name: …, as: file \}/)
  assert.equal((await stage.over(right)).outcome.kind, 'succeeded')
  assert.equal(stage.started('prog'), 1)
})

test('the end of the last line is no part of a variable, and is of a file', async () => {
  const vault = withKey(bytesOf(`${value}\n`))
  const stage = await staged((self) => {
    assert.equal(self.env.TOKEN, value)
    assert.equal(self.readFile(self.env.KEY ?? ''), `${value}\n`)
    self.exit(0)
  }, vault)
  const work = stage.assignment(['prog'], { ...named, ...asFile })
  stage.leader.assign(work)
  assert.equal((await stage.over(work)).outcome.kind, 'succeeded')
  assert.deepEqual(vault.asked, [['deploy']])
})

test('nothing begins without its secrets, and the end says why', async () => {
  const vault = new Vault()
  vault.answer = { ok: false, errorClass: 'input', why: 'there is no secret deploy' }
  const stage = await staged((self) => self.exit(0), vault)
  const work = stage.assignment(['prog'], named)
  stage.leader.assign(work)
  const { outcome } = await stage.over(work)
  assert.ok(outcome.kind === 'failed')
  assert.equal(outcome.value.code, 'secrets')
  assert.equal(outcome.value.message, 'there is no secret deploy')
  assert.equal(stage.started('prog'), 0)
})

test('a stage without secrets asks for none', async () => {
  const vault = new Vault()
  const stage = await staged((self) => self.exit(0), vault)
  const work = stage.assignment(['prog'])
  stage.leader.assign(work)
  await stage.over(work)
  assert.deepEqual(vault.asked, [])
})

test('of a stage that outlives its agent nothing is kept where its secrets cannot be opened anew', async () => {
  const vault = new Vault()
  const stage = await staged((self) => {
    self.after(20_000, () => {
      self.stdout(`${value}\n`)
      self.exit(0)
    })
  }, vault)
  const work = stage.assignment(['prog'], named)
  stage.leader.assign(work)
  await stage.until(() => stage.started('prog') === 1, 'it runs')
  await stage.world.runFor(1_000)
  vault.answer = { ok: false, errorClass: 'transient', why: 'nobody answers' }
  await stage.again('kill')
  await stage.talking()
  const { logTail } = await stage.over(work)
  assert.match(logTail ?? '', /its secrets cannot be opened anew/)
  assert.ok(!logTail?.includes('correct'))
})
