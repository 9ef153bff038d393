/** A stop that stops nothing: what it does, what it leaves, and when it is held. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estopDriverLimits } from '../../agent/estop/limits.ts'
import { type RehearsalParts, rehearsalModule, rehearse } from '../../agent/estop/rehearsal.ts'
import { Somebody } from '../../agent/estop/somebody.ts'
import { rehearseSaying } from '../../coordinator/api/estop-rehearsal.ts'
import { silentLog } from '../../protocol/ports/log.ts'
import { World } from '../../simulations/world/world.ts'

interface Stage {
  world: World
  parts: RehearsalParts
  /** What was done to cells, in order. */
  did: string[]
  isBusy: boolean
}

async function stage(): Promise<Stage> {
  const world = new World({ seed: 'rehearsal' })
  const did: string[] = []
  const booted = Promise.withResolvers<RehearsalParts>()
  const staged = { world, did, isBusy: false }
  world.addHost('agent').boot(({ clock, entropy }) => {
    const cells = {
      still: () => {
        did.push('still')
        return () => void did.push('goOn')
      },
      killAll: (names: ReadonlySet<string>) => {
        did.push(`kill ${names.size}`)
        return Promise.resolve()
      },
    }
    booted.resolve({ clock, entropy, cells, log: silentLog, isBusy: () => staged.isBusy })
  })
  await world.runFor(1)
  return Object.assign(staged, { parts: await booted.promise })
}

test('every word of a rehearsal is believed and obeyed, and nobody is killed by it or held', async () => {
  const { parts, did } = await stage()
  assert.equal(await rehearse(parts), 2 * estopDriverLimits.rehearsals, 'raises and releases')
  assert.deepEqual(did, ['still', 'kill 0', 'goOn'])
})

test('cells are let go also where they cannot be killed', async () => {
  const { parts, did } = await stage()
  const killAll = (): Promise<void> => Promise.reject(new Error('no'))
  await assert.rejects(rehearse({ ...parts, cells: { ...parts.cells, killAll } }), /no/)
  assert.deepEqual(did, ['still', 'goOn'])
})

test('a rehearsal is held once, when there is nothing to do, and not after the agent has stopped', async () => {
  const { rehearseAfterMs } = estopDriverLimits
  const it = await stage()
  const module = rehearsalModule(it.parts)
  const starting = new AbortController().signal
  const handle = { degraded: () => {}, recovered: () => {}, failed: () => {} }
  it.isBusy = true
  await module.start(starting, handle)
  await it.world.runFor(3.5 * rehearseAfterMs)
  assert.deepEqual(it.did, [])
  it.isBusy = false
  await it.world.runFor(10 * rehearseAfterMs)
  assert.deepEqual(it.did, ['still', 'kill 0', 'goOn'])
  await module.stop()
  await module.start(starting, handle)
  await module.stop()
  await it.world.runFor(10 * rehearseAfterMs)
  assert.equal(it.did.length, 3)
})

test('a person of the rehearsal is heard through the control API, each time anew', async () => {
  const { parts } = await stage()
  const said: Somebody[] = []
  const say = (person: Somebody): Promise<void> => {
    said.push(person)
    return Promise.resolve()
  }
  await rehearse({ ...parts, say })
  assert.equal(said.length, estopDriverLimits.rehearsals)
  const person = new Somebody(parts.entropy.stream('test'), parts.clock.wall())
  for (let turn = 0; turn < estopDriverLimits.rehearsals; turn++) {
    const { status, body } = await rehearseSaying(person, parts.clock)
    assert.equal(status, 200)
    assert.ok(body instanceof Uint8Array)
    assert.equal(JSON.parse(new TextDecoder().decode(body)).outcome, 'news')
  }
})
