/** Bags of trees, one after the other: with hosts that lie or die, beside what one of all rows grows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attacks } from '../../models/federation/experiment/attacks.ts'
import { type Client, clientsOf } from '../../models/federation/experiment/clients.ts'
import { treesFault } from '../../models/federation/experiment/tree-report.ts'
import {
  type GrowingAsked,
  growCentrally,
  growFederated,
  growLocally,
  toldBy,
} from '../../models/federation/experiment/trees.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import type { LastWord } from '../../models/federation/rounds/carrying.ts'
import { meanLoss } from '../../models/federation/rounds/trainable.ts'
import {
  type TreeCourse,
  TreeFederation,
  type TreeHost,
} from '../../models/federation/trees/bags.ts'
import { CountingHost, drawingBy } from '../../models/federation/trees/counting.ts'
import { describedCuts, describedStart } from '../../models/federation/trees/cuts.ts'
import { treesLimits } from '../../models/federation/trees/limits.ts'
import { countsIn } from '../../models/federation/trees/questions.ts'
import type { Forest } from '../../models/forest.ts'
import type { Row } from '../../models/rows.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

/** Each host has tasks of its own and some of the next one's; all follow one law. */
const rows: Row[] = Array.from({ length: 7 }, (_, host) => {
  const chance = new SeededEntropy(`host ${host}`)
  return Array.from({ length: 300 }, (_, i): Row => {
    const task = (host + Math.floor(chance.unit() * 3)) % 7
    const inputBytes = Math.exp(8 + 10 * chance.unit())
    const log = 4 + task / 2 + Math.log(inputBytes) / 4 + 0.3 * (chance.unit() - 0.5)
    const startedMs = i * 1e7 + host
    return {
      ...{ task: `t${task}`, group: 'g', host: `h${host}`, inputBytes },
      ...{ startedMs, endedMs: startedMs + Math.exp(log), ended: 'succeeded' },
    }
  })
}).flat()

const { clients } = clientsOf(rows, 7)

function asking(more: Partial<TreeCourse> = {}): GrowingAsked {
  const course = { rounds: 40, masked: false, votes: true, liarsMax: 2, hostsEach: 1, ...more }
  return { course, chance: new SeededEntropy('a'), turn: async () => {} }
}

function lossOn(who: readonly Client[], forest: Forest): number {
  const losses = who.map(({ heldExamples }) =>
    meanLoss(toldBy(forest, heldExamples), heldExamples.targets),
  )
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

const clean = growFederated(clients, asking())

test('together hosts grow what one of all rows would, and far more than each alone', async () => {
  const federated = lossOn(clients, (await clean).forest)
  const centralised = lossOn(clients, await growCentrally(clients, asking()))
  let local = 0
  for (const client of clients) {
    local += lossOn(clients, await growLocally(client, asking())) / clients.length
  }
  assert.ok(federated < 1.1 * centralised, `${federated} beside ${centralised}`)
  assert.ok(federated < 0.8 * local, `${federated} beside ${local}`)
})

test('masks change nothing at all', async () => {
  const seen = await growFederated(clients, asking({ rounds: 3 }))
  const masked = await growFederated(clients, asking({ rounds: 3, masked: true }))
  assert.deepEqual(masked.forest, seen.forest)
  assert.ok(masked.forest.trees.length > 0)
  for (const { upBytesMax, downBytesMax } of masked.reports) {
    assert.ok(upBytesMax > 1_000 && upBytesMax < federationLimits.roundBytesMax)
    assert.ok(downBytesMax > 1_000 && downBytesMax < federationLimits.roundBytesMax)
  }
})

test('with two of seven that lie, what is grown stays good, whatever the lie', async () => {
  const liars = [clients[1], clients[4]] as [Client, Client]
  const honest = clients.filter((client) => !liars.includes(client))
  const by = new Set(liars.map(({ signer }) => signer.id))
  const before = lossOn(honest, (await clean).forest)
  const bare = lossOn(honest, {
    features: describedCuts.length,
    base: Float32Array.of(7.3, 8, 8.7),
    trees: [],
  })
  for (const attack of attacks) {
    const { forest } = await growFederated(clients, asking(), { attack, by })
    const after = lossOn(honest, forest)
    assert.ok(after < before + 0.25 * (bare - before), `${attack}: ${after}, was ${before}`)
  }
})

test('where hosts are no better off with the first bag trees are cut all the same', () => {
  const hosts = clients.map(({ signer, name, trained, voting }): TreeHost => {
    const { rowsMax } = treesLimits
    const drawing = drawingBy(new SeededEntropy(`rows ${name}`), rowsMax)
    const how = { cuts: describedCuts, start: describedStart, drawing, rowsMax }
    const host = new CountingHost(trained, voting, how)
    return {
      signer,
      counts: (asked) => host.counts(asked),
      // As if what is said of all were where its rows are.
      loss: (trees) => host.loss(trees.filter(({ branches }) => branches.size > 0)),
      take: (trees) => host.take(trees),
      beginAnew: () => host.beginAnew(),
    }
  })
  const around = { cuts: describedCuts, start: describedStart, chance: new SeededEntropy('near') }
  const federation = new TreeFederation(hosts, asking().course, around)
  const [first, ...others] = [1, 2, 3].map(() => federation.round().ended)
  assert.equal(first, 'undone')
  assert.ok(others.includes('kept'), others.join())
})

test('who counts what no rows could give is found out, and others go on without', async () => {
  const liar = (clients[2] as Client).signer.id
  const lies = { attack: 'random' as const, by: new Set([liar]) }
  const { reports, suspects } = await growFederated(clients, asking({ liarsMax: 1 }), lies)
  assert.deepEqual([...suspects], [liar])
  assert.ok(reports.every(({ counted }) => !counted.includes(liar)))
  assert.ok(reports.some(({ why }) => why === 'impossible'))
})

test('a host that is killed in the middle of a bag stops nothing, under masks too', async () => {
  const dying = (clients[3] as Client).signer.id
  const lastWord = (host: PeerId, round: number): LastWord =>
    host !== dying || round < 2 ? 'all' : round === 2 ? 'dealing' : 'nothing'
  const asked = asking({ rounds: 4, masked: true })
  const { reports } = await growFederated(clients, asked, undefined, lastWord)
  assert.deepEqual(
    reports.map(({ ended }) => ended),
    ['kept', 'kept', 'kept', 'kept'],
  )
  assert.ok(reports.slice(1).every(({ counted }) => !counted.includes(dying)))
})

test('a bag of fewer hosts than a sum needs fails, and the course goes on', async () => {
  const two = new Set(clients.slice(0, 2).map(({ signer }) => signer.id))
  const lastWord = (host: PeerId): LastWord => (two.has(host) ? 'nothing' : 'all')
  const asked = asking({ rounds: 2, masked: true, liarsMax: 1 })
  const { reports, forest } = await growFederated(clients.slice(0, 4), asked, undefined, lastWord)
  assert.deepEqual(
    reports.map(({ ended, why }) => [ended, why]),
    [
      ['failed', 'tooFew'],
      ['failed', 'tooFew'],
    ],
  )
  assert.equal(forest.trees.length, 0)
})

test('the widest trees of the most hosts fit into a round', () => {
  const { rowsMax, hostsMax } = treesLimits
  /** All features say as much, so that trees grow as wide as they may. */
  const hostWith = (seed: number): TreeHost => ({
    signer: signerFromSeed(new Uint8Array(32).fill(seed + 1)),
    counts: (asked) => {
      const counts = new Int32Array(countsIn(asked, describedCuts))
      if (asked.about === 'leaves') return counts
      let at = 0
      for (const { features, nodes } of asked.trees) {
        for (const node of nodes) {
          const all = rowsMax / 2 ** Math.floor(Math.log2(node + 1))
          counts.set([all, all / 2, all / 2, all / 2], at)
          at += 4
          for (const feature of features) {
            const { length } = describedCuts[feature] as Float32Array
            // Half of all in the first step, and all that lie below with them.
            counts.set([all / 2, all / 2, all / 2, all / 2], at)
            at += 4 * length
          }
        }
      }
      return counts
    },
    loss: (trees) => 1 / (1 + trees.length),
    take: () => {},
    beginAnew: () => {},
  })
  const hosts = Array.from({ length: hostsMax }, (_, i) => hostWith(i))
  const course = { rounds: 2, masked: true, votes: false, liarsMax: 0, hostsEach: 1 }
  const around = { cuts: describedCuts, start: [1, 2, 3], chance: new SeededEntropy('wide') }
  const federation = new TreeFederation(hosts, course, around)
  federation.round()
  const { upBytesMax, downBytesMax } = federation.round()
  assert.ok(upBytesMax > 0.7 * federationLimits.roundBytesMax, `${upBytesMax}`)
  assert.ok(upBytesMax <= federationLimits.roundBytesMax, `${upBytesMax}`)
  assert.ok(downBytesMax <= federationLimits.roundBytesMax, `${downBytesMax}`)
})

test('where trees cannot be grown it is told', () => {
  assert.equal(treesFault({ noise: 1, votes: false }, 7), 'noise')
  assert.equal(treesFault({ noise: 0, votes: true }, 33), 'tooManyHosts')
  assert.equal(treesFault({ noise: 0, votes: false }, 17), 'tooManyHosts')
  assert.equal(treesFault({ noise: 0, votes: true }, 32), undefined)
})
