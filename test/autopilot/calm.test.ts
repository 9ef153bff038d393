/** When a leader may leave who votes as it is without looking at all of it again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Calm, VOTING_KEY } from '../../coordinator/autopilot/calm.ts'
import { autopilotLimits, calmMs } from '../../coordinator/autopilot/limits.ts'
import { type Candidate, nextStep } from '../../coordinator/autopilot/plan.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { LedgerRecord } from '../../protocol/membership/digest.ts'
import type { MemberState } from '../../protocol/membership/roster.ts'
import { put, Replica } from '../ledger/stage.ts'

const idOf = (n: number) => `peer-${n}` as PeerId
const lastIndex = 10_000

function recordOf(n: number): LedgerRecord {
  const where = { storage: n, term: 1, commit: 1, applied: 1, digest: '', supports: 1 }
  return { ...where, leads: false, votes: true, stopped: false }
}

/** Three voters, the first of which leads and looks. */
class Mesh {
  nowMs = 60_000
  config: Config = {
    voters: [1, 2, 3].map((n) => ({ id: idOf(n), storage: n })),
    outgoing: [],
    learners: [],
  }
  readonly replica = new Replica()
  readonly revoked = new Set<PeerId>()
  others = [2, 3].map((n) => ({
    id: idOf(n),
    state: 'alive' as MemberState,
    digest: { ledger: recordOf(n) },
  }))
  readonly calm = new Calm(
    {
      self: idOf(1),
      nowMs: () => this.nowMs,
      others: () => this.others,
      isRevoked: (peer) => this.revoked.has(peer),
      state: () => this.replica.state,
    },
    autopilotLimits,
    calmMs,
  )

  /** Looks at all of it; of the second host as told. */
  look(change: Partial<Candidate> = {}): void {
    const candidates = [1, 2, 3].map((n): Candidate => {
      const usual = { stateAgeMs: 60_000, silentMs: 0, barred: false, revoked: false }
      const known = { id: idOf(n), state: 'alive' as const, storage: n, coordinator: true }
      return { ...usual, ...known, match: lastIndex, ...(n === 2 ? change : {}) }
    })
    const step = nextStep(this.config, candidates, lastIndex, autopilotLimits)
    this.calm.looked({ config: this.config, lastIndex }, candidates, step === undefined)
  }

  get lasts(): boolean {
    return this.calm.lasts(this.config)
  }
}

test('where all is as it was, all of it is looked at again only after a while', () => {
  const mesh = new Mesh()
  assert.ok(!mesh.lasts, 'nothing was looked at yet')
  mesh.look()
  mesh.nowMs += calmMs - 1
  mesh.replica.do(put('unlike'))
  assert.ok(mesh.lasts)
  mesh.nowMs++
  assert.ok(!mesh.lasts)
})

test('whatever decides who should vote ends the calm at once', () => {
  const changes: Record<string, (mesh: Mesh) => void> = {
    'a host is suspected': (mesh) => Object.assign(mesh.others[0] ?? {}, { state: 'suspect' }),
    'a host is gone': (mesh) => mesh.others.pop(),
    'a host has come': (mesh) => {
      const [host] = mesh.others
      if (host) mesh.others.push({ ...host, id: idOf(4) })
    },
    'a host has another disk': (mesh) => {
      Object.assign(mesh.others[1] ?? {}, { digest: { ledger: recordOf(9) } })
    },
    'the ledger of a host has stopped': (mesh) => {
      const ledger = { ...recordOf(3), stopped: true }
      Object.assign(mesh.others[1] ?? {}, { digest: { ledger } })
    },
    'a host was revoked': (mesh) => mesh.revoked.add(idOf(3)),
    'this host was revoked': (mesh) => mesh.revoked.add(idOf(1)),
    'others vote': (mesh) => {
      mesh.config = { ...mesh.config, voters: mesh.config.voters.slice(1) }
    },
    'an operator bars a host': (mesh) => {
      const value = { key: `${VOTING_KEY}${idOf(2)}`, value: 'never' }
      mesh.replica.do({ kind: 'configSet', value })
    },
  }
  for (const [what, change] of Object.entries(changes)) {
    const mesh = new Mesh()
    mesh.look()
    assert.ok(mesh.lasts)
    change(mesh)
    assert.ok(!mesh.lasts, what)
  }
})

test('there is no calm while time alone may change what is to be done, or something was to be done', () => {
  const unsteady: Partial<Candidate>[] = [
    { state: 'dead' },
    { stateAgeMs: autopilotLimits.steadyMs - 1 },
    { silentMs: autopilotLimits.goneMs - calmMs },
    { storage: undefined },
    { coordinator: undefined },
    { match: 0 },
    { barred: true },
  ]
  for (const change of unsteady) {
    const mesh = new Mesh()
    mesh.look(change)
    assert.ok(!mesh.lasts, JSON.stringify(change))
  }
})
