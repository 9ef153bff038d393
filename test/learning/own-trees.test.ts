/** What a host does for trees, and what it does for nobody, whoever leads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OwnRow } from '../../agent/learning/lesson.ts'
import { OwnTrees } from '../../agent/learning/round/own-trees.ts'
import { askedTold, treeTold } from '../../agent/learning/round/trees-wire.ts'
import { type RoundReply, type RoundStep, roundRefusals } from '../../agent/learning/round/wire.ts'
import { MaskingServer } from '../../models/federation/masking/server.ts'
import type { Terms } from '../../models/federation/masking/terms.ts'
import { describedCuts as cuts } from '../../models/federation/trees/cuts.ts'
import { packed, unpacked } from '../../models/federation/trees/packing.ts'
import {
  type Asked,
  countsIn,
  leafCounts,
  offCounts,
} from '../../models/federation/trees/questions.ts'
import type { Branches, GrownTree } from '../../models/federation/trees/structure.ts'
import { packedForest } from '../../models/registry/forest-blob.ts'
import { hashOf } from '../../models/registry/sound.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { hosts as signersOf } from '../federation/parties.ts'

const features = [0, 1, 2, 3]
const rowsEach = 60
const empty = hashOf(packedForest([]))
const signers = signersOf(5)
const ids = signers.map(({ id }) => id)
const [leader] = ids as [PeerId]

function history(count: number): OwnRow[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ group: 'build', task: `program/make-${i % 4}`, startedMs: 1_000_000 + 7 * i },
    ...{ endedMs: 1_000_000 + 7 * i + 100 * 3 ** (i % 4) + i, ended: 'succeeded' },
  }))
}

const askedOf = (about: Asked['about'], nodes: readonly number[], branches: Branches): Asked => ({
  ...{ bag: 0, about, spread: 1 },
  trees: [{ features, branches, nodes }],
})

const roots = askedOf('cuts', [0], new Map())
const leaves = askedOf('leaves', [0], new Map())

class Hosts {
  readonly all: ReadonlyMap<PeerId, OwnTrees>
  readonly kept: string[] = []
  /** What disks say to whoever writes. */
  disk: Error | undefined
  #sums = 0

  constructor(rows = rowsEach) {
    const clock = {
      after: (_: number, then: () => void) => {
        queueMicrotask(then)
        return { cancel: () => {} }
      },
    }
    const models = {
      has: () => false,
      fetch: async () => ({ ok: false, why: 'it has it not' }) as const,
      put: async (version: Uint8Array) => {
        if (this.disk !== undefined) throw this.disk
        this.kept.push(hashOf(version))
        return hashOf(version)
      },
    }
    this.all = new Map(
      signers.map((signer, i) => {
        const parts = {
          ...{ clock, models, signer, verify: undefined, host: `n${i}` },
          isHost: (peer: PeerId) => ids.includes(peer),
          rows: async function* () {
            yield* history(rows)
          },
        }
        const of = { leader, term: 1, number: 1 }
        return [signer.id, new OwnTrees(of, parts as never, new SeededEntropy(`own ${i}`))]
      }),
    )
  }

  static async invited(): Promise<Hosts> {
    const hosts = new Hosts()
    for (const id of ids) {
      const reply = await hosts.ask(id, { kind: 'inviteTrees', value: { base: empty } })
      assert.deepEqual(reply, { kind: 'willing', value: { rows: 64, fetchedBytes: 0 } })
    }
    return hosts
  }

  ask(id: PeerId, step: RoundStep): Promise<RoundReply> {
    return (this.all.get(id) as OwnTrees).take(step)
  }

  step(asked: Asked, among: readonly PeerId[], attempt = 0): RoundStep {
    const round = new Uint8Array(32).fill(++this.#sums)
    const begin = { round, participants: [...among], sketch: 0 }
    return { kind: 'count', value: { begin, asked: askedTold(asked, attempt) } }
  }

  /** As an honest leader would, but for whom it opens the sum of; the sum, or the first refusal. */
  async sum(asked: Asked, among: readonly PeerId[], of = among, attempt = 0) {
    const step = this.step(asked, among, attempt)
    assert.ok(step.kind === 'count')
    const { round } = step.value.begin
    const parameters = packed(new Int32Array(countsIn(asked, cuts))).length - 1
    const terms: Terms = { round, participants: among, parameters, clip: 1, sketch: 0 }
    const server = new MaskingServer(terms)
    const each = async (
      stepOf: (id: PeerId) => RoundStep,
      take: (id: PeerId, said: never) => void,
    ) => {
      for (const id of among) {
        const reply = await this.ask(id, stepOf(id))
        if (reply.kind === 'refused') return wordOf(reply)
        take(id, reply.value as never)
      }
      return undefined
    }
    const refused = await each(
      () => step,
      (id, said) => server.takeKeys(id, said),
    )
    if (refused !== undefined) return refused
    const list = server.closeKeys()
    assert.ok(list.ok)
    await each(
      () => ({ kind: 'deal', value: list.message }),
      (id, said) => server.takeDealing(id, said),
    )
    const hands = server.closeDealing()
    assert.ok(hands.ok)
    const handOf = (id: PeerId) => hands.message.get(id) ?? { shares: [] }
    await each(
      (id) => ({ kind: 'mask', value: handOf(id) }),
      (id, said) => server.takeMasked(id, said),
    )
    server.closeMasked()
    const selection = server.select(of)
    assert.ok(selection.ok)
    const hidden = await each(
      () => ({ kind: 'reveal', value: selection.message }),
      (id, said) => server.takeReveal(id, said),
    )
    if (hidden !== undefined) return hidden
    const opened = server.open()
    assert.ok(opened.ok)
    return unpacked(opened.sum, countsIn(asked, cuts))
  }
}

function wordOf(reply: RoundReply): string {
  return reply.kind === 'refused'
    ? `${roundRefusals[reply.value.code]}: ${reply.value.why}`
    : reply.kind
}

test('hosts count rows that they learn from and rows that they hold back, and nothing else comes of it', async () => {
  const hosts = await Hosts.invited()
  const sum = await hosts.sum(leaves, ids)
  assert.ok(sum instanceof Int32Array)
  // Each row once in the steps of each quantile, on both sides.
  const rows = sum.reduce((all, count) => all + count, 0) / 3
  assert.ok(rows > 5 * 40 && rows <= 5 * rowsEach, String(rows))
})

test('all sums of a bag are of the same hosts: with one fewer nothing is counted, and nothing is opened', async () => {
  const fewer = ids.slice(0, -1)
  const hosts = await Hosts.invited()
  assert.ok((await hosts.sum(roots, ids)) instanceof Int32Array)
  assert.match(String(await hosts.sum(leaves, fewer)), /^strangers: sums of one bag/)
  assert.match(String(await hosts.sum(leaves, ids, fewer)), /^strangers: sums of one bag/)
  const others = await Hosts.invited()
  // In the first sum one may be lost: then the bag goes on without it.
  assert.ok((await others.sum(roots, ids, fewer)) instanceof Int32Array)
  assert.ok((await others.sum(leaves, fewer)) instanceof Int32Array)
})

test('a bag may be begun anew once, of rows drawn anew, and what was asked before goes no further', async () => {
  const fewer = ids.slice(0, -1)
  const hosts = await Hosts.invited()
  const first = await hosts.sum(roots, ids)
  const again = await hosts.sum(roots, fewer, fewer, 1)
  assert.ok(first instanceof Int32Array && again instanceof Int32Array)
  assert.match(String(await hosts.sum(leaves, ids)), /^outOfTurn/)
  assert.match(String(await hosts.sum(roots, fewer, fewer, 2)), /^outOfTurn/)
  assert.ok((await hosts.sum(leaves, fewer, fewer, 1)) instanceof Int32Array)
})

test('a bag that is begun anew is of other rows also of those that are held back', async () => {
  const hosts = await Hosts.invited()
  const first = await hosts.sum(leaves, ids)
  const again = await hosts.sum(leaves, ids, ids, 1)
  assert.ok(first instanceof Int32Array && again instanceof Int32Array)
  // Were they the same, one host fewer in the second would tell what it has held back, leaf by leaf.
  for (const [from, to] of [
    [0, offCounts],
    [offCounts, leafCounts],
  ] as const) {
    assert.notDeepEqual(again.slice(from, to), first.slice(from, to))
  }
})

test('what no honest leader asks nobody counts', async () => {
  const stranger = signersOf(6).find(({ id }) => !ids.includes(id))?.id as PeerId
  const beyond = askedOf('cuts', [1], new Map([[0, { feature: 0, step: 0 }]]))
  const wrong: readonly (readonly [(hosts: Hosts) => RoundStep, RegExp])[] = [
    [(hosts) => hosts.step(beyond, ids), /^beyondLimits: nobody counts that/],
    [(hosts) => hosts.step(roots, [...ids, stranger].sort()), /^strangers: not all/],
    [(hosts) => hosts.step(roots, ids.slice(1)), /^strangers: not all/],
    [(hosts) => hosts.step(roots, ids.slice(0, 2)), /^beyondLimits: .*participants/],
    [(hosts) => hosts.step(roots, ids.toReversed()), /^beyondLimits: .*participants/],
    [() => ({ kind: 'deal', value: { keys: [] } }), /^outOfTurn/],
    [() => ({ kind: 'train', value: {} }), /^outOfTurn/],
    [() => ({ kind: 'inviteTrees', value: { base: empty } }), /^outOfTurn/],
  ]
  for (const [step, why] of wrong) {
    const hosts = await Hosts.invited()
    assert.match(wordOf(await hosts.ask(leader, step(hosts))), why)
  }
  const uninvited = new Hosts()
  assert.match(wordOf(await uninvited.ask(leader, uninvited.step(roots, ids))), /^outOfTurn/)
})

test('it takes no part with little to learn from, or in a forest that it lacks', async () => {
  const few = new Hosts(7)
  const invited = { kind: 'inviteTrees', value: { base: empty } } as const
  assert.match(wordOf(await few.ask(leader, invited)), /^tooFewRows/)
  const lacking = new Hosts()
  const unknown = { kind: 'inviteTrees', value: { base: 'a'.repeat(64) } } as const
  assert.match(wordOf(await lacking.ask(leader, unknown)), /^noModel: .*for the next round/)
})

const tree: GrownTree = { branches: new Map(), leaves: new Map([[0, [0.5, 0.25, 0]]]) }

function ballot(hash: string, trees: readonly GrownTree[]): RoundStep {
  return { kind: 'voteTrees', value: { candidates: [{ hash, trees: trees.map(treeTold) }] } }
}

test('it votes on what the version says, which it makes itself, and once', async () => {
  const hosts = await Hosts.invited()
  const [first, second, third] = ids as [PeerId, PeerId, PeerId]
  const hash = hashOf(packedForest([tree]))
  const vote = await hosts.ask(first, ballot(hash, [tree]))
  assert.ok(vote.kind === 'vote' && vote.value.before > 0)
  assert.notEqual(vote.value.after, vote.value.before)
  assert.deepEqual(hosts.kept, [hash])
  assert.match(wordOf(await hosts.ask(first, ballot(hash, [tree]))), /^outOfTurn/)
  assert.match(
    wordOf(await hosts.ask(second, ballot(empty, [tree]))),
    /^noModel: .*not of the trees/,
  )
  const half: GrownTree = { ...tree, leaves: new Map() }
  assert.match(wordOf(await hosts.ask(third, ballot(hash, [half]))), /^noModel: .*not whole/)
})

test('on a full disk it votes all the same, and on what is purged meanwhile it does not', async () => {
  const hosts = await Hosts.invited()
  const [first, second] = ids as [PeerId, PeerId]
  const hash = hashOf(packedForest([tree]))
  hosts.disk = new DiskError('full', 'no space is left')
  const vote = await hosts.ask(first, ballot(hash, [tree]))
  assert.equal(vote.kind, 'vote')
  assert.deepEqual(hosts.kept, [])
  hosts.disk = undefined
  const late = hosts.ask(second, ballot(hash, [tree]))
  await hosts.all.get(second)?.close()
  assert.match(wordOf(await late), /^outOfTurn/)
})

test('after the end it says nothing', async () => {
  const hosts = await Hosts.invited()
  await hosts.ask(leader, { kind: 'over', value: {} })
  assert.match(wordOf(await hosts.ask(leader, hosts.step(roots, ids))), /^outOfTurn/)
  assert.match(wordOf(await hosts.ask(leader, ballot(empty, []))), /^outOfTurn/)
})
