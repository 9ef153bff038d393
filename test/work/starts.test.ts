/** Which starts of attempts go on record, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Held, newHeld } from '../../agent/work/held.ts'
import { deskLimits } from '../../agent/work/limits.ts'
import type { StartRecord } from '../../agent/work/records.ts'
import { Starts } from '../../agent/work/starts.ts'
import type { RunningStep } from '../../agent/work/steps/executor.ts'
import { World } from '../../simulations/world/world.ts'

interface Begun {
  world: World
  starts: Starts
  written: Map<string, StartRecord>
  begin(name: string, trace?: string): Held
}

async function begun(): Promise<Begun> {
  const world = new World({ seed: 'starts' })
  const written = new Map<string, StartRecord>()
  let starts: Starts | undefined
  world.addHost('agent').boot(({ clock }) => {
    starts = new Starts(clock, { started: (name, start) => written.set(name, start) })
  })
  await world.runFor(1)
  assert.ok(starts)
  const begin = (name: string, trace?: string): Held => {
    const id = { run: 'r', stage: name, attempt: 1 }
    const held = newHeld(id, { term: 1, index: 1 }, name, 0, { stage: 'begun' })
    starts?.add(held, name, (trace === undefined ? {} : { trace }) as RunningStep)
    return held
  }
  return { world, starts, written, begin }
}

const { startedWaitMs } = deskLimits

test('of those that run for a moment it is written when they have started, and of no others', async () => {
  const { world, written, begin } = await begun()
  begin('long', 'trace of long')
  begin('without')
  begin('quick', 'trace of quick').stage = 'ending'
  await world.runFor(1.5 * startedWaitMs)
  begin('later', 'trace of later')
  assert.deepEqual([...written], [])
  await world.runFor(0.8 * startedWaitMs)
  assert.deepEqual([...written.keys()], ['long'])
  await world.runFor(startedWaitMs)
  assert.deepEqual([...written.keys()], ['long', 'later'])
  const [long, later] = [...written.values()]
  assert.equal(long?.trace, 'trace of long')
  assert.equal(Math.round(later!.startedAtMs - long!.startedAtMs), 1.5 * startedWaitMs)
})

test('an agent that stops writes all at once, and none of them twice', async () => {
  const { world, starts, written, begin } = await begun()
  begin('older', 'its trace')
  await world.runFor(1.5 * startedWaitMs)
  begin('new', 'its trace')
  starts.writeAll()
  assert.deepEqual([...written.keys()], ['older', 'new'])
  written.clear()
  await world.runFor(5 * startedWaitMs)
  assert.deepEqual([...written], [])
})
