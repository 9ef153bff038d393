/** What goes to agents together, and how long a word that is in no hurry waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dispatch } from '../../coordinator/scheduler/dispatch.ts'
import { leadingLimits } from '../../coordinator/scheduler/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { World } from '../../simulations/world/world.ts'

const { committedWaitMs, committedWaitMax } = leadingLimits

const fence = { term: 1, index: 7 }

function committed(stage: string, node = 'n1') {
  return { kind: 'committed', node, id: { run: 'r', stage, attempt: 1 }, fence } as const
}

function assign(stage: string, node = 'n1') {
  const assignment: Assignment = {
    id: { run: 'r', stage, attempt: 1 },
    fence,
    step: { kind: 'program', value: { argv: ['true'] } },
    workflow: 'w',
    env: {},
    secrets: {},
    secretFiles: {},
    timeouts: {},
    resources: { custom: {} },
    artifacts: [],
    artifactsFrom: [],
  }
  return { kind: 'assign', node, assignment } as const
}

/** A dispatch, the time that it lives in, and what it has sent: to whom, and what. */
async function stage() {
  const world = new World({ seed: 'dispatch', identities: 'plain' })
  const sent: string[] = []
  const made: Dispatch[] = []
  world.addHost('leader').boot((ports) => {
    const outlet = (to: PeerId, { kind }: { readonly kind: string }) => sent.push(`${to} ${kind}`)
    made.push(new Dispatch(1, ports.clock, outlet))
  })
  await world.runFor(1)
  return { world, sent, dispatch: made[0]! }
}

test('that a result is committed goes with the next assignment for the agent', async () => {
  const { world, sent, dispatch } = await stage()
  dispatch.add(committed('a'))
  dispatch.add(committed('b', 'n2'))
  dispatch.send()
  assert.deepEqual(sent, [])
  dispatch.add(assign('c'))
  dispatch.send()
  assert.deepEqual(sent, ['n1 committed', 'n1 assign'])
  await world.runFor(2 * committedWaitMs)
  assert.deepEqual(sent.slice(2), ['n2 committed'])
})

test('nobody waits long to hear that a result is committed, and not many results wait', async () => {
  const { world, sent, dispatch } = await stage()
  for (let ms = 0; ms <= committedWaitMs; ms++) {
    dispatch.add(committed(`a${ms}`))
    dispatch.send()
    await world.runFor(1)
  }
  assert.deepEqual(sent, ['n1 committed'])
  for (let i = 0; i < committedWaitMax; i++) dispatch.add(committed(`b${i}`))
  dispatch.send()
  assert.equal(sent.length, 2)
})

test('what is committed when the turn at leading ends is said at once', async () => {
  const { sent, dispatch } = await stage()
  dispatch.add(committed('a'))
  dispatch.send()
  dispatch.end()
  assert.deepEqual(sent, ['n1 committed'])
})
