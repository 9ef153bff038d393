/** The emergency stop of one host, in a world whose disk is a bad one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estopDriverLimits } from '../../agent/estop/limits.ts'
import { EmergencyStop } from '../../agent/estop/service.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import type { HostOptions, HostPorts } from '../../simulations/world/host.ts'
import { calendarOriginMs } from '../../simulations/world/limits.ts'
import { World } from '../../simulations/world/world.ts'
import { nowMs, trust } from '../identity/parties.ts'
import { one, operator, raiseOf, signed } from './words.ts'

interface Stopped {
  atMs: number
  reason: string
}

interface Told {
  /** When work was ended for it, in milliseconds from the stop on. */
  stopped: Stopped[]
  /** When work was held still, and let go again. */
  stills: string[]
}

/** Raises one stop. */
async function stopOn(disk: HostOptions['disk'], forMs: number): Promise<Told> {
  const world = new World({ seed: 'bad disk' })
  const stopped: Stopped[] = []
  const stills: string[] = []
  let ports: HostPorts | undefined
  world
    .addHost('n1', {
      wallOffsetMs: nowMs - calendarOriginMs,
      ...(disk === undefined ? {} : { disk }),
    })
    .boot((given) => {
      ports = given
    })
  await world.run(1)
  assert.ok(ports)
  const { clock, signer } = ports
  const startedMs = clock.now()
  const stop = new EmergencyStop(ports, {
    self: signer.id,
    hello: helloOf(AGENT_VERSION, 'n1'),
    trust,
    rules: one,
    labels: () => ({}),
    halt: async (_, reason) => {
      stopped.push({ atMs: clock.now() - startedMs, reason })
      return 1
    },
    still: () => {
      stills.push('still')
      return () => stills.push(stopped.length === 0 ? 'let go' : 'let go, stopped')
    },
    alive: () => [],
    changed: () => {},
    finished: () => {},
    refused: () => {},
  })
  stop.open()
  assert.equal(stop.said(signed(raiseOf(), operator)).kind, 'news')
  assert.equal(stopped.length, 0, 'it is written down first')
  await world.run(forMs)
  stop.close()
  return { stopped, stills }
}

test('what is stopped is ended as soon as the word is on the disk', async () => {
  const { stopped, stills } = await stopOn(undefined, 1_000)
  assert.equal(stopped.length, 1)
  assert.ok(stopped[0]!.atMs < estopDriverLimits.latchWaitMsMax)
  assert.deepEqual(stills, ['still', 'let go, stopped'], 'and held still until then')
})

test('a disk that hangs delays no stop for long', async () => {
  const { stopped, stills } = await stopOn({ syncMs: 60_000 }, 1_000)
  assert.equal(stopped.length, 1)
  assert.equal(stopped[0]!.atMs, estopDriverLimits.latchWaitMsMax)
  assert.deepEqual(stills, ['still', 'let go, stopped'])
})

test('a disk that is full delays no stop', async () => {
  const { stopped } = await stopOn({ capacityBytes: 0 }, 1_000)
  assert.equal(stopped.length, 1)
  assert.ok(stopped[0]!.atMs < estopDriverLimits.latchWaitMsMax)
})
