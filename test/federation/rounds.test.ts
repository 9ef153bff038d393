import assert from 'node:assert/strict'
import { test } from 'node:test'
import { examplesOf, featureCount } from '../../models/federation/describing.ts'
import { type Attack, attacks } from '../../models/federation/experiment/attacks.ts'
import { type Client, clientsOf } from '../../models/federation/experiment/clients.ts'
import {
  type Asking,
  errorsOf,
  errorsOn,
  trainCentrally,
  trainFederated,
  trainLocally,
} from '../../models/federation/experiment/comparison.ts'
import { divided } from '../../models/federation/experiment/dividing.ts'
import { reportOf } from '../../models/federation/experiment/report.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import type { LastWord } from '../../models/federation/rounds/carrying.ts'
import { type Course, courseFault, usualCourse } from '../../models/federation/rounds/course.ts'
import { Federation } from '../../models/federation/rounds/federation.ts'
import type { Host } from '../../models/federation/rounds/host.ts'
import type { Row } from '../../models/rows.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { SmallNet } from './small-net.ts'

/** Each host has tasks of its own and some of the next one's; all follow one law. */
const rows: Row[] = Array.from({ length: 7 }, (_, host) => {
  const chance = new SeededEntropy(`host ${host}`)
  return Array.from({ length: 240 }, (_, i): Row => {
    const task = (host + Math.floor(chance.unit() * 3)) % 7
    const inputBytes = Math.exp(8 + 10 * chance.unit())
    const log = 4 + task / 2 + Math.log(inputBytes) / 4 + 0.3 * (chance.unit() - 0.5)
    const startedMs = i * 1e7 + host
    const endedMs = startedMs + Math.exp(log)
    return {
      task: `t${task}`,
      group: 'g',
      host: `h${host}`,
      startedMs,
      endedMs,
      ended: 'succeeded',
      inputBytes,
    }
  })
}).flat()

const { clients } = clientsOf(rows, 7)
const model = new SmallNet(featureCount, 16)
const course: Course = { ...usualCourse, rounds: 40, steps: 5, batch: 16, masked: false }

function asking(more: Partial<Course> = {}): Asking {
  return {
    model,
    start: model.first('1', 8),
    course: { ...course, ...more },
    chance: new SeededEntropy('a'),
  }
}

async function lossOn(who: readonly Client[], parameters: Float32Array): Promise<number> {
  const judged = []
  for (const client of who) judged.push(...(await errorsOn(client, model, parameters)).bare)
  return errorsOf(judged).pinballLog
}

const clean = trainFederated(clients, asking())

test('together hosts learn what one of all rows would, and far more than each alone', async () => {
  const federated = await lossOn(clients, (await clean).parameters)
  const centralised = await lossOn(clients, await trainCentrally(clients, asking()))
  let local = 0
  for (const client of clients) {
    local += (await lossOn(clients, await trainLocally(client, asking()))) / clients.length
  }
  const untrained = await lossOn(clients, asking().start)
  const missing = (federated - centralised) / (untrained - centralised)
  assert.ok(missing < 0.08, `${federated} beside ${centralised}, from ${untrained}`)
  assert.ok(federated < 0.8 * local, `${federated} beside ${local}`)
})

test('masks change nothing but the last bits', async () => {
  const seen = await trainFederated(clients, asking({ rounds: 3, sketch: 0, rule: 'average' }))
  const masked = await trainFederated(
    clients,
    asking({ rounds: 3, sketch: 0, rule: 'average', masked: true }),
  )
  const far = Math.max(
    ...masked.parameters.map((value, i) => Math.abs(value - (seen.parameters[i] as number))),
  )
  assert.ok(far < 1e-4, `${far}`)
  assert.ok(masked.reports.every(({ ended }) => ended === 'kept'))
})

test('one seed gives one result', async () => {
  const again = await trainFederated(clients, asking())
  assert.deepEqual(again.parameters, (await clean).parameters)
})

test('with two of seven that lie, what is learned stays good, whatever the lie', async () => {
  const liars = [clients[1], clients[4]] as [Client, Client]
  const honest = clients.filter((client) => !liars.includes(client))
  const by = new Set(liars.map(({ signer }) => signer.id))
  const before = await lossOn(honest, (await clean).parameters)
  const bare = await lossOn(honest, asking().start)
  for (const attack of attacks) {
    const trained = await trainFederated(clients, asking(), { attack, by })
    const after = await lossOn(honest, trained.parameters)
    assert.ok(after < before + 0.25 * (bare - before), `${attack}: ${after}, was ${before}`)
  }
})

test('without votes the same lie does more harm: the attack is one', async () => {
  const by = new Set([1, 4].map((i) => (clients[i] as Client).signer.id))
  const honest = clients.filter(({ signer }) => !by.has(signer.id))
  const lies = { attack: 'sign-flip' as Attack, by }
  const guarded = await trainFederated(clients, asking(), lies)
  const open = await trainFederated(clients, asking({ rule: 'average', votes: false }), lies)
  const [borne, ruined] = [
    await lossOn(honest, guarded.parameters),
    await lossOn(honest, open.parameters),
  ]
  assert.ok(ruined > 1.5 * borne, `${ruined} beside ${borne}`)
})

test('a host that is killed in the middle of a round stops nothing, under masks too', async () => {
  const dying = (clients[3] as Client).signer.id
  const lastWord = (host: PeerId, round: number): LastWord =>
    host !== dying || round < 2 ? 'all' : round === 2 ? 'dealing' : 'nothing'
  const { reports } = await trainFederated(
    clients,
    asking({ rounds: 4, masked: true }),
    undefined,
    lastWord,
  )
  assert.deepEqual(
    reports.map(({ ended }) => ended !== 'failed'),
    [true, true, true, true],
  )
  assert.ok(reports.slice(1).every(({ counted }) => !counted.includes(dying)))
})

test('a round of fewer hosts than a sum needs fails, and the course goes on', async () => {
  const dying = new Set(clients.slice(0, 2).map(({ signer }) => signer.id))
  const lastWord = (host: PeerId): LastWord => (dying.has(host) ? 'nothing' : 'all')
  const few = asking({ rounds: 2, masked: true, liarsMax: 1 })
  const { reports } = await trainFederated(clients.slice(0, 4), few, undefined, lastWord)
  assert.deepEqual(
    reports.map(({ ended, why }) => [ended, why]),
    [
      ['failed', 'tooFew'],
      ['failed', 'tooFew'],
    ],
  )
})

test('no host sends or is sent more in a round than was promised', async () => {
  const { reports } = await trainFederated(clients, asking({ rounds: 2, masked: true }))
  for (const { upBytesMax, downBytesMax } of reports) {
    assert.ok(upBytesMax > 4 * model.length && upBytesMax < federationLimits.roundBytesMax)
    assert.ok(downBytesMax > 4 * model.length && downBytesMax < federationLimits.roundBytesMax)
  }
})

test('the largest model fits a round in halves: each host is told the sums of both', async () => {
  const { parametersMax, roundBytesMax } = federationLimits
  const hosts = clients.slice(0, 6).map(({ signer }, i): Host => {
    const update = new Float32Array(parametersMax).fill(i / 1_000)
    return { signer, weight: 1, update: async () => update, loss: async () => 1 }
  })
  const start = new Float32Array(parametersMax)
  const { chance } = asking()
  const federation = new Federation(hosts, { ...course, masked: true }, start, { chance })
  const { ended, upBytesMax, downBytesMax } = await federation.round()
  assert.notEqual(ended, 'failed')
  assert.ok(downBytesMax > 2 * 4 * parametersMax && downBytesMax <= roundBytesMax)
  assert.ok(upBytesMax > 4 * parametersMax && upBytesMax <= roundBytesMax)
})

test('beside lies stands what the honest learn by themselves, with the same deaths', async () => {
  const [liar, dying] = clients as [Client, Client]
  const few = asking({ rounds: 3 })
  const { lines } = await reportOf({
    ...few,
    clients,
    liars: new Set([liar.name]),
    attack: 'sign-flip',
    killed: new Set([dying.name]),
    tell: () => {},
  })
  const honest = clients.filter((client) => client !== liar)
  const lastWord = (host: PeerId, round: number): LastWord =>
    host !== dying.signer.id ? 'all' : round === 1 ? 'dealing' : 'nothing'
  const { parameters } = await trainFederated(honest, few, undefined, lastWord)
  const alone = lines.find(({ trained }) => trained === 'federated, without 1')
  assert.equal(alone?.errors.pinballLog, await lossOn(honest, parameters))
})

test('a course that cannot be taken is told so', () => {
  assert.equal(courseFault({ ...course, masked: true, rule: 'median' }, 7), 'ruleMustSeeUpdates')
  assert.equal(courseFault({ ...course, masked: false, rule: 'median' }, 7), undefined)
  assert.equal(courseFault(course, 2), 'tooFewHosts')
  assert.equal(courseFault({ ...course, liarsMax: 5 }, 7), 'tooManyLiars')
})

test('rows are given by host, or by application where there is one host', () => {
  const byHost = divided(rows, 3)
  assert.equal(byHost.by, 'host')
  assert.deepEqual(byHost.parts.map(({ of }) => of.length).sort(), [2, 2, 3])
  const one = rows.map((row, i) => ({ ...row, host: 'h', group: `g${i % 2}` }))
  assert.deepEqual(
    divided(one, 7).parts.map(({ of }) => of),
    [['g0'], ['g1']],
  )
})

test('a row says nothing of its end but by its target, and what is not known is said so', () => {
  const [row] = rows as [Row]
  const { inputBytes: _, ...without } = row
  const a = examplesOf([row, { ...row, endedMs: row.endedMs + 1e6 }, without])
  const of = (i: number) => a.features.slice(i * featureCount, (i + 1) * featureCount)
  assert.deepEqual(of(0), of(1))
  assert.notDeepEqual(of(0), of(2))
  assert.ok((a.targets[0] as number) < (a.targets[1] as number))
})
