/** Looks after attempts that run: how often each is looked at, and how many in one go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Held, newHeld } from '../../agent/work/held.ts'
import type { AttemptLife } from '../../agent/work/life.ts'
import { deskLimits } from '../../agent/work/limits.ts'
import { Looking } from '../../agent/work/looking.ts'
import { World } from '../../simulations/world/world.ts'

interface Looked {
  /** Of each attempt, when it was looked at. */
  at: Map<Held, number[]>
  told: number
  begin(): void
  world: World
}

function lookingAt(count: number): Looked {
  const world = new World({ seed: 'looks' })
  const at = new Map<Held, number[]>()
  const looked: Looked = { at, told: 0, begin: () => {}, world }
  world.addHost('agent').boot(({ clock }) => {
    for (let i = 0; i < count; i++) {
      const id = { run: 'r', stage: `s${i}`, attempt: 1 }
      const held = newHeld(id, { term: 1, index: i }, `a${i}`, 0, { stage: 'begun' })
      const look = (): Promise<boolean> => {
        at.get(held)?.push(clock.now())
        return Promise.resolve(true)
      }
      held.life = { running: true, isKilled: false, news: {}, look } as AttemptLife
      at.set(held, [])
    }
    const reports = {
      say: () => {
        looked.told++
      },
    }
    const looking = new Looking(clock, { all: () => at.keys() }, reports)
    looked.begin = () => looking.begin()
    looking.begin()
  })
  return looked
}

for (const count of [1, 20, 1_000]) {
  test(`of ${count} attempts each is looked at once a second, and never many in one go`, async () => {
    const looked = lookingAt(count)
    await looked.world.runFor(10.9 * deskLimits.lookMs)
    const times = [...looked.at.values()]
    assert.deepEqual(new Set(times.map(({ length }) => length)), new Set([10]))
    const goes = new Map<number, number>()
    for (const time of times.flat()) goes.set(time, (goes.get(time) ?? 0) + 1)
    assert.ok(Math.max(...goes.values()) <= Math.max(deskLimits.looksAtOnce, count / 25))
    assert.equal(looked.told, 10 * count)
  })
}

test('one that is being killed is not looked at', async () => {
  const looked = lookingAt(2)
  await looked.world.runFor(0.9 * deskLimits.lookMs)
  const [killed, other] = [...looked.at.keys()]
  killed!.life = { ...killed!.life!, isKilled: true } as AttemptLife
  await looked.world.runFor(2 * deskLimits.lookMs)
  assert.deepEqual(looked.at.get(killed!), [])
  assert.equal(looked.at.get(other!)?.length, 2)
})

test('one that ends before its turn is not looked at, and when none is left there is no look any more', async () => {
  const looked = lookingAt(20)
  const isAny = (): boolean => [...looked.at.values()].some((times) => times.length > 0)
  assert.ok(await looked.world.runUntil(isAny, 2 * deskLimits.lookMs))
  const all = [...looked.at.keys()]
  const seen = all.filter((held) => looked.at.get(held)?.length === 1)
  assert.equal(seen.length, deskLimits.looksAtOnce)
  for (const held of all) held.stage = 'over'
  await looked.world.runFor(10 * deskLimits.lookMs)
  assert.equal([...looked.at.values()].flat().length, deskLimits.looksAtOnce)
  for (const held of all) held.stage = 'begun'
  await looked.world.runFor(10 * deskLimits.lookMs)
  assert.equal([...looked.at.values()].flat().length, deskLimits.looksAtOnce, 'nobody looks')
  looked.begin()
  await looked.world.runFor(1.9 * deskLimits.lookMs)
  assert.equal([...looked.at.values()].flat().length, deskLimits.looksAtOnce + all.length)
})
