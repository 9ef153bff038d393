/** `skein federate …`: what is shown of rounds while they go on and when they are over, and how it ends. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FederatedRound } from '../../coordinator/api/federation-routes.ts'
import { config } from '../../coordinator/cli/federate-config.ts'
import { history, status } from '../../coordinator/cli/federate-look.ts'
import { round } from '../../coordinator/cli/federate-round.ts'
import { stop } from '../../coordinator/cli/federate-stop.ts'
import { usualSettings } from '../../coordinator/learning/rounds/settings.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type Answer, fakeAgent, says, stage, telling } from '../cli/stage.ts'

const host = {
  id: 'a',
  name: 'n1',
  rows: 128,
  counted: true,
  upBytes: 17_000,
  downBytes: 36_000,
  before: 0.5,
  after: 0.25,
}
const silent = { ...host, id: 'b', name: 'n2', counted: false, out: 'silent', why: 'it was lost' }

function roundWith(change: Partial<FederatedRound>): FederatedRound {
  return {
    number: 8,
    state: 'kept',
    phase: 'ended',
    family: 'net',
    by: 'ada',
    openedMs: 1_000_000,
    endedMs: 1_002_300,
    base: 'b'.repeat(64),
    candidate: 'c'.repeat(64),
    why: 'in the middle hosts are off by 50.0% less',
    steps: 10,
    rule: 'norm-bound',
    liars: 1,
    noise: 0,
    lossBefore: 0.5,
    lossAfter: 0.25,
    upBytesMax: 17_000,
    downBytesMax: 36_000,
    hosts: [host],
    ...change,
  }
}

const json = (body: object): Answer => says(JSON.stringify({ schemaVersion: 1, ...body }))
const asked = json({ after: 7, count: 1 })
const standing = (it: FederatedRound | undefined, awaited: number, more = {}): Answer =>
  json({
    settings: usualSettings,
    seen: 41,
    suspects: [],
    awaited,
    kept: 3,
    ...(it === undefined ? {} : { round: it }),
    ...more,
  })
const listed = (...rounds: FederatedRound[]): Answer => json({ rounds })

const flags = { count: '1', wait: true, timeout: '20' }

async function following(t: TestContext, ...rounds: FederatedRound[]) {
  const answers = [standing(undefined, 0), asked]
  for (const [i, each] of rounds.entries()) {
    answers.push(standing(each, i === rounds.length - 1 ? 0 : 1), listed(each))
  }
  const { address, requests } = await fakeAgent(t, answers)
  return { ...stage(address), requests }
}

test('a round is followed phase by phase, and then shown with what each host has said', async (t) => {
  const open = { state: 'open', endedMs: undefined } as const
  const { context, io, requests } = await following(
    t,
    roundWith({ ...open, phase: 'training', hosts: [host, silent as never] }),
    roundWith({ ...open, phase: 'training', hosts: [host, silent as never] }),
    roundWith({ ...open, phase: 'voting' }),
    roundWith({}),
  )
  assert.equal(await round(context, flags), exitCodes.done)
  assert.deepEqual(requests.slice(0, 2), [
    'GET /api/v1/federation',
    'POST /api/v1/federation/rounds',
  ])
  assert.deepEqual(io.talk.split('\n').slice(0, 2), [
    'round 8 has hosts train on their own histories, 1 host in it, without n2',
    'round 8 has hosts vote on what came of it, 1 host in it',
  ])
  assert.match(io.said, /^round 8 kept: in the middle hosts are off by 50\.0% less; loss 0\.500 → /)
  assert.match(io.said, /at most 16\.6 KiB up, 35\.2 KiB down of a host; 2\.3s\n/)
  assert.match(io.said, /^n1 +~128 +0\.500 +0\.250 +16\.6 KiB +35\.2 KiB +yes$/m)
})

test('a round that was not of the family whose turn it was says why', async (t) => {
  const instead = 'the forest has as many trees as it may'
  const { context, io } = await following(t, roundWith({ instead }))
  assert.equal(await round(context, flags), exitCodes.done)
  assert.match(io.said, /counted; it was the turn of trees, but the forest has as many trees/)
})

test('for programs each change is a line', async (t) => {
  const open = { state: 'open', endedMs: undefined, phase: 'voting' } as const
  const { context, io } = await following(t, roundWith(open), roundWith({}))
  assert.equal(await round({ ...context, json: true }, flags), exitCodes.done)
  const lines = io.said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; round: FederatedRound })
  assert.deepEqual(
    lines.map((line) => [line.type, line.round.state]),
    [
      ['round', 'open'],
      ['round', 'kept'],
    ],
  )
})

test('how it ends says what came of it', async (t) => {
  const ends: [FederatedRound, number][] = [
    [roundWith({ state: 'rejected', why: 'hosts are no better off with it' }), exitCodes.done],
    [roundWith({ state: 'failed', why: '2 of 5 hosts have trained' }), exitCodes.failed],
    [roundWith({ hosts: [host, silent as never] }), exitCodes.partly],
  ]
  for (const [end, code] of ends) {
    const { context } = await following(t, end)
    assert.equal(await round(context, flags), code, end.why)
  }
  const { context } = await following(t, roundWith({ state: 'open' }), roundWith({}))
  await assert.rejects(round(context, { ...flags, timeout: '0' }), { exitCode: exitCodes.noAnswer })
  const { address, requests } = await fakeAgent(t, [standing(undefined, 0), asked])
  assert.equal(await round(stage(address).context, { ...flags, wait: false }), exitCodes.done)
  assert.equal(requests.length, 2)
})

test('the standing says how rounds are done, when the next is due, and what noise buys', async (t) => {
  const settings = { ...usualSettings, everyMs: 3_600_000, noise: 1.5 }
  const privacy = {
    rounds: 4,
    without: 2,
    noise: 1.5,
    delta: 0.002,
    epsilonOthers: 5.4321,
    epsilonLeader: 11.5,
  }
  const nextMs = Date.now() + 1_800_000
  const { address } = await fakeAgent(t, [
    standing(roundWith({}), 2, { settings, privacy, nextMs }),
    standing(undefined, 0),
  ])
  const { context, io } = stage(address)
  assert.equal(await status(context), exitCodes.done)
  assert.match(io.said, /^rounds +every 1h, the next one in (29|30)m/m)
  assert.match(
    io.said,
    /^epsilon +5\.43 against whoever sees versions, 11\.50 against whoever leads/m,
  )
  assert.match(io.said, /of 4 rounds with noise 1\.5; of 2 rounds without noise there is none$/m)
  assert.match(io.said, /^awaited +2 more/m)
  io.said = ''
  assert.equal(await status(context), exitCodes.done)
  assert.match(io.said, /there was no round yet/)
  assert.doesNotMatch(io.said, /epsilon/)
})

test('the standing names suspects, says when rounds are one sum, and who has stopped them', async (t) => {
  const suspects = [{ id: 'c', name: 'n3', worse: 6, of: 7 }]
  const stopped = { by: 'bob', atMs: 1_000_000, reason: 'hosts are needed' }
  const halved = roundWith({ hosts: [{ ...host, half: 1 }], firstBy: -0.031 })
  const { address } = await fakeAgent(t, [
    standing(roundWith({}), 0, { suspects, stopped }),
    standing(halved, 0),
  ])
  const { context, io } = stage(address)
  assert.equal(await status(context), exitCodes.done)
  assert.match(io.said, /^suspect +n3 \(in the worse half of 6 of 7 rounds\)/m)
  assert.match(io.said, /^halves +none: the last round was one sum; from 6 hosts on/m)
  assert.match(io.said, /^stopped +bob has stopped what was asked for, .*: hosts are needed$/m)
  io.said = ''
  assert.equal(await status(context), exitCodes.done)
  assert.doesNotMatch(io.said, /suspect|one sum|stopped/)
  assert.match(io.said, /of its halves, the second is better by 3\.1%/)
})

test('a wish whose answer was lost is said again as it was said before, so that it counts once', async (t) => {
  const bodies: string[] = []
  const lost: Answer = (_, response) => void response.socket?.destroy()
  const { address } = await fakeAgent(t, [
    standing(undefined, 0),
    telling(bodies, lost),
    telling(bodies, asked),
  ])
  assert.equal(await round(stage(address).context, { ...flags, wait: false }), exitCodes.done)
  assert.deepEqual(
    bodies.map((body) => JSON.parse(body)),
    [
      { count: 1, seen: 41 },
      { count: 1, seen: 41 },
    ],
  )
})

test('rounds are asked for of a family, and told as such', async (t) => {
  const bodies: string[] = []
  const trees = roundWith({ family: 'trees' })
  const { address } = await fakeAgent(t, [
    standing(undefined, 0),
    telling(bodies, asked),
    standing(trees, 0),
    listed(trees),
    telling(bodies, json({ settings: { ...usualSettings, family: 'both' } })),
  ])
  const { context, io } = stage(address)
  assert.equal(await round(context, { ...flags, family: 'trees' }), exitCodes.done)
  assert.match(io.said, /^round of trees 8 kept: /)
  await config(context, { family: 'both' })
  assert.match(io.said, /^family +the network and trees in turn$/m)
  const [wished = '', chosen = ''] = bodies
  assert.deepEqual(JSON.parse(wished), { count: 1, seen: 41, family: 'trees' })
  assert.deepEqual(JSON.parse(chosen), { family: 'both' })
})

test('rounds are stopped with a reason, and it is said what goes on', async (t) => {
  const bodies: string[] = []
  const done = { awaited: 3, round: 8, done: true, everyMs: 3_600_000 }
  const { address, requests } = await fakeAgent(t, [
    standing(roundWith({ state: 'open' }), 3),
    telling(bodies, json(done)),
    standing(undefined, 1),
    json({ awaited: 1, done: false, everyMs: 0 }),
  ])
  const { context, io } = stage(address)
  assert.equal(await stop(context, { reason: 'hosts are needed' }), exitCodes.done)
  assert.deepEqual(
    bodies.map((body) => JSON.parse(body)),
    [{ seen: 41, reason: 'hosts are needed' }],
  )
  assert.equal(requests[1], 'POST /api/v1/federation/stop')
  assert.match(io.talk, /round 8 is broken off, and nothing comes of it; 3 more .* are not done/)
  assert.match(io.talk, /the schedule goes on, every 1h: skein federate config --every off/)
  assert.equal(await stop(context, {}), exitCodes.noAnswer)
})

test('who follows rounds that somebody stops is told so', async (t) => {
  const stopped = { by: 'bob', atMs: 1_000_000 }
  const { address } = await fakeAgent(t, [
    standing(undefined, 0),
    asked,
    standing(undefined, 0, { stopped }),
    listed(),
  ])
  const { context, io } = stage(address)
  assert.equal(await round(context, flags), exitCodes.failed)
  assert.match(io.talk, /bob has stopped what was asked for/)
})

test('programs that follow rounds that somebody stops are told so in a document', async (t) => {
  const stopped = { by: 'bob', atMs: 1_000_000, reason: 'hosts are needed' }
  const { address } = await fakeAgent(t, [
    standing(undefined, 0),
    asked,
    standing(undefined, 0, { stopped }),
    listed(),
  ])
  const { context, io } = stage(address)
  assert.equal(await round({ ...context, json: true }, flags), exitCodes.failed)
  assert.deepEqual(JSON.parse(io.said), { schemaVersion: 1, type: 'stopped', ...stopped })
})

test('rounds are listed; where there were none the exit code says so', async (t) => {
  const failed = roundWith({ number: 9, state: 'failed', why: 'its leader was lost', hosts: [] })
  const { address } = await fakeAgent(t, [listed(failed, roundWith({})), listed()])
  const { context, io } = stage(address)
  assert.equal(await history(context, 20), exitCodes.done)
  const [title = '', first = '', second = ''] = io.said.split('\n')
  assert.match(title, /^ROUND +OF +BEGAN +TOOK +STATE +COUNTED +BEFORE +AFTER +UP +DOWN +WHY$/)
  assert.match(first, /^ +9 +net .* failed +0\/0 /)
  assert.match(second, /^ +8 .* kept +1\/1 /)
  assert.equal(await history(context, 20), exitCodes.notFound)
})

test('what is chosen is sent, and nothing else; nonsense is refused before', async (t) => {
  const bodies: string[] = []
  const { address, requests } = await fakeAgent(t, [
    telling(bodies, json({ settings: usualSettings })),
  ])
  const { context, io } = stage(address)
  const chosen = { every: '2h', steps: '20', noise: '0.5', participantsMin: '4' }
  assert.equal(await config(context, chosen), exitCodes.done)
  assert.deepEqual(requests, ['PUT /api/v1/federation/config'])
  const wanted = { everyMs: 7_200_000, steps: 20, noise: 0.5, participantsMin: 4 }
  assert.deepEqual(JSON.parse(bodies[0] ?? ''), wanted)
  assert.match(io.said, /^rounds +only when somebody asks for one$/m)
  await config(context, { every: 'off', noise: '0' })
  assert.deepEqual(JSON.parse(bodies[1] ?? ''), { everyMs: 0, noise: 0 })
  for (const wrong of [{ every: '5' }, { every: '1s' }, { every: '90d' }, { noise: 'much' }]) {
    await assert.rejects(config(context, wrong), { exitCode: exitCodes.usage })
  }
})
