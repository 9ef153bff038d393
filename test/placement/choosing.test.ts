/** What policies prefer, by example. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostFacts } from '../../coordinator/placement/host-view.ts'
import {
  balanced,
  bestFit,
  earliestFinish,
  nearData,
  spread,
} from '../../coordinator/placement/policies.ts'
import type { PlacementPolicy, PlacementRequest } from '../../coordinator/placement/policy.ts'
import { asking, draws, expressionOf, hostsOf, plainHost, plainRequest } from './arbitraries.ts'

function chosen(
  policy: PlacementPolicy,
  asked: PlacementRequest,
  ...hosts: readonly Partial<HostFacts>[]
) {
  return policy.choose(asked, hostsOf(...hosts).all(), draws()).host?.name
}

test('a wish is followed where it can be, and is no condition', () => {
  const wish = asking({ prefer: [{ label: 'zone', value: 'b' }] })
  const busy = { labels: { zone: 'b' }, load: { cpu: 0.9, ageMs: 0, intervalMs: 1_000 } }
  assert.equal(chosen(balanced, wish, {}, busy), 'n2')
  assert.equal(chosen(balanced, wish, {}), 'n1')
})

test('a unit that was lost with its host goes elsewhere, unless there is nowhere else', () => {
  const lost = { ...plainRequest, avoid: 'id-1' }
  const worse = { load: { cpu: 1, ageMs: 0, intervalMs: 1_000 }, cores: 1 }
  assert.equal(chosen(balanced, lost, {}, worse), 'n2')
  assert.equal(chosen(balanced, lost, {}), 'n1')
})

test('a wish for company yields to nothing that comes after it', () => {
  const company = {
    ...asking({ prefer: [{ label: 'zone', value: 'b' }] }),
    affinity: { nodes: ['id-1'], required: false },
  }
  assert.equal(chosen(balanced, company, {}, { labels: { zone: 'b' } }), 'n1')
  const apart = { ...plainRequest, antiAffinity: { nodes: ['id-1'], required: false } }
  assert.equal(chosen(balanced, apart, { cores: 64 }, { cores: 1 }), 'n2')
})

test('company whose stages ran nowhere binds nobody', () => {
  const alone = { ...plainRequest, affinity: { nodes: [], required: true } }
  assert.equal(chosen(balanced, alone, {}), 'n1')
})

test('items are spread evenly over the values of a label', () => {
  const hosts = hostsOf(
    { labels: { zone: 'a' }, attemptsMax: 99 },
    { labels: { zone: 'a' }, attemptsMax: 99 },
    { labels: { zone: 'b' }, attemptsMax: 99 },
    { labels: { zone: 'c' }, attemptsMax: 99 },
    { labels: {}, attemptsMax: 99 },
  )
  const placed = new Map<string, number>()
  const random = draws()
  for (let i = 0; i < 30; i++) {
    const asked = { ...asking({ spread: 'zone' }), placed }
    const { host } = balanced.choose(asked, hosts.all(), random)
    const zone = host!.labels.zone!
    placed.set(zone, (placed.get(zone) ?? 0) + 1)
    hosts.setAside(host!.id, { custom: {} })
  }
  assert.deepEqual([...placed].sort(), [
    ['a', 10],
    ['b', 10],
    ['c', 10],
  ])
})

test('large artifacts draw a unit to where they are, small ones do not', () => {
  const fetching = (bytes: number) => ({
    ...plainRequest,
    artifacts: new Map([['id-1', bytes]]),
    artifactBytes: bytes,
  })
  const busy = { load: { cpu: 0.9, ageMs: 0, intervalMs: 1_000 } }
  const idle = { load: { cpu: 0, ageMs: 0, intervalMs: 1_000 } }
  assert.equal(chosen(balanced, fetching(500 * 2 ** 20), busy, idle), 'n1')
  assert.equal(chosen(balanced, fetching(1_000), busy, idle), 'n2')
  assert.equal(chosen(nearData, fetching(5 * 2 ** 20), busy, idle), 'n1')
})

test('of hosts that are equal otherwise, the one with more room is chosen', () => {
  const hosts = hostsOf({}, {}, {})
  hosts.setAside('id-1', { custom: {} })
  hosts.setAside('id-2', { cpu: 3, custom: {} })
  assert.equal(balanced.choose(plainRequest, hosts.all(), draws()).host?.name, 'n3')
  assert.equal(bestFit.choose(plainRequest, hosts.all(), draws()).host?.name, 'n2')
  assert.equal(spread.choose(plainRequest, hosts.all(), draws()).host?.name, 'n3')
})

test('what takes no time goes to who is near, unless that is busier by half of its cores', () => {
  const hosts = hostsOf({}, { load: { cpu: 0.4, ageMs: 500, intervalMs: 1_000 } }, {})
  const near = { ...plainRequest, near: 'id-2' }
  assert.notEqual(balanced.choose(plainRequest, hosts.all(), draws()).host?.name, 'n2')
  assert.equal(balanced.choose(near, hosts.all(), draws()).host?.name, 'n2')
  hosts.setAside('id-2', { custom: {} })
  hosts.setAside('id-2', { cpu: 3, custom: {} })
  assert.notEqual(balanced.choose(near, hosts.all(), draws()).host?.name, 'n2')
  const [first] = balanced.explain({ ...plainRequest, near: 'id-1' }, hosts.all())
  const told = first?.reasons.find(({ factor }) => factor === 'near')
  assert.equal(told?.message, 'it takes no time, and nothing has to travel there')
})

test('a burst of units is dealt out by what is set aside, before any news of load', () => {
  for (const policy of [balanced, spread, earliestFinish]) {
    const hosts = hostsOf({}, {}, {}, {})
    const random = draws()
    for (let i = 0; i < 20; i++) {
      const { host } = policy.choose(plainRequest, hosts.all(), random)
      hosts.setAside(host!.id, { custom: {} })
    }
    assert.deepEqual(
      hosts.all().map(({ setAside }) => setAside.attempts),
      [5, 5, 5, 5],
      policy.name,
    )
  }
})

test('best fit leaves whole hosts for large stages', () => {
  const hosts = hostsOf({}, {}, {})
  const random = draws()
  const small = { ...plainRequest, resources: { cpu: 1, custom: {} } }
  for (let i = 0; i < 4; i++) {
    hosts.setAside(bestFit.choose(small, hosts.all(), random).host!.id, small.resources)
  }
  const large = { ...plainRequest, resources: { cpu: 4, custom: {} } }
  for (let i = 0; i < 2; i++) {
    const { host } = bestFit.choose(large, hosts.all(), random)
    assert.ok(host)
    hosts.setAside(host.id, large.resources)
  }
})

test('what a host said of its load long ago counts for little', () => {
  const said = (cpu: number, ageMs: number) => ({ load: { cpu, ageMs, intervalMs: 1_000 } })
  assert.equal(chosen(balanced, plainRequest, said(0.9, 500), said(0.3, 500)), 'n2')
  // Long ago it was idle: it is taken for neither idle nor busy.
  assert.equal(chosen(balanced, plainRequest, said(0, 60_000), said(0.4, 500)), 'n2')
  assert.equal(chosen(balanced, plainRequest, said(1, 60_000), said(0.6, 500)), 'n1')
})

test('equal hosts are all chosen in time', () => {
  const hosts = hostsOf({}, {}, {}).all()
  const random = draws()
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) seen.add(balanced.choose(plainRequest, hosts, random).host!.id)
  assert.equal(seen.size, 3)
})

test('the same draws give the same choices', () => {
  const hosts = hostsOf({}, {}, {}, {}).all()
  const all = (seed: number) => {
    const random = draws(seed)
    return Array.from({ length: 50 }, () => balanced.choose(plainRequest, hosts, random).host!.id)
  }
  assert.deepEqual(all(7), all(7))
  assert.notDeepEqual(all(7), all(8))
})

test('earliest finish weighs the transfer against the waiting', () => {
  const busy = { load: { cpu: 1, ageMs: 0, intervalMs: 1_000 } }
  const idle = { load: { cpu: 0, ageMs: 0, intervalMs: 1_000 } }
  const asked = (bytes: number, expectedMs: number) => ({
    ...plainRequest,
    artifacts: new Map([['id-1', bytes]]),
    artifactBytes: bytes,
    expectedMs,
  })
  // 80 s of transfer for a second of work, and a second of transfer for a minute of work.
  assert.equal(chosen(earliestFinish, asked(10e9, 1_000), busy, idle), 'n1')
  assert.equal(chosen(earliestFinish, asked(125e6, 60_000), busy, idle), 'n2')
})

test('who finds no host is told whether waiting can help', () => {
  const large = { ...plainRequest, resources: { cpu: 4, custom: {} } }
  const hosts = hostsOf({})
  hosts.setAside('id-1', { cpu: 1, custom: {} })
  const now = balanced.choose(large, hosts.all(), draws())
  assert.ok(now.host === undefined && now.canPass)
  const larger = { ...plainRequest, resources: { cpu: 5, custom: {} } }
  const never = balanced.choose(larger, hosts.all(), draws())
  assert.ok(never.host === undefined && !never.canPass)
  const expr = expressionOf('node.load < 0.1')
  const calm = balanced.choose(asking({ expression: { expr, names: {} } }), hosts.all(), draws())
  assert.ok(calm.host === undefined && calm.canPass)
  const nobody = balanced.choose(plainRequest, [], draws())
  assert.ok(nobody.host === undefined && !nobody.canPass && nobody.refusedFor === 0)
})

test('in a mesh of a thousand, the one host that fits is found', () => {
  const many = Array.from({ length: 1_000 }, (_, i) => (i === 777 ? { cores: 64 } : {}))
  const large = { ...plainRequest, resources: { cpu: 32, custom: {} } }
  assert.equal(chosen(balanced, large, ...many), 'n778')
  const wish = asking({ prefer: [{ label: 'zone', value: 'z' }] })
  const zoned = many.map((each, i) => (i === 500 ? { labels: { zone: 'z' } } : each))
  assert.equal(chosen(balanced, wish, ...zoned), 'n501')
})

test('every reason against a host is told in plain words with figures', () => {
  const hosts = hostsOf({
    labels: { zone: 'a' },
    drained: { by: 'ann', reason: 'repairs' },
    features: [],
    noSandbox: 'there is no bwrap',
    noSecretFiles: 'there is no place in memory',
    custom: { gpu: 1 },
  })
  hosts.setAside('id-1', { cpu: 3, memoryBytes: 6 * 2 ** 30, custom: { gpu: 1 } })
  const asked: PlacementRequest = {
    ...asking({
      labels: [
        { label: 'zone', in: ['b', 'c'] },
        { label: 'disk', exists: true },
      ],
      hosts: ['n7'],
      expression: { expr: expressionOf('node.cpu > 8.0'), names: {} },
    }),
    resources: {
      cpu: 2,
      memoryBytes: 4 * 2 ** 30,
      diskBytes: 2 ** 40,
      custom: { gpu: 1, fpga: 1 },
    },
    features: ['container', 'sandbox', 'secrets as files'],
    affinity: { nodes: ['id-2'], required: true },
  }
  const [verdict] = balanced.explain(asked, hosts.all())
  assert.deepEqual(
    verdict!.refusals.map(({ message }) => message),
    [
      'it is drained by ann: repairs',
      'it is not "n7"',
      'its label zone is "a", and "b" or "c" is asked for',
      'it has no label disk, and must have it',
      'node.cpu > 8.0 is false there',
      'it offers no container',
      'it offers no sandbox: there is no bwrap',
      'it offers no secrets as files: there is no place in memory',
      'the stages that it must be with have run elsewhere',
      'its disk has 100 GiB, and 1 TiB are asked for',
      'it has 0 fpga, and 1 are asked for',
      '1 of its 4 cores are free, and 2 are asked for',
      '2 GiB of its 8 GiB of memory are free, and 4 GiB are asked for',
      '0 of its 1 gpu are free, and 1 are asked for',
    ],
  )
})

test('an expression that has no value on a host says why', () => {
  const expr = expressionOf('int(node.labels.rack) > 3')
  const hosts = hostsOf({ labels: {} }).all()
  const [verdict] = balanced.explain(asking({ expression: { expr, names: {} } }), hosts)
  assert.equal(verdict!.refusals[0]!.code, 'expressionFailed')
  assert.match(verdict!.refusals[0]!.message, /has no value there: there is no field rack/)
})

test('a host that has not told what it is gets nothing, and nothing is held against it', () => {
  const asked = { ...asking({ labels: [{ label: 'zone', in: ['a'] }] }), features: ['container'] }
  const [verdict] = balanced.explain(asked, hostsOf({ isKnown: false, labels: {} }).all())
  assert.deepEqual(
    verdict!.refusals.map(({ code }) => code),
    ['unknown'],
  )
  assert.equal(plainHost.isKnown, true)
})
