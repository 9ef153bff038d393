/** Stages get the secrets that they name, and nothing that they say shows one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenedSecrets, SecretSource } from '../../agent/work/secrets/source.ts'
import type { AttemptStep } from '../../protocol/work/step.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { Stage } from './stage.ts'

const value = 'correct-horse-battery'
const named = { secrets: { TOKEN: 'deploy' } }

class Vault implements SecretSource {
  asked: (readonly string[])[] = []
  answer: OpenedSecrets = { ok: true, values: new Map([['deploy', value]]) }

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
