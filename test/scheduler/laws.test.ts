import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { WorkTimes } from '../../coordinator/scheduler/core/core.ts'
import type { LedgerEvent, UnitChange } from '../../protocol/ledger/events.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import type { ConcurrencyPolicy, Workflow } from '../../protocol/workflow/model.ts'
import { chance, type Fate, fails, host, Mesh, succeeds } from './mesh.ts'
import { foretell } from './oracle.ts'
import { childText, type Drawn, drawWorkflow } from './random-workflow.ts'

interface Weather {
  readonly seed: number
  readonly size: number
  readonly runs: number
  readonly troubles: number
  /** It is known what work takes, and some takes far longer. */
  readonly isRaced: boolean
}

/** That much is known of it, and little is late. */
const times: WorkTimes = {
  of: () => ({ range: { p10: 100, p50: 200, p90: 400, n: 40 }, byHost: new Map() }),
}

const weather = fc.record({
  seed: fc.integer(),
  size: fc.integer({ min: 1, max: 12 }),
  runs: fc.integer({ min: 1, max: 4 }),
  troubles: fc.integer({ min: 0, max: 12 }),
  isRaced: fc.boolean(),
})

/**
 * One history: runs of a drawn workflow, in bad weather. Returns the mesh when all runs are over.
 * Those of a group are stopped each at a time of its own, half of them while they are let in.
 */
function history(
  { seed, size, runs, troubles, isRaced }: Weather,
  isCancelled: boolean,
  policy?: ConcurrencyPolicy,
) {
  const draw = chance(seed)
  const drawn = drawWorkflow(draw, size)
  const byName = new Map(drawn.stages.map((each) => [each.name, each]))
  const lossy = draw() < 0.5 ? 0.1 : 0
  const mesh: Mesh = new Mesh({
    seed,
    commitMs: Math.floor(draw() * 8),
    hosts: ['a', 'b', 'c'].map((id) => host(id, { attemptsMax: 1 + Math.floor(draw() * 4) })),
    fates: (assignment) => {
      const fate = fateOf(mesh, byName, assignment, draw)
      return isRaced && draw() < 0.3
        ? { ...fate, afterMs: 2_000 + Math.floor(draw() * 6_000) }
        : fate
    },
    ...(isRaced ? { times, isNew: true } : {}),
    loses: () => lossy > 0 && draw() < lossy,
  })
  mesh.publish(childText)
  const put = mesh.put(drawn.text)
  const started: string[] = []
  for (let i = 0; i < runs; i++) {
    mesh.after(Math.floor(draw() * 200), () => {
      if (policy === undefined) {
        started.push(mesh.start(put))
        return
      }
      const run = mesh.start(put, {}, { group: { key: 'k', limit: 1 + (seed & 1), policy } })
      started.push(run)
      const withinMs = draw() < 0.5 ? 16 : 3_000
      mesh.after(Math.floor(draw() * withinMs), () => stop(mesh, run, draw))
    })
  }
  const people = () => {
    for (const run of started) vote(mesh, run, byName)
    mesh.after(100, people)
  }
  people()
  for (let i = 0; i < troubles; i++) trouble(mesh, draw)
  if (isCancelled) {
    mesh.after(Math.floor(draw() * 3_000), () => {
      for (const run of started) stop(mesh, run, draw)
    })
  }
  mesh.run(600_000, () => started.length === runs && mesh.isAtRest())
  return { mesh, drawn, put, started }
}

function stop(mesh: Mesh, run: string, draw: () => number): void {
  mesh.stop(run, draw() < 0.3 ? 'runKill' : 'runCancel')
}

/** How often it has failed is in the ledger: what an attempt comes to depends on nothing else. */
function fateOf(
  mesh: Mesh,
  byName: ReadonlyMap<string, Drawn>,
  { id, step }: Assignment,
  draw: () => number,
): Fate {
  const afterMs = 1 + Math.floor(draw() * 400)
  if (draw() < 0.05) return { ...succeeds(), declines: draw() < 0.5 ? 'busy' : 'stopping' }
  if (step.kind === 'program' && step.value.argv[0] === 'child') {
    return step.value.argv[1] === 'good'
      ? succeeds({}, afterMs)
      : fails('bug', 'bad child', afterMs)
  }
  const { fates } = byName.get(id.stage)!
  const fate = fates[id.item ?? 0]!
  const failures = mesh.unit(id.run, id.stage, id.item)?.failures.transient ?? 0
  if (failures < fate.failures) return fails('transient', 'not yet', afterMs)
  return fate.end === 'succeeded' ? succeeds({ v: id.stage }, afterMs) : fails('bug', 'no', afterMs)
}

function vote(mesh: Mesh, run: string, byName: ReadonlyMap<string, Drawn>): void {
  for (const { stage, state, waitsFor } of mesh.view(run).units) {
    if (state !== 'waiting' || waitsFor !== 'approval') continue
    mesh.vote(run, stage, 'bob', byName.get(stage)!.approves !== false)
  }
}

function trouble(mesh: Mesh, draw: () => number): void {
  const atMs = Math.floor(draw() * 4_000)
  if (draw() < 0.5) {
    mesh.after(atMs, () => mesh.changeLeader(Math.floor(draw() * 3)))
    return
  }
  const node = ['a', 'b', 'c'][Math.floor(draw() * 3)]!
  const isCutOff = draw() < 0.3
  mesh.after(atMs, () => {
    if (isCutOff) {
      // It lives, and nobody hears it for a while.
      mesh.scheduler.hosts([host(node, { state: 'dead' })])
      mesh.scheduler.lostHost(node, mesh.nowMs)
      mesh.pump()
    } else mesh.killHost(node)
    mesh.after(200 + Math.floor(draw() * 2_000), () => mesh.reviveHost(node))
  })
}

/** What holds of every history, whatever happens in it. */
function checkEvents(
  events: readonly LedgerEvent[],
  workflows: ReadonlyMap<string, Workflow>,
): void {
  const units = new Map<string, string>()
  const runs = new Map<string, string>()
  const atWork = new Map<string, ReadonlyMap<number, string>>()
  const over = new Set(['succeeded', 'failed', 'skipped', 'cancelled'])
  for (const { change } of events) {
    if (change.kind === 'runChanged') {
      assert.ok(!over.has(runs.get(change.run) ?? ''), `${change.run} had ended`)
      runs.set(change.run, change.state)
    }
    if (change.kind !== 'unitChanged') continue
    const { run, stage, item, state } = change
    const place = item === undefined ? `${run}/${stage}` : `${run}/${stage}/${item}`
    checkAtWork(atWork, place, change)
    const before = units.get(place)
    assert.ok(!over.has(before ?? ''), `${place} had ended as ${before}, and is ${state}`)
    assert.ok(!over.has(runs.get(run) ?? ''), `${place} is ${state} after the end of its run`)
    units.set(place, state)
    const begins = before === undefined && state !== 'cancelled'
    const known = workflows.get(run)?.stages.find(({ name }) => name === stage)
    if (!begins || known === undefined) continue
    for (const need of known.needs) {
      assert.ok(
        over.has(units.get(`${run}/${need}`) ?? ''),
        `${place} began before ${need} was over`,
      )
    }
  }
}

/** One attempt of a unit, or two in a race, on two hosts. */
function checkAtWork(
  atWork: Map<string, ReadonlyMap<number, string>>,
  place: string,
  { state, attempt, node = '', race }: UnitChange,
): void {
  const own = new Map(atWork.get(place))
  if (race === 'left') {
    assert.ok(own.size === 2 && own.delete(attempt), `${place}: ${attempt} leaves a race`)
  } else if (state === 'assigned') {
    assert.equal(own.size, race === 'joined' ? 1 : 0, `${place}: ${attempt} is assigned`)
    assert.ok(![...own.values()].includes(node), `${place}: both are at ${node}`)
    own.set(attempt, node)
  } else own.clear()
  atWork.set(place, own)
}

function runsOf(put: { workflow: Workflow }, started: readonly string[]) {
  return new Map(started.map((run) => [run, put.workflow]))
}

test('every run ends as a plain walk through its workflow says, in any weather', () => {
  const races = { joined: 0, left: 0 }
  fc.assert(
    fc.property(weather, (drawnWeather) => {
      const { mesh, drawn, put, started } = history(drawnWeather, false)
      const expected = foretell(drawn)
      assert.equal(started.length, drawnWeather.runs)
      for (const run of started) {
        assert.equal(mesh.state(run), expected.state, run)
        assert.deepEqual(mesh.states(run), sorted(expected.stages))
      }
      assert.deepEqual(mesh.rejected, [])
      checkEvents(mesh.replica.events, runsOf(put, started))
      for (const { change } of mesh.replica.events) {
        if (change.kind === 'unitChanged' && change.race) races[change.race]++
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(races.joined > 30 && races.left > 10, JSON.stringify(races))
})

test('a run that is stopped at any moment ends, and nothing of it changes afterwards', () => {
  fc.assert(
    fc.property(weather, (drawnWeather) => {
      const { mesh, put, started } = history(drawnWeather, true)
      for (const run of started) {
        const { head, units } = mesh.view(run)
        assert.ok(head.state !== 'running' && head.state !== 'queued', `${run} ends`)
        assert.ok(units.every(({ state }) => state !== 'assigned'))
      }
      checkEvents(mesh.replica.events, runsOf(put, started))
    }),
    { numRuns: 150 },
  )
})

test('a run of a group begins when the ledger has let it in, and ends whole, whenever it is stopped', () => {
  const policy = fc.constantFrom<ConcurrencyPolicy[]>(
    'queue',
    'cancelRunning',
    'cancelNewest',
    'roundRobin',
  )
  let overtaken = 0
  fc.assert(
    fc.property(weather, policy, (drawnWeather, drawnPolicy) => {
      const { mesh, put, started } = history(drawnWeather, false, drawnPolicy)
      const { events } = mesh.replica
      const letIn = new Set<string>()
      for (const { change } of events) {
        if (change.kind === 'runChanged' && change.state === 'running') letIn.add(change.run)
        if (change.kind === 'unitChanged' && started.includes(change.run)) {
          assert.ok(letIn.has(change.run), `${change.run}/${change.stage} before it was let in`)
        }
      }
      if (mesh.drops.some(({ code }) => code === 'stopping')) overtaken++
      const ordinary = put.workflow.stages.filter(
        ({ section, role }) => section === 'stages' && role === 'ordinary',
      )
      for (const run of started) {
        const { head, units } = mesh.view(run)
        assert.ok(head.state !== 'running' && head.state !== 'queued', `${run} ends`)
        if (head.stop === 'kill' || !letIn.has(run)) continue
        const said = new Set(units.map(({ stage }) => stage))
        for (const { name } of ordinary) assert.ok(said.has(name), `${run}/${name} did not end`)
      }
      checkEvents(events, runsOf(put, started))
    }),
    { numRuns: 150 },
  )
  assert.ok(overtaken > 5, `${overtaken} stops came before what they stopped`)
})

test('the same inputs give the same turns', () => {
  fc.assert(
    fc.property(weather, (drawnWeather) => {
      const bytes = () =>
        history(drawnWeather, false).mesh.replica.payloads.map((each) =>
          Buffer.from(each).toString('base64'),
        )
      assert.deepEqual(bytes(), bytes())
    }),
    { numRuns: 20 },
  )
})

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
