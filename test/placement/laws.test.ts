/** What holds of every policy, whatever is asked for and whatever hosts there are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { check, checkAll, codesIn } from '../../coordinator/placement/eligibility.ts'
import type { HostView } from '../../coordinator/placement/host-view.ts'
import { Hosts } from '../../coordinator/placement/hosts.ts'
import { policies } from '../../coordinator/placement/policies.ts'
import type { LabelDemand, PlacementRequest } from '../../coordinator/placement/policy.ts'
import { refusalsOf } from '../../coordinator/placement/refusals.ts'
import { draws, hostList, hostsOf, request, resources } from './arbitraries.ts'

for (const policy of policies) {
  test(`${policy.name} never chooses a host that refuses, and chooses one whenever there is one`, () => {
    fc.assert(
      fc.property(request, hostList, fc.nat(), (asked, hosts, seed) => {
        const choice = policy.choose(asked, hosts, draws(seed))
        const free = hosts.filter((host) => accepts(asked, host))
        if (choice.host === undefined) assert.equal(free.length, 0)
        else assert.ok(free.includes(choice.host))
      }),
      { numRuns: 400 },
    )
  })

  test(`${policy.name} chooses what its own explanation puts first`, () => {
    fc.assert(
      fc.property(request, hostList, fc.nat(), (asked, hosts, seed) => {
        const { host } = policy.choose(asked, hosts, draws(seed))
        const verdicts = policy.explain(asked, hosts)
        assert.equal(verdicts.length, hosts.length)
        if (host === undefined) return assert.ok(verdicts.every((each) => each.refusals.length > 0))
        const chosen = verdicts.find((each) => each.host.id === host.id)
        assert.equal(chosen?.score, verdicts[0]!.score)
        for (const { refusals, reasons } of verdicts) {
          assert.equal(refusals.length === 0, reasons.length > 0)
        }
      }),
      { numRuns: 300 },
    )
  })
}

test('an explanation lists every kind of reason that the quick check knows, and no other', () => {
  fc.assert(
    fc.property(request, hostList, (asked, hosts) => {
      for (const host of hosts) {
        const told = refusalsOf(asked, host)
        const codes = new Set(told.map(({ code }) => code))
        assert.deepEqual([...codes], codesIn(checkAll(asked, host)))
        assert.equal(told.length === 0, check(asked, host) === 0)
        assert.ok(told.every(({ message }) => message.length > 0))
      }
    }),
    { numRuns: 500 },
  )
})

test('whoever removes all that an explanation names is accepted', () => {
  fc.assert(
    fc.property(request, hostList, (asked, hosts) => {
      for (const host of hosts) {
        const codes: readonly string[] = refusalsOf(asked, host).map(({ code }) => code)
        // What a host is that has told nothing, nobody can name.
        if (codes.includes('unknown')) continue
        const mended = without(asked, codes)
        const better = repaired(host, codes)
        assert.equal(check(mended, better), 0, JSON.stringify(codes))
      }
    }),
    { numRuns: 500 },
  )
})

test('what is set aside is what attempts took that have not given it back', () => {
  const step = fc.record({ host: fc.integer({ min: 1, max: 3 }), resources, gives: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const hosts = hostsOf({}, {}, {})
      const open: (typeof steps)[number][] = []
      for (const one of steps) {
        if (one.gives && open.length > 0) {
          const back = open.shift()!
          hosts.release(`id-${back.host}`, back.resources)
        } else {
          hosts.setAside(`id-${one.host}`, one.resources)
          open.push(one)
        }
      }
      const anew = hostsOf({}, {}, {})
      for (const one of open) anew.setAside(`id-${one.host}`, one.resources)
      for (const { id, setAside } of hosts.all()) {
        const { cpu, ...exact } = setAside
        const { cpu: cpuAnew, ...exactAnew } = anew.get(id)!.setAside
        assert.deepEqual(exact, exactAnew)
        assert.ok(Math.abs(cpu - cpuAnew) < 1e-9)
      }
      for (const back of open) hosts.release(`id-${back.host}`, back.resources)
      for (const { setAside } of hosts.all()) {
        assert.deepEqual(setAside, new Hosts(hosts.all()).all()[0]!.setAside)
      }
    }),
  )
})

test('news of a host leaves what is set aside there', () => {
  const hosts = hostsOf({}, {})
  hosts.setAside('id-2', { cpu: 2, custom: { gpu: 1 } })
  hosts.update([{ ...hosts.get('id-2')!, cores: 16 }])
  assert.equal(hosts.get('id-2')!.cores, 16)
  assert.deepEqual(hosts.get('id-2')!.setAside.custom, new Map([['gpu', 1]]))
  assert.equal(hosts.get('id-2')!.setAside.cpu, 2)
})

test('what is set aside on a host counts also before anybody knows it, and after it was forgotten', () => {
  const hosts = hostsOf({})
  hosts.setAside('id-2', { cpu: 2, custom: {} })
  const facts = hostsOf({}, {}).get('id-2')!
  hosts.update([facts])
  assert.equal(hosts.get('id-2')!.setAside.attempts, 1)
  hosts.remove('id-2')
  hosts.update([facts])
  hosts.release('id-2', { cpu: 2, custom: {} })
  assert.equal(hosts.get('id-2')!.setAside.attempts, 0)
})

/** The rules again, as plain as they can be written. */
function accepts(asked: PlacementRequest, host: HostView): boolean {
  const { demands, resources: wanted, features, affinity, antiAffinity } = asked
  const { setAside } = host
  const holds = ({ label, in: wants, notIn, exists }: LabelDemand) => {
    const value = host.labels[label]
    return (
      (exists === undefined || exists === (value !== undefined)) &&
      (wants === undefined || (value !== undefined && wants.includes(value))) &&
      (notIn === undefined || value === undefined || !notIn.includes(value))
    )
  }
  // Of a sandbox and of secrets a host tells by itself, of all else by its labels.
  const offers = (feature: string) => {
    if (feature === 'sandbox') return host.noSandbox === undefined
    if (feature === 'secrets as files') return host.noSecretFiles === undefined
    return host.features === undefined || host.features.includes(feature)
  }
  return (
    host.state === 'alive' &&
    host.drained === undefined &&
    host.isKnown &&
    setAside.attempts < host.attemptsMax &&
    !asked.declined?.has(host.id) &&
    (demands.hosts.length === 0 ||
      demands.hosts.some((one) => [host.id, host.name].includes(one))) &&
    demands.labels.every(holds) &&
    features.every(offers) &&
    !(affinity?.required && affinity.nodes.length > 0 && !affinity.nodes.includes(host.id)) &&
    !(antiAffinity?.required && antiAffinity.nodes.includes(host.id)) &&
    // Who asks for nothing fits also where more is set aside than there is left.
    (wanted.cpu === undefined || wanted.cpu <= host.cores - setAside.cpu + 1e-9) &&
    (wanted.memoryBytes === undefined ||
      wanted.memoryBytes <= host.memoryBytes - setAside.memoryBytes) &&
    (wanted.diskBytes === undefined ||
      wanted.diskBytes <= host.disk!.availableBytes - setAside.diskBytes) &&
    Object.entries(wanted.custom).every(
      ([name, amount]) => amount <= (host.custom[name] ?? 0) - (setAside.custom.get(name) ?? 0),
    ) &&
    (demands.expression === undefined || checkAll(onlyExpression(asked), host) === 0)
  )
}

function onlyExpression({ demands }: PlacementRequest): PlacementRequest {
  return {
    demands: { labels: [], hosts: [], prefer: [], expression: demands.expression! },
    resources: { custom: {} },
    features: [],
  }
}

/** The request without what the host lacks. */
function without(asked: PlacementRequest, codes: readonly string[]): PlacementRequest {
  const has = (...any: string[]) => any.some((code) => codes.includes(code))
  const { demands, affinity, antiAffinity, declined, resources: wanted, ...rest } = asked
  const { expression, ...others } = demands
  const { cpu, memoryBytes, diskBytes } = wanted
  return {
    ...rest,
    demands: {
      ...others,
      labels: has('label') ? [] : demands.labels,
      hosts: has('host') ? [] : demands.hosts,
      ...(expression && !has('expression', 'expressionFailed') ? { expression } : {}),
    },
    features: has('feature') ? [] : asked.features,
    ...(affinity && !has('affinity') ? { affinity } : {}),
    ...(antiAffinity && !has('antiAffinity') ? { antiAffinity } : {}),
    ...(declined && !has('declined') ? { declined } : {}),
    resources: {
      custom: has('tooFewCustom', 'customTaken') ? {} : wanted.custom,
      ...(cpu !== undefined && !has('tooFewCores', 'coresTaken') ? { cpu } : {}),
      ...(memoryBytes !== undefined && !has('tooLittleMemory', 'memoryTaken')
        ? { memoryBytes }
        : {}),
      ...(diskBytes !== undefined && !has('tooLittleDisk', 'diskTaken') ? { diskBytes } : {}),
    },
  }
}

/** The host without what ails it. */
function repaired({ drained, ...host }: HostView, codes: readonly string[]): HostView {
  const has = (code: string) => codes.includes(code)
  return {
    ...host,
    ...(drained && !has('drained') ? { drained } : {}),
    state: has('gone') || has('suspect') ? 'alive' : host.state,
    attemptsMax: has('full') ? host.setAside.attempts + 1 : host.attemptsMax,
  }
}
