/**
 * Every route against everybody who may not ask for it. The table must have a row for each route, or
 * this file does not compile; what is to be proven of a row follows from its verb alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doorLimits } from '../../agent/door/limits.ts'
import { callOf } from '../../coordinator/api/calls.ts'
import { dispatch, type Handlers } from '../../coordinator/api/dispatch.ts'
import { commandHeader, SignedDoor } from '../../coordinator/api/door.ts'
import type { ApiRequest } from '../../coordinator/api/exchange.ts'
import { guardOf } from '../../coordinator/api/guard.ts'
import { bodyBytesMax } from '../../coordinator/api/limits.ts'
import { acts, objectOf } from '../../coordinator/api/route-paths.ts'
import { type RouteName, routes } from '../../coordinator/api/routes.ts'
import { SignIn } from '../../coordinator/cli/sign-in.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import type { Signer } from '../../protocol/identity/peer-id.ts'
import { type PersonRole, personRoles } from '../../protocol/identity/roles.ts'
import { mayDo } from '../../protocol/identity/verbs.ts'
import { documentOf, sampleHandlers } from '../api/stage.ts'
import { ada, credentialOf, grantOf, keyNumber, root, trust } from '../identity/parties.ts'
import { HandClock, MemoryDisk } from '../telemetry/made-host.ts'

interface Row {
  parameters?: Record<string, string>
  query?: Record<string, unknown>
  body?: unknown
}

const node = { node: 'n3' }
const run = { run: 'r1' }
const hash = '0'.repeat(64)
const tokenWish = { key: 'k', sealing: 'A'.repeat(43), ttlMs: 3_600_000 }

const rows: Readonly<Record<RouteName, Row>> = {
  status: {},
  nodes: {},
  node: { parameters: node },
  labels: { parameters: node, body: { set: { zone: 'a' } } },
  voting: { parameters: node, body: { votes: 'never' } },
  drain: { parameters: node, body: { drained: true, reason: 'disk' } },
  revokeNode: { parameters: { node: ada.id }, body: { reason: 'stolen' } },
  modules: { parameters: node },
  startModule: { parameters: { ...node, module: 'telemetry' } },
  stopModule: { parameters: { ...node, module: 'telemetry' } },
  attemptLog: { parameters: node, query: { run: 'r1', stage: 's', attempt: 1 } },
  artifactFiles: { parameters: { ...node, manifest: hash } },
  artifactPiece: { parameters: { ...node, content: hash } },
  reasons: { parameters: node, query: { run: 'r1' } },
  hostHistory: { parameters: node },
  purgeHistory: { parameters: node, body: {} },
  models: {},
  model: { parameters: { version: 'duration' } },
  explainWork: { query: { stage: 'build' } },
  rollBackModel: { body: { reason: 'worse' } },
  federation: {},
  federatedRounds: {},
  askForRounds: { body: { count: 1 } },
  stopRounds: { body: { reason: 'needed' } },
  configureFederation: { body: { steps: 20 } },
  meshConfig: {},
  nodeConfig: { parameters: node },
  configVersions: {},
  setConfig: { body: { set: { 'log.level': 'debug' } } },
  rollBackConfig: { body: { version: 1, reason: 'quieter' } },
  health: {},
  users: {},
  keys: {},
  issuingReception: { parameters: node },
  rotateIssuer: { parameters: node, body: { sealed: 'AAAA' } },
  retireIssuer: { parameters: { serial: '0'.repeat(32) }, body: { reason: 'rotated' } },
  renewUser: { parameters: node, body: { credential: 'CgA' } },
  rotateSwarmKey: {},
  finishSwarmKey: {},
  rotateSecretsKey: {},
  copySwarmKey: { body: { sealing: 'A'.repeat(43) } },
  addUser: { body: { credential: 'CgA' } },
  revokeUser: { parameters: { user: 'ada' }, body: {} },
  audit: {},
  auditExport: {},
  auditCheck: {},
  auditStanding: { parameters: node },
  secrets: {},
  setSecret: { parameters: { secret: 'token' }, body: { value: 'c2VjcmV0IHZhbHVl' } },
  removeSecret: { parameters: { secret: 'token' } },
  tokens: {},
  createToken: { body: tokenWish },
  createCoordinatorToken: { body: tokenWish },
  revokeToken: { parameters: { token: 'ab' } },
  events: {},
  startRun: { body: { workflow: 'hello', published: true } },
  runs: {},
  run: { parameters: run },
  watchRun: { parameters: run },
  runLogs: { parameters: run },
  explainRun: { parameters: run },
  runArtifacts: { parameters: run },
  cancelRun: { parameters: run, body: {} },
  killRun: { parameters: run, body: {} },
  retryRun: { parameters: run, body: {} },
  voteRun: { parameters: run, body: { stage: 's', approves: true } },
  signal: { body: { event: 'e' } },
  publishWorkflow: { body: { workflow: 'w' } },
  workflows: {},
  plan: { body: { workflow: 'w' } },
  estop: {},
  sayStop: { body: { word: 'AAAA' } },
  leave: {},
}

/** `SignIn` reads the clock of the wall, so these people live now. */
const nowMs = Date.now()
const dayMs = 86_400_000
const always = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs }
const here = 'http://127.0.0.1:4131'

function credential(role: PersonRole, change = {}, subject: Signer = ada): Credential {
  if (role === 'master') {
    const grant = grantOf(subject, { ...always, roles: [role], ...change })
    return { leaf: issueCertificate(grant, root) }
  }
  const leaf = { ...always, roles: [role], ...change }
  return { leaf: credentialOf(subject, leaf).leaf, issuer: issuing() }
}

function issuing() {
  const roles = ['coordinator', 'agent', 'admin', 'operator', 'approver'] as const
  const issuer = keyNumber(2)
  const grant = grantOf(issuer, { ...always, kind: 'issuer', name: 'issuer', roles: [...roles] })
  return issueCertificate(grant, root)
}

const signInOf = (shown: Credential, signer: Signer = ada) =>
  new SignIn(async () => ({ signer, credential: shown, from: 'a test' }))

interface Stage {
  disk: MemoryDisk
  /** Which handlers were reached. */
  reached: string[]
  refusals(): Readonly<Record<string, number>>
  ask(request: ApiRequest): Promise<{ status: number; code: string }>
  guard(request: ApiRequest): number
}

function stage(options: { wallMs?: number; disk?: MemoryDisk; revoked?: string } = {}): Stage {
  const { wallMs = nowMs, disk = new MemoryDisk(), revoked } = options
  const judge = { ...trust, isRevoked: (serial: string) => serial === revoked }
  const door = new SignedDoor(judge, { clock: new HandClock(wallMs), disk })
  const reached: string[] = []
  const handlers = Object.fromEntries(
    Object.entries(sampleHandlers).map(([name, handler]) => [
      name,
      (request: never) => {
        reached.push(name)
        return handler(request)
      },
    ]),
  ) as Handlers
  const guard = guardOf(door)
  return {
    disk,
    reached,
    refusals: () => door.refusals(),
    guard: (request) => {
      const admitted = guard(request)
      return 'status' in admitted ? admitted.status : 200
    },
    ask: async (request) => {
      const { signal } = new AbortController()
      const reply = await dispatch(request, handlers, door, signal, (error) => {
        throw error
      })
      const code = reply.status === 200 ? 'ok' : documentOf(reply).error.code
      return { status: reply.status, code }
    },
  }
}

function bare(name: RouteName): ApiRequest {
  const { method, path } = routes[name]
  const call = callOf(name, rows[name] as never)
  assert.equal(call.method, method)
  assert.ok(path)
  return { ...call, headers: { ...call.headers, host: '127.0.0.1:4131' } }
}

interface Change {
  /** Signed for this in its place. */
  as?: Partial<{ verb: string; object: string; body: Uint8Array; path: string }>
  command?: boolean
}

async function signed(
  name: RouteName,
  signIn: SignIn,
  { as = {}, command = true }: Change = {},
): Promise<ApiRequest> {
  const call = bare(name)
  const url = new URL(`${as.path ?? call.path}?${call.query}`, here)
  const act = {
    verb: (as.verb ?? routes[name].verb) as never,
    object: as.object ?? objectOf(rows[name].parameters ?? {}),
    body: as.body ?? call.body,
  }
  const wanted = command && acts(routes[name]) ? act : undefined
  const headers = await signIn.headers(url, call.method, wanted)
  return { ...call, headers: { ...call.headers, ...headers } }
}

const all = Object.keys(rows) as RouteName[]
const acting = all.filter((name) => acts(routes[name]))

async function refusesAll(request: (name: RouteName) => Promise<ApiRequest>, names = all) {
  for (const name of names) {
    const it = stage()
    const asked = await request(name)
    assert.deepEqual(await it.ask(asked), { status: 401, code: 'notSignedIn' }, name)
    assert.equal(it.guard(asked), 401, `${name} at the guard, before its body`)
    assert.deepEqual(it.reached, [], name)
  }
}

test('every route does what it is for, for exactly the roles that its verb names', async () => {
  for (const role of personRoles) {
    const signIn = signInOf(credential(role))
    for (const name of all) {
      const it = stage()
      const may = mayDo([role], routes[name].verb)
      const asked = await signed(name, signIn)
      const { status } = await it.ask(asked)
      assert.equal(status, may ? 200 : 403, `${role} ${name}`)
      assert.equal(it.guard(asked), may ? 200 : 403, `${role} ${name} at the guard`)
      assert.deepEqual(it.reached, may ? [name] : [], `${role} ${name}`)
    }
  }
})

test('no route answers whoever does not sign in, or says who they are in another way', async () => {
  await refusesAll(async (name) => bare(name))
  for (const authorization of [
    'Bearer',
    'Bearer x.y.z',
    'Basic YWRhOmFkYQ==',
    `Bearer ${'a'.repeat(9_000)}`,
  ]) {
    await refusesAll(async (name) => {
      const call = bare(name)
      return { ...call, headers: { ...call.headers, authorization } }
    })
  }
  await refusesAll(async (name) => {
    const { headers, ...call } = await signed(name, signInOf(credential('master')))
    const { authorization, ...rest } = headers
    return { ...call, query: `access_token=${authorization?.slice(7)}`, headers: rest }
  })
})

test('no route answers a token that is for another address', async () => {
  await refusesAll(async (name) => {
    const call = await signed(name, signInOf(credential('master')))
    return { ...call, headers: { ...call.headers, host: '127.0.0.1:4132' } }
  })
})

test('no route answers an expired certificate, a host, a stranger’s root or another mesh', async () => {
  const stranger = keyNumber(9)
  const grant = grantOf(ada, { ...always, roles: ['master'] })
  const foreign = { ...grant, mesh: meshIdOf(stranger.id) }
  const shown: Credential[] = [
    credential('master', { notBeforeMs: 0, notAfterMs: nowMs - 1 }),
    credentialOf(ada, { ...always, kind: 'peer', roles: ['coordinator'] }),
    { leaf: issueCertificate(grant, stranger) },
    { leaf: issueCertificate(foreign, stranger) },
  ]
  for (const each of shown) {
    await refusesAll((name) => signed(name, signInOf(each)))
  }
})

test('no route answers an old token, or one whose certificate was taken back', async () => {
  const serial = 'ab'.repeat(16)
  const signIn = signInOf(credential('master', { serial }))
  for (const name of all) {
    const asked = await signed(name, signIn)
    for (const options of [{ wallMs: nowMs + 120_000 }, { revoked: serial }]) {
      const it = stage(options)
      assert.deepEqual(await it.ask(asked), { status: 401, code: 'notSignedIn' }, name)
      assert.deepEqual(it.reached, [])
    }
  }
})

test('what a stranger hears is the same, whatever was wrong', async () => {
  const heard = new Set<string>()
  for (const shown of [
    credential('master', { notBeforeMs: 0, notAfterMs: nowMs - 1 }),
    credentialOf(ada, { ...always, mesh: meshIdOf(keyNumber(9).id) }),
    { leaf: issueCertificate(grantOf(ada, { ...always, roles: ['master'] }), keyNumber(9)) },
  ]) {
    const door = new SignedDoor(trust, { clock: new HandClock(nowMs), disk: new MemoryDisk() })
    const asked = await signed('status', signInOf(shown))
    heard.add(JSON.stringify(guardOf(door)(asked)))
  }
  assert.equal(heard.size, 1)
})

test('every act needs a command that is signed for it, by whoever signs in, and for nothing else', async () => {
  const mine = signInOf(credential('master'))
  const other = keyNumber(5)
  const theirs = signInOf(credential('master', { name: 'grace' }, other), other)
  for (const name of acting) {
    const wrong: (Change | 'theirs')[] = [
      { command: false },
      { as: { verb: routes[name].verb === 'run.start' ? 'run.kill' : 'run.start' } },
      { as: { object: 'another' } },
      { as: { body: new TextEncoder().encode('{}  ') } },
      { as: { path: '/api/v1/status' } },
      'theirs',
    ]
    for (const change of wrong) {
      const it = stage()
      const asked = await signed(name, mine, change === 'theirs' ? {} : change)
      if (change === 'theirs') {
        const { headers } = await signed(name, theirs)
        Object.assign(asked.headers, { [commandHeader]: headers[commandHeader] })
      }
      const why = `${name} ${JSON.stringify(change)}`
      assert.deepEqual(await it.ask(asked), { status: 403, code: 'refused' }, why)
      assert.deepEqual(it.reached, [], why)
    }
  }
})

test('every act is done once, also after a restart, and not when its command is old', async () => {
  const signIn = signInOf(credential('master'))
  for (const name of acting) {
    const asked = await signed(name, signIn)
    const it = stage()
    assert.equal((await it.ask(asked)).status, 200, name)
    assert.deepEqual(await it.ask(asked), { status: 403, code: 'refused' }, name)
    const restarted = stage({ disk: it.disk })
    assert.deepEqual(await restarted.ask(asked), { status: 403, code: 'refused' }, name)
    assert.equal(restarted.refusals().replayed, 1)
    // Of when it was signed, which on a busy host is long after this file was read.
    const later = stage({ wallMs: Date.now() + 50_000 })
    assert.deepEqual(await later.ask(asked), { status: 403, code: 'refused' }, name)
    assert.equal(later.refusals().expired, 1)
    assert.deepEqual([...restarted.reached, ...later.reached], [])
  }
})

test('no act takes effect that cannot be remembered', async () => {
  const it = stage()
  await it.ask(await signed('leave', signInOf(credential('master'))))
  it.disk.full = true
  const atOnce = acting.filter((name) => 'isAtOnce' in routes[name])
  for (const name of acting) {
    if (atOnce.includes(name)) continue
    const asked = await signed(name, signInOf(credential('master')))
    await assert.rejects(async () => {
      const { status } = await it.ask(asked)
      assert.equal(status, 500)
    })
  }
  assert.deepEqual(it.reached, ['leave'])
})

test('an emergency stop, and nothing else, waits for no disk, and is taken once all the same', async () => {
  const atOnce = acting.filter((name) => 'isAtOnce' in routes[name])
  assert.deepEqual(atOnce, ['sayStop'])
  const it = stage()
  it.disk.full = true
  const asked = await signed('sayStop', signInOf(credential('operator')))
  assert.equal((await it.ask(asked)).status, 200)
  assert.deepEqual(await it.ask(asked), { status: 403, code: 'refused' })
  assert.equal(it.refusals().replayed, 1)
  assert.deepEqual(it.reached, ['sayStop'])
})

test('a call that another agent passes on may look, and acts only with its command', async () => {
  const signIn = signInOf(credential('master'))
  const viewer = signInOf(credential('viewer'))
  for (const name of all.filter((each) => !('stream' in routes[each]))) {
    const it = stage()
    const passed = { ...bare(name), forwarded: true } as const
    const status = acting.includes(name) ? 403 : 200
    assert.equal((await it.ask(passed)).status, status, name)
    if (status === 200) continue
    const asked = await signed(name, signIn)
    const { [commandHeader]: command } = asked.headers
    const withCommand = { ...passed, headers: { ...passed.headers, [commandHeader]: command } }
    assert.equal((await it.ask(withCommand)).status, 200, name)
    assert.equal((await it.ask(withCommand)).status, 403, `${name} again`)
    const { headers } = await signed(name, viewer)
    const weak = {
      ...passed,
      headers: { ...passed.headers, [commandHeader]: headers[commandHeader] },
    }
    const may = mayDo(['viewer'], routes[name].verb)
    assert.equal((await it.ask(weak)).status, may ? 200 : 403, `${name} by a viewer`)
    assert.deepEqual(it.reached, may ? [name, name] : [name])
  }
})

test('a path that is none, the description and the figures tell a stranger nothing either', async () => {
  const it = stage()
  for (const path of ['/api/v1/nothing', '/openapi.json', '/metrics', '/', '/api/v1/%E0']) {
    const request = { ...bare('status'), path }
    assert.equal(it.guard(request), 401, path)
    assert.equal((await it.ask(request)).status, 401, path)
  }
  for (const path of ['/health', '/ready']) {
    const request = { ...bare('status'), path }
    assert.equal(it.guard({ ...request, from: '127.0.0.1' }), 200)
    assert.equal(it.guard({ ...request, from: '::1' }), 200)
    assert.equal(it.guard({ ...request, from: '10.0.0.7' }), 401)
    assert.equal(it.guard(request), 401)
  }
})

test('who asks too much, or sends too much, waits at the guard, and nobody else does', async () => {
  const it = stage()
  const asked = await signed('status', signInOf(credential('master')))
  const other = keyNumber(5)
  const grace = await signed('status', signInOf(credential('viewer', {}, other), other))
  const heavy = { ...grace, headers: { ...grace.headers, 'transfer-encoding': 'chunked' } }
  for (let i = 0; i < doorLimits.requestsBurst; i++) assert.equal(it.guard(asked), 200)
  assert.equal(it.guard(asked), 429)
  assert.equal(it.refusals().tooMuch, 1)
  assert.equal(it.guard(grace), 200)
  let taken = 0
  while (it.guard(heavy) === 200) taken++
  assert.equal(taken, doorLimits.bytesBurst / bodyBytesMax, 'as many bodies as may come at once')
  assert.deepEqual(it.reached, [])
})
