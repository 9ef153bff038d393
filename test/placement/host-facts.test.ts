/** Hosts out of membership and ledger. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostsSeen, type KnownMember } from '../../coordinator/placement/host-facts.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { LoadRecord } from '../../protocol/membership/digest.ts'

const load: LoadRecord = {
  cpuPermille: 250,
  cores: 4,
  memoryTotalBytes: 8_000,
  memoryUsedBytes: 2_000,
  diskTotalBytes: 100,
  diskAvailableBytes: 40,
  receivedBytesPerSecond: 0,
  sentBytesPerSecond: 0,
  agentResidentBytes: 0,
  loopLagMicros: 0,
}

function member(labels: Record<string, string>, over: Partial<KnownMember> = {}): KnownMember {
  return {
    id: 'peer-1',
    state: 'alive',
    profile: {
      owner: 'peer-1' as PeerId,
      name: 'n1',
      addresses: [],
      labels,
      agentVersion: '1.2.3',
      platform: 'linux-x64',
      cores: 4,
      memoryBytes: 8_000,
      incarnation: 1,
    },
    digest: { agentVersion: '1.2.3', intervalMs: 1_000, load, runningAttempts: 3 },
    digestAgeMs: 700,
    ...over,
  }
}

const seen = (one: KnownMember, orders: Parameters<typeof hostsSeen>[1] = []) =>
  hostsSeen([one], orders).all()[0]!

test('a host is what its profile, its digest and its label say', () => {
  const labels = {
    zone: 'a',
    'resource/gpu': '2',
    'feature/container': 'podman',
    'limit/attempts': '9',
  }
  const host = seen(member(labels))
  assert.equal(host.name, 'n1')
  assert.deepEqual([host.os, host.arch], ['linux', 'x64'])
  assert.deepEqual(host.labels, { os: 'linux', arch: 'x64', ...labels })
  assert.deepEqual([host.cores, host.memoryBytes, host.attemptsMax], [4, 8_000, 9])
  assert.deepEqual(host.disk, { totalBytes: 100, availableBytes: 40 })
  assert.deepEqual(host.custom, { gpu: 2 })
  assert.deepEqual(host.features, ['container'])
  assert.deepEqual(host.load, { cpu: 0.25, memory: 0.25, ageMs: 700, intervalMs: 1_000 })
  assert.equal(host.setAside.attempts, 3)
})

test('what operators have said in the ledger lies over what the node says', () => {
  const orders = [
    { node: 'peer-1', labels: { zone: 'b', os: 'other' }, drained: { by: 'ann', reason: 'disk' } },
    { node: 'unheard-of', labels: {} },
  ]
  const host = seen(member({ zone: 'a', rack: '1' }), orders)
  assert.deepEqual(host.labels, { os: 'other', arch: 'x64', zone: 'b', rack: '1' })
  assert.deepEqual(host.drained, { by: 'ann', reason: 'disk' })
})

test('of a member without a profile nothing is believed', () => {
  const { profile: _, ...rest } = member({})
  const host = seen({ ...rest, digest: { ...rest.digest, runningAttempts: 2 ** 50 } })
  assert.equal(host.isKnown, false)
  assert.equal(host.name, 'peer-1'.slice(-8))
  assert.equal(host.setAside.attempts, host.attemptsMax, 'a rumour is not counted beyond the limit')
})

test('a label that is no number, or says no, gives nothing', () => {
  const host = seen(
    member({ 'resource/gpu': 'many', 'feature/container': 'no', 'limit/attempts': '-1' }),
  )
  assert.deepEqual(host.custom, {})
  assert.deepEqual(host.features, [])
  assert.ok(host.attemptsMax > 9)
  assert.equal(seen(member({})).features, undefined)
})
