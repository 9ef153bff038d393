import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import type { UnitChange } from '../../protocol/ledger/events.ts'
import { SnapshotReader } from '../../protocol/ledger/snapshot-reader.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import { LEDGER_VERSION, type LedgerState } from '../../protocol/ledger/state.ts'
import { isUnitOver, unitStates } from '../../protocol/work/states.ts'
import { contentOf, Replica } from '../ledger/stage.ts'
import { Model } from './model.ts'
import { advanceOf, Mesh, runStart } from './stage.ts'

/**
 * Leaders who contradict each other: whatever they say comes from this, with stages so few and
 * fences so old that they meet. A fence is named by how many assignments ago it was given.
 */
interface Said {
  readonly transition: AnyTransition
  readonly fenceAgo: number
  /** True: with the attempt and the fence that the unit has, as a leader with a good memory says. */
  readonly knows: boolean
}

type Turn =
  | { kind: 'turn'; said: Said[]; newTerm: boolean; staleTerm: boolean }
  | { kind: 'vote'; stage: string; by: string; approves: boolean }
  | { kind: 'stop'; mode: 'runCancel' | 'runKill' }

const stage = fc.constantFrom('a', 'b', 'c', 'd')
const item = fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined, freq: 2 })
const after = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(stage, { maxLength: 2 }) },
)
const to = fc.constantFrom(...Object.values(unitStates), 9)
const closing = fc.boolean()
const attempt = fc.integer({ min: 1, max: 3 })
const readyMs = fc.constant(1)
const errorClass = fc.option(fc.constantFrom('bug', 'lost', 'strange'), { nil: undefined })
const child = fc.constantFrom('c1', 'c2').map(runStart)

/** Without the properties that are not said. */
function given<T extends object>(value: T): never {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as never
}

const of = <K extends AnyTransition['kind']>(
  kind: K,
  fields: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<AnyTransition> =>
  fc.record(fields).map((value) => ({ kind, value: given(value) }) as AnyTransition)

const begin = { stage, item, after, closing, readyMs }
const waitsFor = fc.integer({ min: 1, max: 7 })
const end = {
  stage,
  item,
  errorClass,
  outputs: fc.constantFrom(undefined, '{"ä":1}'),
  why: fc.constantFrom(undefined, 'so'),
}

const node = fc.constantFrom('n1', 'n2')
const record = fc.constantFrom(undefined, new Uint8Array([1, 2, 3]))

const transition = fc.oneof(
  {
    weight: 80,
    arbitrary: of('assigned', { ...begin, attempt, node }),
  },
  { weight: 60, arbitrary: of('raced', { stage, item, attempt, node }) },
  {
    weight: 40,
    arbitrary: of('fellOut', {
      stage,
      item,
      attempt,
      term: fc.constant(0),
      index: fc.constant(0),
      record,
    }),
  },
  {
    weight: 100,
    arbitrary: of('finished', {
      ...end,
      attempt,
      term: fc.constant(0),
      index: fc.constant(0),
      to: fc.constantFrom(1, 1, 4, 5, 6, 7),
      waitsFor: fc.constantFrom(undefined, undefined, 5, 6, 1),
      record,
    }),
  },
  { weight: 30, arbitrary: of('settled', { ...end, to, after }) },
  {
    weight: 50,
    arbitrary: of('waiting', { ...begin, waitsFor, count: fc.constantFrom(1, 2), errorClass }),
  },
  {
    weight: 40,
    arbitrary: of('opened', { stage, after, closing, readyMs, items: fc.constantFrom(2, 3) }),
  },
  { weight: 20, arbitrary: of('launched', { ...begin, attempt, child, waits: fc.boolean() }) },
  { weight: 10, arbitrary: of('passed', { stages: fc.array(stage, { maxLength: 3 }), to, after }) },
  { weight: 30, arbitrary: of('admitted', {}) },
  {
    weight: 3,
    arbitrary: of('stopped', {
      mode: fc.integer({ min: 0, max: 3 }),
      by: fc.constant('leader'),
      reason: fc.constant(''),
    }),
  },
  { weight: 3, arbitrary: of('ended', { to: fc.integer({ min: 1, max: 6 }), after }) },
)

const said = fc.record({
  transition,
  fenceAgo: fc.constantFrom(0, 0, 0, 1, 2),
  knows: fc.boolean(),
})

const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.oneof(
    {
      weight: 120,
      arbitrary: fc.record({
        kind: fc.constant('turn' as const),
        said: fc.array(said, { minLength: 1, maxLength: 5 }),
        newTerm: fc.constantFrom(false, false, false, true),
        staleTerm: fc.constantFrom(...Array(12).fill(false), true),
      }),
    },
    {
      weight: 30,
      arbitrary: fc.record({
        kind: fc.constant('vote' as const),
        stage,
        by: fc.constantFrom('ben', 'carl'),
        approves: fc.constantFrom(true, true, false),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('stop' as const),
        mode: fc.constantFrom('runCancel' as const, 'runKill' as const),
      }),
    },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
)

const group = { key: 'g', limit: 1, policy: 'queue' }

/** A run among quarrelling leaders, told to the model at once. */
class Quarrel {
  readonly mesh = new Mesh()
  readonly model = new Model()
  readonly fences: { term: number; index: number }[] = [{ term: 0, index: 1 }]
  readonly seen = new Map<string, number>()
  private worded: AnyTransition[] = []
  /** Of the last turn. */
  taken: AnyTransition[] = []

  constructor() {
    this.mesh.do({ kind: 'versionRaise', value: { to: LEDGER_VERSION } })
    this.mesh.start('r1', { group })
    this.take({ kind: 'admitted', value: {} })
  }

  private take(transition: AnyTransition): void {
    this.mesh.sure(transition)
    this.model.take(transition, '')
  }

  play(turn: Turn): Command {
    const command = this.commandOf(turn)
    const { mesh, model } = this
    this.taken = []
    if (turn.kind === 'turn' && turn.newTerm) mesh.term += 2
    const result = mesh.do(command)
    if (turn.kind === 'vote') model.vote(turn.stage, turn.by, turn.approves)
    if (turn.kind === 'stop' && model.state !== 'over') {
      model.stop = Math.max(model.stop, turn.mode === 'runKill' ? 2 : 1)
    }
    if (command.kind !== 'workAdvance' && command.kind !== 'workRace') return command
    if (command.value.term !== mesh.term) {
      assert.deepEqual(result, { code: 'stale', revision: mesh.term })
      return command
    }
    const dropped = new Set(result.dropped?.map(({ item: place }) => place))
    const entry = `${mesh.term}.${mesh.state.index}`
    const said: readonly AnyTransition[] = turn.kind === 'turn' ? this.worded : []
    for (const [i, each] of said.entries()) {
      const lawful = model.isLawful(each)
      assert.equal(!dropped.has(i), lawful, `${each.kind} ${JSON.stringify(each.value)}`)
      this.count(`${each.kind} ${lawful}`)
      if (!lawful) continue
      model.take(each, entry)
      this.taken.push(each)
      if (each.kind === 'assigned' || each.kind === 'raced')
        this.fences.push({ term: mesh.term, index: mesh.state.index })
    }
    return command
  }

  private count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  private commandOf(turn: Turn): Command {
    if (turn.kind === 'vote') {
      const { stage: asked, by, approves } = turn
      const value = { run: 'r1', stage: asked, by, approves, planHash: 'plan1' }
      return { kind: 'runVote', value }
    }
    if (turn.kind === 'stop')
      return { kind: turn.mode, value: { run: 'r1', by: 'eve', reason: '' } }
    const term = this.mesh.term + (turn.newTerm ? 2 : 0) - (turn.staleTerm ? 1 : 0)
    this.worded = turn.said.map((each) => this.inWords(each))
    return advanceOf(term, { run: 'r1', transitions: this.worded })
  }

  private raced(): { stage?: string; item?: number } {
    for (const [place, { rival }] of this.model.units) {
      const [stage = '', item] = place.split('/')
      if (rival !== undefined) return item === undefined ? { stage } : { stage, item: Number(item) }
    }
    return {}
  }

  /** With a fence that was given once: to this unit or to another, now or long ago. */
  private inWords({ transition: each, fenceAgo, knows }: Said): AnyTransition {
    const { kind, value: drawn } = each
    if (!('attempt' in drawn)) return each
    // There are few races: who knows of one speaks of it.
    const value = kind === 'fellOut' && knows ? { ...drawn, ...this.raced() } : drawn
    const unit = this.model.at(value.stage, value.item)
    if (kind !== 'finished' && kind !== 'fellOut') {
      const latest = unit?.attempt ?? 0
      const next = 1 + (kind === 'assigned' ? Math.max(latest, unit?.raced ?? 0) : latest)
      return knows ? ({ kind, value: { ...value, attempt: next } } as AnyTransition) : each
    }
    const one = fenceAgo > 0 && unit?.rival !== undefined ? unit.rival : unit
    const [term, index] = (one?.fence || '0.0').split('.').map(Number) as [number, number]
    const old = this.fences[Math.max(0, this.fences.length - 1 - fenceAgo)]
    const now = knows ? { attempt: one?.attempt ?? 1, term, index } : old
    return { kind, value: { ...value, ...now } } as AnyTransition
  }
}

test('whatever quarrelling leaders say, only what is lawful takes effect, and all of that does', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(turns, (all) => {
      const quarrel = new Quarrel()
      for (const turn of all) quarrel.play(turn)
      for (const [what, count] of quarrel.seen) seen.set(what, (seen.get(what) ?? 0) + count)
      const { mesh, model } = quarrel
      const view = mesh.run()
      const held = Object.fromEntries(
        view.units.map((unit) => [
          unit.item === undefined ? unit.stage : `${unit.stage}/${unit.item}`,
          [
            unitStates[unit.state],
            unit.attempt,
            fenceText(unit.fence),
            unit.raced ?? 0,
            fenceText(unit.rival?.fence),
          ],
        ]),
      )
      const expected = [...model.units].map(
        ([place, { state, attempt, fence, raced, rival }]) =>
          [place, [state, attempt, fence, raced, rival?.fence ?? '']] as const,
      )
      assert.deepEqual(held, Object.fromEntries(expected))
      assert.equal(view.head.state === 'running', model.state === 'running')
    }),
    { numRuns: 400 },
  )
  const kinds = [
    'assigned',
    'raced',
    'fellOut',
    'finished',
    'settled',
    'waiting',
    'opened',
    'launched',
    'passed',
  ]
  // What is rarest is met some 35 times: far enough from the least that no draw of luck falls below.
  for (const kind of [...kinds, 'stopped', 'ended']) {
    for (const lawful of [true, false]) {
      assert.ok((seen.get(`${kind} ${lawful}`) ?? 0) > 5, `${kind} ${lawful} is met`)
    }
  }
})

function fenceText(fence: { term: number; index: number } | undefined): string {
  return fence === undefined ? '' : `${fence.term}.${fence.index}`
}

test('a unit ends once, and is in the hands of at most one agent, or two in its one race, by what subscribers hear', () => {
  fc.assert(
    fc.property(turns, (all) => {
      const { mesh, play } = bound(new Quarrel())
      for (const turn of all) play(turn)
      const units = new Map<string, UnitChange>()
      const atWork = new Map<string, number[]>()
      const tries = new Map<string, number>()
      let isOver = false
      for (const { change } of mesh.replica.events) {
        if (change.kind === 'runChanged' && change.state !== 'running') isOver = true
        if (change.kind !== 'unitChanged') continue
        assert.ok(!isOver, 'nothing changes in a run that is over')
        const place = `${change.stage}/${change.item ?? ''}`
        const before = units.get(place)
        assert.ok(!isUnitOver(before?.state), 'an end is final')
        const own = atWork.get(place) ?? []
        const { attempt, race, state } = change
        if (race === 'left') {
          assert.ok(own.length === 2 && own.includes(attempt), 'one of two leaves')
          atWork.set(
            place,
            own.filter((each) => each !== attempt),
          )
          continue
        }
        if (state === 'assigned') {
          assert.equal(own.length, race === 'joined' ? 1 : 0)
          assert.equal(attempt, (tries.get(place) ?? 0) + 1)
          atWork.set(place, [...own, attempt])
        } else {
          if (before?.state === 'assigned') assert.ok(own.includes(attempt), 'who ends it has it')
          atWork.set(place, [])
        }
        tries.set(place, Math.max(attempt, tries.get(place) ?? 0))
        units.set(place, change)
      }
    }),
    { numRuns: 150 },
  )
})

function bound(quarrel: Quarrel): { mesh: Mesh; play: (turn: Turn) => Command } {
  return { mesh: quarrel.mesh, play: (turn) => quarrel.play(turn) }
}

test('what took effect has none when it is said again', () => {
  let again = 0
  fc.assert(
    fc.property(turns, (all) => {
      const quarrel = new Quarrel()
      for (const turn of all) {
        quarrel.play(turn)
        const before = withoutRevisions(quarrel.mesh)
        const places = quarrel.taken.flatMap(placesOf)
        if (new Set(places).size < places.length) continue
        again += places.length
        quarrel.mesh.advance(...quarrel.taken)
        assert.deepEqual(withoutRevisions(quarrel.mesh), before)
      }
    }),
    { numRuns: 100 },
  )
  assert.ok(again > 300, 'there is much to say again')
})

/** The units that it is about. */
function placesOf({ kind, value }: AnyTransition): string[] {
  if (kind === 'passed') return [...new Set(value.stages)]
  return 'stage' in value ? [`${value.stage}/${'item' in value ? value.item : ''}`] : []
}

function withoutRevisions(mesh: Mesh): unknown {
  const { units, ...rest } = mesh.run()
  return { ...rest, units: units.map(({ revision: _, ...unit }) => unit) }
}

test('two replicas come to the same state and tell the same, though one keeps restarting', () => {
  fc.assert(
    fc.property(turns, fc.integer({ min: 1, max: 7 }), (all, restartEvery) => {
      const { mesh, play } = bound(new Quarrel())
      let restless = new Replica()
      let told = 0
      const follow = () => {
        while (restless.state.index < mesh.state.index) {
          const payload = mesh.replica.payloads[restless.state.index] as Uint8Array
          const { events } = restless.apply(payload, mesh.term)
          assert.deepEqual(events, mesh.replica.events.slice(told, told + events.length))
          told += events.length
          if (restless.state.index % restartEvery === 0) {
            restless = new Replica(undefined, restored(restless.state))
          }
        }
      }
      follow()
      for (const turn of all) {
        play(turn)
        follow()
        assert.equal(digestOf(restless.state), digestOf(mesh.state))
      }
      assert.equal(told, mesh.replica.events.length)
      assert.deepEqual(contentOf(restless.state), contentOf(mesh.state))
    }),
    { numRuns: 100 },
  )
})

function restored(state: LedgerState): LedgerState {
  const reader = new SnapshotReader()
  let last: ReturnType<SnapshotReader['push']> | undefined
  for (const chunk of writeSnapshot(state, 64)) last = reader.push(chunk)
  assert.ok(last?.kind === 'complete')
  return last.state
}

test('whatever happened to a run, once it is over and archived nothing of it is left', () => {
  fc.assert(
    fc.property(turns, (all) => {
      const quarrel = new Quarrel()
      const { mesh } = quarrel
      for (const turn of all) quarrel.play(turn)
      const rest = mesh.run().units.filter(({ state }) => state === 'assigned')
      const over = rest.map(({ stage: of, item: at, attempt: n, fence, rival }): AnyTransition => {
        const to = rival === undefined ? unitStates.failed : unitStates.succeeded
        return { kind: 'finished', value: given({ stage: of, item: at, attempt: n, ...fence, to }) }
      })
      mesh.advance(...over, { kind: 'ended', value: { after: [], to: 4 } })
      for (const run of ['c1', 'c2'])
        mesh.advanceRun(run, { kind: 'ended', value: { after: [], to: 4 } })
      const result = mesh.do({ kind: 'runArchive', value: { runs: ['r1', 'c1', 'c2'] } })
      assert.equal(result.more, undefined)
      assert.deepEqual([...mesh.state.rows.entries()], [])
      assert.equal(mesh.state.bytes, 0)
    }),
    { numRuns: 100 },
  )
})
