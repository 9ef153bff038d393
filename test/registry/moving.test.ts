/** Versions in the ledger, from state to state; and who has their bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelLimits } from '../../agent/learning/limits.ts'
import { MODEL_SERVICE, ModelStore, notThere } from '../../agent/learning/models.ts'
import type { CallResult, Service } from '../../agent/requests/calls.ts'
import { Registry } from '../../coordinator/learning/registry.ts'
import { predictionModel } from '../../models/nets/graphs.ts'
import { layoutOf } from '../../models/nets/layout.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { packed } from '../../models/registry/blob.ts'
import { commonLength, commonShape, firstCommon } from '../../models/registry/common.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import { hashOf } from '../../models/registry/sound.ts'
import type { NewVersion, RegistryView } from '../../models/registry/versions.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, message, optional } from '../../protocol/wire/schema.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { Mesh } from '../history/stage.ts'
import { LogLines, MemoryDisk } from '../telemetry/made-host.ts'

const versionOf = (seed: number) => packed(firstCommon(new SeededEntropy(seed)))
const hashes = Array.from({ length: registryLimits.versionsMax + 8 }, (_, i) =>
  hashOf(new Uint8Array([i])),
)
const named = (i: number) => hashes[i] as string

function made(i: number, parent?: number): NewVersion {
  return {
    hash: named(i),
    kind: 'duration',
    parents: parent === undefined || parent < 0 ? [] : [named(parent)],
    round: i + 1,
    madeMs: 1_000 + i,
    hosts: 5,
    rows: 300,
    lossBefore: 0.4,
    lossAfter: 0.3,
  }
}

/** By the places of versions. */
function statesOf({ versions, head }: RegistryView) {
  const at = (hash: string) => hashes.indexOf(hash)
  return {
    ...Object.fromEntries(versions.map(({ hash, state }) => [at(hash), state])),
    head: head === undefined ? undefined : at(head),
  }
}

async function registered(seed: string, size = 1) {
  const mesh = await Mesh.of(seed, size)
  const registry = new Registry(mesh.leader!.agent)
  const does = async (doing: ReturnType<Registry['add']>) => {
    const moved = await mesh.answer(doing)
    return moved.ok ? statesOf(registry.view()) : moved.why
  }
  return { mesh, registry, does }
}

test('a version is a shadow, then a canary, then active, and the one before is retired', async () => {
  const { registry, does, mesh } = await registered('forward')
  assert.deepEqual(await does(registry.add(made(0))), { 0: 'shadow', head: 0 })
  assert.deepEqual(await does(registry.move(named(0), 'canary', 'good')), { 0: 'canary', head: 0 })
  await does(registry.move(named(0), 'active', 'good'))
  await does(registry.add(made(1, 0)))
  assert.deepEqual(await does(registry.move(named(1), 'active', 'better')), {
    0: 'retired',
    1: 'active',
    head: 1,
  })
  const { active } = registry.view()
  assert.deepEqual([active?.replaced, active?.why, active?.lossAfter], [named(0), 'better', 0.3])
  const events = mesh.leader!.agent.journal.past(0, 100).map(({ kind }) => kind)
  assert.equal(events.filter((kind) => kind === 'model.active').length, 2)
})

test('what is no better is rejected, and training goes on from it all the same', async () => {
  const { registry, does } = await registered('rejected')
  await does(registry.add(made(0)))
  assert.deepEqual(await does(registry.move(named(0), 'rejected', 'worse')), {
    0: 'rejected',
    head: 0,
  })
  assert.match(String(await does(registry.move(named(0), 'canary', 'once more'))), /not on trial/)
})

test('of two shadows the newer is judged; a canary goes on beside it', async () => {
  const { registry, does } = await registered('shadows')
  await does(registry.add(made(0)))
  await does(registry.move(named(0), 'canary', 'good'))
  await does(registry.add(made(1, 0)))
  assert.deepEqual(await does(registry.add(made(2, 1))), {
    0: 'canary',
    1: 'retired',
    2: 'shadow',
    head: 2,
  })
  assert.match(String(await does(registry.add(made(2, 1)))), /already/)
})

test('an active version is taken back for the one it replaced, and what learned on from it goes too', async () => {
  const { registry, does } = await registered('back')
  await does(registry.add(made(0)))
  await does(registry.move(named(0), 'active', 'good'))
  await does(registry.add(made(1, 0)))
  await does(registry.move(named(1), 'active', 'better'))
  await does(registry.add(made(2, 1)))
  assert.deepEqual(await does(registry.rollBack(undefined, 'worse')), {
    0: 'active',
    1: 'rolledBack',
    2: 'retired',
    head: 0,
  })
  // There is nothing before the first: hosts speak for themselves.
  assert.deepEqual(await does(registry.rollBack(undefined, 'worse')), {
    0: 'rolledBack',
    1: 'rolledBack',
    2: 'retired',
    head: undefined,
  })
  assert.match(String(await does(registry.rollBack(undefined, 'again'))), /no version is active/)
  await does(registry.rollBack(named(0), 'after all'))
  assert.equal(registry.view().active?.hash, named(0))
})

test('what is taken back with nothing before it leaves training where it came from', async () => {
  const { registry, does } = await registered('parent')
  await does(registry.add(made(0)))
  await does(registry.add(made(1, 0)))
  await does(registry.move(named(1), 'active', 'good'))
  assert.deepEqual(await does(registry.rollBack(undefined, 'worse')), {
    0: 'retired',
    1: 'rolledBack',
    head: 0,
  })
})

test('a version that is named is active again; one that nobody knows is not', async () => {
  const { registry, does } = await registered('named')
  for (const i of [0, 1, 2]) {
    await does(registry.add(made(i, i - 1)))
    await does(registry.move(named(i), 'active', 'good'))
  }
  assert.match(String(await does(registry.rollBack(named(9), 'to nowhere'))), /not in the registry/)
  assert.match(String(await does(registry.rollBack(named(2), 'to itself'))), /active already/)
  assert.deepEqual(await does(registry.rollBack(named(0), 'to the first')), {
    0: 'active',
    1: 'retired',
    2: 'rolledBack',
    head: 0,
  })
})

test('old versions go, and never one that somebody needs', async () => {
  const { registry, does } = await registered('many')
  await does(registry.add(made(0)))
  await does(registry.move(named(0), 'active', 'good'))
  await does(registry.add(made(1, 0)))
  await does(registry.move(named(1), 'active', 'better'))
  for (let i = 2; i < registryLimits.versionsMax + 6; i++) await does(registry.add(made(i, i - 1)))
  const { versions, active, head } = registry.view()
  assert.equal(versions.length, registryLimits.versionsMax)
  assert.equal(active?.hash, named(1))
  assert.ok(
    versions.some(({ hash }) => hash === named(0)),
    'what it would give way to',
  )
  assert.equal(head, named(registryLimits.versionsMax + 5))
})

test('of two who decide at once, one does', async () => {
  const { mesh, registry } = await registered('twice')
  await mesh.answer(registry.add(made(0)))
  const both = [registry.move(named(0), 'canary', 'a'), registry.move(named(0), 'rejected', 'b')]
  const moved = await mesh.answer(Promise.all(both))
  assert.deepEqual(moved.map(({ ok }) => ok).sort(), [false, true])
})

// ── Where bytes lie ─────────────────────────────────────────────────────────────────────────────

const Told = message('ModelTold', { bytes: optional(1, bytes(1 << 20)) })

/** Hosts with a store each; `lies` say what they like. */
class Stores {
  readonly services = new Map<string, Service>()
  readonly disks = new Map<string, MemoryDisk>()
  readonly log = new LogLines()
  readonly asked: string[] = []
  wanted: string[] = []

  of(name: string): ModelStore {
    const disk = this.disks.get(name) ?? new MemoryDisk()
    this.disks.set(name, disk)
    return new ModelStore({
      disk,
      log: this.log,
      calls: {
        serve: (_, service) => this.services.set(name, service),
        ask: (to, _, body) => this.#ask(to, body),
      },
      wanted: () => this.wanted,
    })
  }

  lies(name: string, sent: Uint8Array | undefined): void {
    const answer = encode(Told, sent === undefined ? {} : { bytes: sent })
    this.services.set(name, () => Promise.resolve(answer))
  }

  async #ask(to: string, body: Uint8Array): Promise<CallResult> {
    this.asked.push(to)
    const service = this.services.get(to)
    if (service === undefined) return { ok: false, code: 'timedOut', why: 'no answer' }
    try {
      return { ok: true, body: await service('x' as PeerId, body) }
    } catch (error) {
      return { ok: false, code: 'refused', why: String(error) }
    }
  }
}

const peers = (...names: string[]) => names as PeerId[]

test('a version that one host has, others fetch, whoever else is silent, has it not or lies', async () => {
  const stores = new Stores()
  const version = versionOf(1)
  const hash = await stores.of('has').put(version)
  stores.of('hasNot')
  stores.lies('liar', versionOf(2))
  stores.lies('cuts', version.subarray(0, 100))
  stores.lies('floods', new Uint8Array(registryLimits.blobBytesMax + 1))
  const store = stores.of('asks')
  const nobody = await store.fetch(hash, peers('silent', 'hasNot', 'liar', 'cuts', 'floods'))
  assert.ok(!nobody.ok)
  assert.match(nobody.why, /has it not.*refused: its bytes are those of/)
  assert.equal(store.has(hash), false)
  assert.equal(stores.disks.get('asks')?.entries.size, 0)
  const found = await store.fetch(hash, peers('silent', 'liar', 'has'))
  assert.deepEqual(found.ok && found.learned, {
    family: 'net',
    parameters: firstCommon(new SeededEntropy(1)),
  })
  assert.deepEqual(await store.get(hash), version)
  const before = stores.asked.length
  await store.fetch(hash, peers('has'))
  assert.equal(stores.asked.length, before, 'what is here is not asked for')
})

/** As whoever has led and lied may name them in the ledger: by their own hashes. */
const around = (parameters: Float32Array) => predictionModel(commonShape, parameters)
const good = around(firstCommon(new SeededEntropy(1)))
const badModels: readonly (readonly [string, Uint8Array, RegExp])[] = [
  [
    'of numbers that are none',
    bytesOf(around(new Float32Array(commonLength).fill(Number.NaN))),
    /not all finite/,
  ],
  ['that is cut off', bytesOf(good).subarray(0, 4_000), /cannot be read: truncated/],
  ['that is too large', new Uint8Array(registryLimits.forestBytesMax), /at most/],
  [
    'of another shape',
    bytesOf(
      predictionModel(
        { features: 3, hidden: [4] },
        new Float32Array(layoutOf({ features: 3, hidden: [4] }).length),
      ),
    ),
    /input/,
  ],
  [
    'with another operator',
    bytesOf({
      ...good,
      graph: {
        ...good.graph,
        nodes: good.graph.nodes.map((node, i) => (i === 0 ? { ...node, operator: 'Tanh' } : node)),
      },
    }),
    /not allowed/,
  ],
]

for (const [what, version, why] of badModels) {
  test(`a model ${what} is refused with the reason under its own hash, and what was there stays`, async () => {
    const stores = new Stores()
    const store = stores.of('asks')
    const before = await store.put(versionOf(1))
    stores.lies('liar', version)
    const hash = hashOf(version)
    const fetched = await store.fetch(hash, peers('liar'))
    assert.match(fetched.ok ? 'taken' : fetched.why, why)
    assert.deepEqual([store.has(hash), await store.learned(hash)], [false, undefined])
    assert.deepEqual(await store.get(before), versionOf(1))
    const again = stores.of('asks')
    await again.start()
    assert.deepEqual([again.has(hash), again.has(before)], [false, true])
    assert.ok(stores.log.lines.some((line) => line.endsWith('common model is refused')))
  })
}

test('what is searched for is asked of all, and whoever hangs is not waited for once it is here', async () => {
  const stores = new Stores()
  const hash = await stores.of('has').put(versionOf(1))
  const others = Array.from({ length: modelLimits.askedMax + 3 }, (_, i) => `hasNot${i}`)
  for (const name of others) stores.of(name)
  const store = stores.of('asks')
  assert.deepEqual(await store.search(hash, peers(...others)), { ok: false, why: notThere })
  const one = await store.search(hash, peers(...others, 'silent'))
  assert.ok(!one.ok && one.why !== notThere, 'somebody may have it')
  // Somebody else asks a few of them at the same time.
  const few = store.fetch(hash, peers('hasNot0'))
  stores.services.set('hangs', () => new Promise(() => {}))
  const all = store.search(hash, peers(...others.slice(0, 8), 'hangs', 'has'))
  assert.deepEqual([(await few).ok, (await all).ok], [false, true])
  assert.deepEqual(await store.get(hash), versionOf(1))
})

test('what no version is named by is not asked for, and what is asked at once is asked once', async () => {
  const stores = new Stores()
  const hash = await stores.of('has').put(versionOf(1))
  const store = stores.of('asks')
  await Promise.all([store.fetch(hash, peers('has')), store.fetch(hash, peers('has'))])
  assert.equal(stores.asked.length, 1)
  await assert.rejects(stores.services.get('has')!('x' as PeerId, Uint8Array.of(1)))
})

test('a disk that is full keeps nothing new, and what was there stays and speaks', async () => {
  const stores = new Stores()
  const store = stores.of('full')
  const good = await store.put(versionOf(1))
  const other = await stores.of('has').put(versionOf(2))
  stores.disks.get('full')!.full = true
  await assert.rejects(store.put(versionOf(3)), /no space/)
  const fetched = await store.fetch(other, peers('has'))
  assert.ok(fetched.ok, 'it is used while this life lasts')
  assert.equal(store.has(other), false)
  assert.deepEqual(await store.learned(good), {
    family: 'net',
    parameters: firstCommon(new SeededEntropy(1)),
  })
  const again = stores.of('full')
  await again.start()
  assert.deepEqual(await again.get(good), versionOf(1))
})

test('what is damaged on the disk is fetched again', async () => {
  const stores = new Stores()
  const hash = await stores.of('has').put(versionOf(1))
  await stores.of('damaged').put(versionOf(1))
  const [[key, value]] = [...stores.disks.get('damaged')!.entries] as [[string, Uint8Array]]
  stores.disks.get('damaged')!.entries.set(key, value.with(200, (value[200]! + 1) % 256))
  const store = stores.of('damaged')
  await store.start()
  assert.equal(await store.learned(hash), undefined)
  assert.ok((await store.fetch(hash, peers('has'))).ok)
  assert.deepEqual(await store.get(hash), versionOf(1))
})

test('what is damaged on the disk is given to nobody, and what came is told by its bytes', async () => {
  const stores = new Stores()
  const hash = await stores.of('damaged').put(versionOf(1))
  await stores.of('has').put(versionOf(1))
  const [[key, value]] = [...stores.disks.get('damaged')!.entries] as [[string, Uint8Array]]
  stores.disks.get('damaged')!.entries.set(key, value.with(200, (value[200]! + 1) % 256))
  const store = stores.of('damaged')
  await store.start()
  assert.equal(await store.get(hash), undefined)
  assert.ok(!store.has(hash))
  const bytesOf = async () => {
    const fetched = await store.fetch(hash, peers('has'))
    return fetched.ok ? fetched.bytes : undefined
  }
  assert.equal(await bytesOf(), versionOf(1).length)
  assert.equal(await bytesOf(), 0)
})

test('candidates come and go, and what the registry names stays', async () => {
  const stores = new Stores()
  const store = stores.of('one')
  stores.wanted = [await store.put(versionOf(0))]
  const others: string[] = []
  for (let i = 1; i <= modelLimits.othersMax + 3; i++) others.push(await store.put(versionOf(i)))
  assert.ok(store.has(stores.wanted[0] as string))
  assert.deepEqual(
    others.map((hash) => store.has(hash)),
    others.map((_, i) => i >= 3),
  )
  assert.equal(stores.disks.get('one')?.entries.size, modelLimits.othersMax + 1)
})

test('what makes no sense is not put there', async () => {
  await assert.rejects(new Stores().of('one').put(versionOf(1).subarray(1)), /no version/)
})

test('agents of a mesh get a version from each other', async () => {
  const mesh = await Mesh.of('blobs', 3)
  const { agent } = mesh.leader!
  const hash = await mesh.answer(agent.learning.models.put(versionOf(1)))
  const fetched = await mesh.answer(mesh.follower.agent.learning.models.fetch(hash, [agent.id]))
  assert.ok(fetched.ok, JSON.stringify(fetched))
  const nonsense = agent.calls.ask(mesh.follower.agent.id, MODEL_SERVICE, Uint8Array.of(1), 1_000)
  assert.equal((await mesh.answer(nonsense)).ok, false)
  assert.equal(decode(Told, Uint8Array.of(255)).ok, false)
})
