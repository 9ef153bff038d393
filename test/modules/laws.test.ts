/**
 * Random graphs, random failures, random commands. What must hold of every single call is checked
 * by the stage as it is made; here, what must hold of the states on the way and at the end.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../../agent/modules/limits.ts'
import { startOrder } from '../../agent/modules/order.ts'
import { graphShapes, type Shape } from './shapes.ts'
import { Stage, type Start, type Stop } from './stage.ts'

const starts = fc.array(
  fc.constantFrom<Start>('ok', 'ok', 'throws', 'slow', 'deaf', 'failsInside'),
  { maxLength: 4 },
)
const stops = fc.array(fc.constantFrom<Stop>('ok', 'ok', 'throws', 'deaf'), { maxLength: 4 })

type Deed = { deed: 'fail' | 'start' | 'stop' | 'wake'; whom: number; thenMs: number }
const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.record({
    deed: fc.constantFrom(
      'fail' as const,
      'fail' as const,
      'start' as const,
      'stop' as const,
      'wake' as const,
    ),
    whom: fc.nat(),
    thenMs: fc.constantFrom(0, 0, 1, 400, 6_000, 40_000),
  }),
  { maxLength: 12 },
)

const plays = fc.record({
  shape: graphShapes,
  behaviour: fc.array(fc.record({ starts, stops }), { minLength: 8, maxLength: 8 }),
  deeds,
  chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
})

function stageOf(
  shape: Shape[],
  behaviour: { starts: Start[]; stops: Stop[] }[],
  chance: number,
): Stage {
  return new Stage(
    shape.map((spec, i) => ({ ...spec, ...behaviour[i] })),
    chance,
  )
}

async function perform(stage: Stage, script: Deed[]): Promise<void> {
  const actors = [...stage.actors.values()]
  void stage.graph.startAll()
  await stage.clock.advance(1)
  for (const { deed, whom, thenMs } of script) {
    const actor = actors[whom % actors.length]!
    if (deed === 'fail') actor.fail(`${actor.name} broke down`)
    else if (deed === 'wake') actor.wake()
    else void stage.graph[deed](actor.name)
    await stage.clock.advance(thenMs)
    stage.check()
  }
}

/** Time for every deadline, and then some. */
const longMs = 200 * (limits.startDeadlineMs + limits.stopDeadlineMs + limits.restartMostMs)

async function heal(stage: Stage): Promise<void> {
  // Deaf calls may follow one another: each gets its wake-up.
  for (let round = 0; round < 12; round++) {
    for (const actor of stage.actors.values()) actor.wake()
    await stage.clock.advance(longMs / 12)
  }
}

test('whatever fails and is commanded: once all is well again, all that is wanted is ready', async () => {
  await fc.assert(
    fc.asyncProperty(plays, async ({ shape, behaviour, deeds, chance }) => {
      const stage = stageOf(shape, behaviour, chance)
      await perform(stage, deeds)
      await heal(stage)
      for (const actor of stage.actors.values()) {
        const started = stage.graph.start(actor.name)
        await heal(stage)
        await started
      }
      for (const name of stage.actors.keys()) assert.equal(stage.state(name), 'ready')
      stage.check()
    }),
    { numRuns: 150 },
  )
})

test('whatever fails and is commanded: stopping everything ends, leaves nothing running, and is final', async () => {
  await fc.assert(
    fc.asyncProperty(plays, async ({ shape, behaviour, deeds, chance }) => {
      const stage = stageOf(shape, behaviour, chance)
      await perform(stage, deeds)
      stage.closed = true
      let ended = false
      void stage.graph.stopAll().then(() => (ended = true))
      await stage.clock.advance(longMs)
      assert.ok(ended)
      await heal(stage)
      for (const actor of stage.actors.values())
        assert.ok(!actor.started, `${actor.name} was stopped`)
      assert.equal(stage.clock.pending, 0, 'no timer outlives the graph')
      stage.check()
    }),
    { numRuns: 150 },
  )
})

test('when nothing goes wrong, parts start in the one order and stop in its reverse', async () => {
  await fc.assert(
    fc.asyncProperty(graphShapes, async (shape) => {
      const stage = new Stage(shape)
      await stage.graph.startAll()
      const order = startOrder(shape).map((spec) => spec.name)
      assert.deepEqual(
        stage.calls,
        order.map((name) => `start ${name}`),
      )
      await stage.graph.stopAll()
      assert.deepEqual(
        stage.calls.slice(order.length),
        order.toReversed().map((name) => `stop ${name}`),
      )
    }),
  )
})

test('one part that fails at run time leaves every part that does not need it ready', async () => {
  await fc.assert(
    fc.asyncProperty(graphShapes, fc.nat(), async (shape, pick) => {
      const stage = new Stage(shape)
      await stage.graph.startAll()
      const victim = shape[pick % shape.length]!.name
      stage.actor(victim).fail('it is gone')
      await stage.clock.advance(0)
      const touched = dependantsOf(victim, shape)
      for (const { name } of shape) {
        const expected =
          name === victim
            ? 'failed: it is gone'
            : touched.has(name)
              ? `degraded: ${victim} has failed`
              : 'ready'
        assert.equal(stage.state(name), expected)
      }
    }),
  )
})

/** Dumb on purpose: grows the set until it grows no more. */
function dependantsOf(victim: string, shape: Shape[]): Set<string> {
  const found = new Set([victim])
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const { name, needs } of shape) if (needs.some((need) => found.has(need))) found.add(name)
  }
  found.delete(victim)
  return found
}
