/** Hosts that come with a token, in a virtual mesh: who is let in, once, and by whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askToJoin, type Joined } from '../../agent/joining/asking.ts'
import { doorwayLimits } from '../../agent/joining/limits.ts'
import { joinPurpose } from '../../agent/trust/purposes.ts'
import { trustIn } from '../../coordinator/host/peer-files.ts'
import { letInLimits } from '../../coordinator/joining/limits.ts'
import { aboutSwarmKey, ISSUER_KEY, ISSUING } from '../../coordinator/joining/wire.ts'
import { holdersOf, meshKeyIn } from '../../coordinator/secrets/key-rows.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import { believe } from '../../protocol/identity/credential.ts'
import { type MeshId, meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { sealingKeyOf } from '../../protocol/identity/sealing.ts'
import { JoinFrame } from '../../protocol/joining/messages.ts'
import type { JoinToken } from '../../protocol/joining/token.ts'
import { read } from '../../protocol/ledger/read.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { simulatedIssuer } from '../../simulations/world/credentials.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import { type Member, Mesh } from '../history/stage.ts'
import { keyNumber } from '../identity/parties.ts'

const minute = 60_000
let seeds = 0

class Letting {
  readonly mesh: Mesh

  private constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  static async of(seed: string, size = 3): Promise<Letting> {
    const mesh = await Mesh.of(seed, size, { letsIn: true })
    await mesh.until(() => isKept(mesh), 'the ledger has the issuing key')
    return new Letting(mesh)
  }

  async token(change: object = {}, role: 'agent' | 'coordinator' = 'agent'): Promise<JoinToken> {
    seeds++
    const seed = new Uint8Array(32).fill(seeds).fill(9, 0, 8)
    const signer = signerFromSeed(seed)
    const sealing = sealingKeyOf(signer)
    const body = {
      key: signer.id,
      sealing: Buffer.from(sealing.publicKey).toString('base64url'),
      ttlMs: 60 * minute,
      labels: { zone: 'north' },
      ...change,
    }
    const route = role === 'agent' ? 'createToken' : 'createCoordinatorToken'
    const made = await this.mesh.call(this.mesh.members.at(-1)!, route, { body })
    const swarmKey = sealing.open(
      new Uint8Array(Buffer.from(made.swarmKey, 'base64url')),
      aboutSwarmKey,
    )
    assert.ok(swarmKey)
    const { expiresMs } = made.token
    return { mesh: made.mesh as MeshId, seed, swarmKey, expiresMs, addresses: made.addresses }
  }

  newcomer(name: string): Promise<Newcomer> {
    const host = this.mesh.world.addHost(name, { programs: {} })
    return this.boot(host)
  }

  async boot(host: Host): Promise<Newcomer> {
    let ports: HostPorts | undefined
    host.boot(async (given) => {
      ports = given
    })
    await this.mesh.until(() => ports !== undefined, 'it is up')
    assert.ok(ports)
    return { host, ports }
  }

  ask({ host, ports }: Newcomer, token: JoinToken): Promise<Joined> {
    const wish = { token, name: host.name, keyOf: ports.keyOf }
    return this.mesh.answer(askToJoin(ports, wish, new AbortController().signal), 2 * minute)
  }

  async grant(newcomer: Newcomer, token: JoinToken): Promise<Grant> {
    const joined = await this.ask(newcomer, token)
    assert.equal(joined.kind, 'joined', JSON.stringify(joined))
    assert.ok(joined.kind === 'joined')
    const judged = believe(joined.credential, trustIn(token.mesh), this.nowMs)
    assert.ok(judged.ok)
    return judged.holder
  }

  get nowMs(): number {
    return this.mesh.leader!.agent.ports.clock.wall()
  }

  /** What the audit log says of hosts that came. */
  outcomes(): string[] {
    const { state } = this.mesh.leader!.agent.ledger
    const { items } = read(state, { kind: 'auditList', limit: 1_000 }).value
    return items.flatMap(({ verb, outcome }) => (verb === 'host.join' ? [outcome] : []))
  }
}

interface Newcomer {
  host: Host
  ports: HostPorts
}

function isKept(mesh: Mesh): boolean {
  const asked = { kind: 'kvGet' as const, namespace: ISSUING, key: ISSUER_KEY }
  const held = (member: Member) => read(member.agent.ledger.state, asked).value !== undefined
  return mesh.leader !== undefined && mesh.members.every(held)
}

test('a host with a token is let in with the role and labels of the token, and another is not', async () => {
  const letting = await Letting.of('in')
  const token = await letting.token()
  const x = await letting.newcomer('x')
  const holder = await letting.grant(x, token)
  assert.deepEqual([holder.name, holder.roles, holder.labels], ['x', ['agent'], { zone: 'north' }])
  assert.equal(holder.subject, x.ports.keyOf(x.ports.network.self))
  const y = await letting.newcomer('y')
  assert.deepEqual(await letting.ask(y, token), { kind: 'refused', why: 'refused' })
  const [listed] = (await letting.mesh.call(letting.mesh.follower, 'tokens')).tokens
  assert.deepEqual([listed?.state, listed?.usesLeft], ['spent', 0])
  assert.deepEqual(
    listed?.hosts.map(({ name, serial }) => [name, serial]),
    [['x', holder.serial]],
  )
  await letting.mesh.until(() => letting.outcomes().length === 2, 'both are in the audit log')
  assert.deepEqual(letting.outcomes().sort(), ['ok', 'spent'])
})

test('a host whose answer was lost asks again and is the same to the mesh, at no further use', async () => {
  const letting = await Letting.of('again')
  const token = await letting.token({ uses: 2 }, 'coordinator')
  const x = await letting.newcomer('x')
  const first = await letting.grant(x, token)
  const second = await letting.grant(x, token)
  assert.deepEqual(first.roles, ['coordinator'])
  assert.equal(second.serial, first.serial)
  const [listed] = (await letting.mesh.call(letting.mesh.follower, 'tokens')).tokens
  assert.equal(listed?.usesLeft, 1)
  await letting.mesh.until(() => letting.outcomes().length === 1, 'the first is in the audit log')
})

test('what is expired, revoked, unknown or of another mesh lets nobody in, and strangers hear one word', async () => {
  const letting = await Letting.of('out')
  const { mesh } = letting
  const x = await letting.newcomer('x')
  const unknown = { ...(await letting.token()), seed: new Uint8Array(32).fill(77) }
  assert.deepEqual(await letting.ask(x, unknown), { kind: 'refused', why: 'refused' })
  const revoked = await letting.token()
  const [listed] = (await mesh.call(mesh.follower, 'tokens')).tokens.slice(-1)
  const parameters = { token: listed!.id.slice(0, 12) }
  await mesh.call(mesh.follower, 'revokeToken', { parameters })
  assert.deepEqual(await letting.ask(x, revoked), { kind: 'refused', why: 'refused' })
  const short = await letting.token({ ttlMs: minute })
  await mesh.world.runFor(minute)
  assert.deepEqual(await letting.ask(x, short), { kind: 'refused', why: 'refused' })
  await mesh.until(() => letting.outcomes().length === 3, 'all are in the audit log')
  assert.deepEqual(letting.outcomes().sort(), ['expired', 'revoked', 'unknownToken'])
  // Another mesh is told nothing at all: not even which token it is.
  const foreign = { ...(await letting.token()), mesh: meshIdOf(keyNumber(9).id) }
  assert.equal((await letting.ask(x, foreign)).kind, 'foreign')
  await mesh.world.runFor(5_000)
  assert.equal(letting.outcomes().length, 3)
})

test('of hosts that race for one use, through different agents, exactly one is let in', async () => {
  const letting = await Letting.of('race')
  const token = await letting.token()
  const newcomers: Newcomer[] = []
  for (const name of ['u', 'v', 'w']) newcomers.push(await letting.newcomer(name))
  const asked = newcomers.map(({ host, ports }, i) => {
    const addresses = [letting.mesh.members[i]!.host.address]
    const wish = { token: { ...token, addresses }, name: host.name, keyOf: ports.keyOf }
    return askToJoin(ports, wish, new AbortController().signal)
  })
  const kinds = (await letting.mesh.answer(Promise.all(asked))).map(({ kind }) => kind)
  assert.deepEqual(kinds.sort(), ['joined', 'refused', 'refused'])
})

test('hosts are let in when the first host is gone, by the key that came to the others', async () => {
  const letting = await Letting.of('gone', 4)
  const { mesh } = letting
  const token = await letting.token()
  const [founder] = mesh.members
  const votersWithKey = () => {
    const { state } = mesh.leader!.agent.ledger
    const key = meshKeyIn(state)
    return key === undefined ? 0 : holdersOf(state, key.id).length
  }
  await mesh.until(() => votersWithKey() === 3, 'all voters can open it')
  founder!.host.crash('powerLoss')
  await mesh.until(() => mesh.leader !== undefined && mesh.leader !== founder, 'another leads')
  const holder = await letting.grant(await letting.newcomer('x'), token)
  assert.equal(holder.name, 'x')
})

test('the issuing key is in the ledger only under the key that voters have', async () => {
  const letting = await Letting.of('sealed')
  const asked = { kind: 'kvGet' as const, namespace: ISSUING, key: ISSUER_KEY }
  const { value } = read(letting.mesh.leader!.agent.ledger.state, asked)
  const { seed } = simulatedIssuer()
  assert.ok(value && value.value.length > seed.length)
  assert.ok(!Buffer.from(value.value).includes(Buffer.from(seed)))
})

test('strangers who say nothing, nonsense or too much are turned away, and a host with a token is not', async () => {
  const letting = await Letting.of('strangers', 1)
  const { mesh } = letting
  const [member] = mesh.members
  const peer = member!.agent.id
  const answers: string[] = []
  const open = async ({ ports }: Newcomer) => {
    await mesh.answer(ports.network.dial(member!.host.address, new AbortController().signal))
    const opened = ports.network.open(peer, joinPurpose, new AbortController().signal)
    return mesh.answer(
      opened.then((stream) => {
        stream.onFrame = (frame) => {
          const { value } = decodedFrame(frame)
          answers.push('why' in value ? (value.why ?? '') : 'shown')
        }
        stream.onClose = () => {}
        return stream
      }),
    )
  }
  const silent = await open(await letting.newcomer('silent'))
  const babbling = await letting.newcomer('babbling')
  for (const bytes of [Uint8Array.of(255), encode(JoinFrame, { kind: 'answer', value: {} })]) {
    const stream = await open(babbling)
    stream.send(bytes)
    await mesh.world.runFor(500)
    assert.ok(!stream.open)
  }
  await mesh.world.runFor(doorwayLimits.requestMs)
  assert.ok(!silent.open)
  const eager = await letting.newcomer('eager')
  for (let i = 0; i <= doorwayLimits.peerBurst; i++) {
    const stream = await open(eager)
    stream.send(encode(JoinFrame, { kind: 'knock', value: { version: 1 } }))
    await mesh.world.runFor(50)
    stream.abort('closedHere')
  }
  assert.equal(answers.at(-1), 'busy')
  assert.equal(answers.filter((each) => each === 'shown').length, doorwayLimits.peerBurst)
  const { joinLate, joinMalformed, joinTooOften } = member!.agent.doorway.refusals()
  assert.deepEqual([joinLate, joinMalformed, joinTooOften], [1, 2, 1])
  assert.equal((await letting.grant(await letting.newcomer('x'), await letting.token())).name, 'x')
})

function decodedFrame(bytes: Uint8Array): JoinFrame {
  const read = decode(JoinFrame, bytes)
  assert.ok(read.ok)
  return read.value
}

test('a token that has ended is forgotten, with whom it let in, after a while', async () => {
  const letting = await Letting.of('forgotten', 1)
  const { mesh } = letting
  await letting.grant(await letting.newcomer('x'), await letting.token({ ttlMs: 60 * minute }))
  assert.equal((await mesh.call(mesh.leader!, 'tokens')).tokens.length, 1)
  await mesh.world.runFor(letInLimits.keptMs)
  assert.equal((await mesh.call(mesh.leader!, 'tokens')).tokens.length, 1)
  await mesh.world.runFor(2 * letInLimits.forgetMs + 60 * minute)
  assert.equal((await mesh.call(mesh.leader!, 'tokens')).tokens.length, 0)
})
