/** Secrets go through the mesh sealed, and only to whom they are meant for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { holdersOf, meshKeyIn } from '../../coordinator/secrets/key-rows.ts'
import {
  Question,
  SERVICE,
  SecretAnswer,
  type SecretQuestion,
} from '../../coordinator/secrets/wire.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { sealingKeyOf } from '../../protocol/identity/sealing.ts'
import { read } from '../../protocol/ledger/read.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { type Member, Mesh } from '../history/stage.ts'

const value = 'correct-horse-battery'
const workflow =
  'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  a: { run: [prog], secrets: { TOKEN: deploy } }\n'
/** Its secret is asked for a while after it has begun. */
const waiting =
  'apiVersion: skein/v1\nkind: Workflow\nname: w\nstages:\n  first: { wait: 5s }\n  a: { needs: [first], run: [prog], secrets: { TOKEN: deploy } }\n'

interface Staged {
  mesh: Mesh
  /** What programs found in their environment. */
  found: (string | undefined)[]
  /** And in the file of that path, where there is one. */
  files: (Uint8Array | undefined)[]
}

async function staged(seed: string, size: number): Promise<Staged> {
  const found: (string | undefined)[] = []
  const files: (Uint8Array | undefined)[] = []
  const mesh: Mesh = await Mesh.of(seed, size, {
    schedules: true,
    programs: {
      prog: (self) => {
        const path = self.env.TOKEN ?? ''
        found.push(self.env.TOKEN)
        for (const { host } of mesh.members) {
          const folder = host.processTable.files.get(path.replace(/\/TOKEN$/, ''))
          if (folder !== undefined) files.push(folder.get('TOKEN'))
        }
        self.after(100, () => self.exit(0))
      },
    },
  })
  return { mesh, found, files }
}

async function set(mesh: Mesh, member: Member, text = value): Promise<void> {
  const body = { value: Buffer.from(text).toString('base64') }
  await mesh.call(member, 'setSecret', { parameters: { secret: 'deploy' }, body })
}

async function ran(mesh: Mesh, member: Member, text = workflow): Promise<string> {
  const { run } = await mesh.call(member, 'startRun', { body: { workflow: text } })
  const state = () => mesh.hot(run.id, mesh.leader)?.head.state ?? ''
  await mesh.until(() => ['succeeded', 'failed'].includes(state()), 'it is over', 120_000)
  return state()
}

function holders(mesh: Mesh): string[] {
  const { state } = mesh.leader!.agent.ledger
  const key = meshKeyIn(state)
  return key === undefined ? [] : holdersOf(state, key.id)
}

test('a secret set at any agent reaches the stage that names it, as it is now', async () => {
  const { mesh, found } = await staged('reaches', 3)
  await set(mesh, mesh.follower)
  assert.equal(await ran(mesh, mesh.follower), 'succeeded')
  await set(mesh, mesh.leader!, 'another-horse-battery')
  assert.equal(await ran(mesh, mesh.follower), 'succeeded')
  assert.deepEqual(found, [value, 'another-horse-battery'])
})

test('a snapshot of the ledger holds which secrets there are, and nothing of their values', async () => {
  const { mesh } = await staged('snapshot', 3)
  await set(mesh, mesh.follower)
  assert.equal(await ran(mesh, mesh.follower), 'succeeded')
  for (const { agent } of mesh.members) {
    const snapshot = Buffer.concat([...writeSnapshot(agent.ledger.state)])
    assert.ok(snapshot.includes('deploy'), 'it holds the secrets')
    const forms = [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')]
    for (const form of forms) assert.ok(!snapshot.includes(form), form)
  }
})

test('what is no text reaches a stage as a file, every byte of it', async () => {
  const { mesh, found, files } = await staged('bytes', 3)
  const bytes = Buffer.from([0, 255, 254, 13, 10, 9, 128, 0, 10])
  const body = { value: bytes.toString('base64') }
  await mesh.call(mesh.follower, 'setSecret', { parameters: { secret: 'deploy' }, body })
  const asFile = workflow.replace('TOKEN: deploy', 'TOKEN: { name: deploy, as: file }')
  assert.equal(await ran(mesh, mesh.follower, asFile), 'succeeded')
  assert.match(found[0] ?? '', /^\/secrets\/.*\/TOKEN$/)
  assert.deepEqual(files, [new Uint8Array(bytes)])
})

test('every voter has the key, and the next leader opens what the last one sealed', async () => {
  const { mesh, found } = await staged('next', 3)
  await set(mesh, mesh.leader!)
  const voters = mesh.leader!.agent.ledger.status()!.config.voters.map(({ id }) => id as string)
  await mesh.until(() => holders(mesh).length === 3, 'all voters have it')
  assert.deepEqual(holders(mesh).sort(), voters.sort())
  const last = mesh.leader!
  last.host.crash('powerLoss')
  await mesh.until(() => mesh.leader !== undefined && mesh.leader !== last, 'another leads')
  assert.equal(await ran(mesh, mesh.leader!), 'succeeded')
  assert.deepEqual(found, [value])
})

test('an agent opens nothing that it was not assigned, and a stranger to the votes gets no key', async () => {
  const { mesh } = await staged('nothing', 4)
  await set(mesh, mesh.leader!)
  const leader = mesh.leader!.agent
  const voters = new Set(leader.ledger.status()!.config.voters.map(({ id }) => id))
  const liar = mesh.members.find(({ agent }) => !voters.has(agent.id))
  assert.ok(liar)
  const sealing = sealingKeyOf(signerFromSeed(new Uint8Array(32).fill(1))).publicKey
  const ask = async (question: SecretQuestion) => {
    const body = encode(Question, { question })
    const asked = await mesh.answer(liar.agent.calls.ask(leader.id, SERVICE, body, 3_000))
    assert.ok(asked.ok)
    const answer = decode(SecretAnswer, asked.body)
    assert.ok(answer.ok)
    return answer.value
  }
  const open = { id: { run: 'r', stage: 'a', attempt: 1 }, names: ['deploy'], sealing }
  const opened = await ask({ kind: 'open', value: open })
  assert.match(opened.why ?? '', /not assigned to the agent that asks/)
  assert.deepEqual(opened.opened, [])
  const key = await ask({ kind: 'meshKey', value: { sealing } })
  assert.match(key.why ?? '', /only voters/)
  assert.equal(key.bytes, undefined)
})

test('what would not be masked or does not fit is refused, and says what does', async () => {
  const { mesh } = await staged('fit', 1)
  const refusal = async (text: string): Promise<string> => {
    const error = await set(mesh, mesh.leader!, text).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof ApiRefusal)
    return error.why
  }
  assert.match(await refusal('short'), /at least 8 bytes/)
  assert.match(await refusal('1234567\n'), /at least 8 bytes/)
  assert.match(await refusal('x'.repeat(32 * 1024 + 1)), /at most 32768 bytes/)
  const { secrets } = await mesh.call(mesh.leader!, 'secrets')
  assert.deepEqual(secrets, [])
})

test('a run that names a secret which is not there does not begin, and says which', async () => {
  const { mesh, found } = await staged('missing', 1)
  await assert.rejects(ran(mesh, mesh.leader!), (error) => {
    assert.ok(error instanceof ApiRefusal)
    assert.match(error.why, /there is no secret deploy, which the workflow needs/)
    return error.fix === 'skein secret set deploy'
  })
  assert.deepEqual(read(mesh.leader!.agent.ledger.state, { kind: 'runList' }).value.items, [])
  assert.deepEqual(found, [])
})

test('a stage whose secret is removed before it begins fails once, and says which', async () => {
  const { mesh, found } = await staged('removed', 1)
  await set(mesh, mesh.leader!)
  const member = mesh.leader!
  const { run } = await mesh.call(member, 'startRun', { body: { workflow: waiting } })
  await mesh.call(member, 'removeSecret', { parameters: { secret: 'deploy' } })
  const view = () => mesh.hot(run.id, member)
  await mesh.until(() => view()?.head.state === 'failed', 'it is over', 120_000)
  const unit = view()?.units.find(({ state }) => state === 'failed')
  assert.match(unit?.why ?? '', /there is no secret deploy/)
  assert.equal(unit?.attempt, 1)
  assert.deepEqual(found, [])
})
