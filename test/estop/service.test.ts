/** The emergency stop of one host, in a world whose disk is a bad one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estopDriverLimits } from '../../agent/estop/limits.ts'
import { EmergencyStop } from '../../agent/estop/service.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import type { HostOptions, HostPorts } from '../../simulations/world/host.ts'
import { calendarOriginMs } from '../../simulations/world/limits.ts'
import { World } from '../../simulations/world/world.ts'
import { keyNumber, nowMs, trust } from '../identity/parties.ts'
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
  /** When it was told of here, and to whoever is not connected. */
  changedMs: number[]
  publishedMs: number[]
}

interface StopOptions {
  /** How long it takes until all are dead. */
  dyingMs?: number
  /** Peers that are alive, none of whom is connected. */
  alive?: PeerId[]
}

/** Raises one stop. */
async function stopOn(
  disk: HostOptions['disk'],
  forMs: number,
  { dyingMs = 0, alive = [] }: StopOptions = {},
): Promise<Told> {
  const world = new World({ seed: 'bad disk' })
  const stopped: Stopped[] = []
  const stills: string[] = []
  const changedMs: number[] = []
  const publishedMs: number[] = []
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
  const publish = ports.network.publish.bind(ports.network)
  ports.network.publish = (topic, data) => {
    publishedMs.push(clock.now() - startedMs)
    publish(topic, data)
  }
  const stop = new EmergencyStop(ports, {
    self: signer.id,
    hello: helloOf(AGENT_VERSION, 'n1'),
    trust,
    rules: one,
    heardOf: () => {},
    labels: () => ({}),
    halt: async (_, reason) => {
      stopped.push({ atMs: clock.now() - startedMs, reason })
      if (dyingMs > 0) await new Promise<void>((resolve) => clock.after(dyingMs, resolve))
      return 1
    },
    hurry: () => {
      stills.push('hurry')
      return () => stills.push('calm')
    },
    still: () => {
      stills.push('still')
      return () => stills.push(stopped.length === 0 ? 'let go' : 'let go, stopped')
    },
    alive: () => alive,
    changed: () => {
      changedMs.push(clock.now() - startedMs)
      assert.equal(stopped.length, 1, 'it is obeyed before it is told of')
    },
    finished: () => {},
    refused: () => {},
  })
  stop.open()
  assert.equal(stop.said(signed(raiseOf(), operator)).kind, 'news')
  assert.equal(stopped.length, 0, 'it is written down first')
  await world.run(forMs)
  stop.close()
  return { stopped, stills, changedMs, publishedMs }
}

test('what is stopped is ended as soon as the word is on the disk', async () => {
  const { stopped, stills } = await stopOn(undefined, 1_000)
  assert.equal(stopped.length, 1)
  assert.ok(stopped[0]!.atMs < estopDriverLimits.latchWaitMsMax)
  assert.deepEqual(
    stills,
    ['hurry', 'still', 'calm', 'let go, stopped'],
    'and held still until then',
  )
})

test('a disk that hangs delays no stop for long', async () => {
  const { stopped, stills } = await stopOn({ syncMs: 60_000 }, 1_000)
  assert.equal(stopped.length, 1)
  assert.equal(stopped[0]!.atMs, estopDriverLimits.latchWaitMsMax)
  assert.deepEqual(stills, ['hurry', 'still', 'calm', 'let go, stopped'])
})

test('a disk that is full delays no stop', async () => {
  const { stopped } = await stopOn({ capacityBytes: 0 }, 1_000)
  assert.equal(stopped.length, 1)
  assert.ok(stopped[0]!.atMs < estopDriverLimits.latchWaitMsMax)
})

test('what need not be done first waits until all are dead, and not for long', async () => {
  const soon = await stopOn(undefined, 1_000, { dyingMs: 40 })
  assert.deepEqual(soon.changedMs, [soon.stopped[0]!.atMs + 40])
  assert.deepEqual(soon.publishedMs, soon.changedMs)
  const late = await stopOn(undefined, 1_000, { dyingMs: 900 })
  assert.deepEqual(late.changedMs, [late.stopped[0]!.atMs + estopDriverLimits.tellWaitMsMax])
})

test('whoever can be reached by the topic alone is told by it at once', async () => {
  const { publishedMs } = await stopOn(undefined, 1_000, { dyingMs: 40, alive: [keyNumber(9).id] })
  assert.deepEqual(publishedMs, [0])
})
