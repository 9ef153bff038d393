/** How quick a host is: found out once, when nothing runs, and kept until the hardware is another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OwnSpeed } from '../../agent/learning/host-speed.ts'
import { speedTimes } from '../../agent/learning/limits.ts'
import type { HostFacts } from '../../protocol/ports/telemetry.ts'
import type { HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'
import { MemoryDisk } from '../history/memory-disk.ts'

class Bench {
  readonly world = new World({ seed: 'speed' })
  readonly disk = new MemoryDisk()
  isBusy = false
  facts: HostFacts | undefined
  measured = 0
  fails = false
  #ports: HostPorts | undefined

  constructor() {
    this.world.addHost('h', { machine: { speed: 2 } }).boot((ports) => {
      this.#ports = ports
    })
  }

  async life(): Promise<OwnSpeed> {
    await this.world.runFor(1)
    const ports = this.#ports!
    this.facts ??= await ports.telemetry.facts()
    const speed = new OwnSpeed({
      ...ports,
      disk: this.disk,
      speed: {
        measure: async (givenUp) => {
          this.measured++
          if (this.fails) throw new Error('no process')
          return ports.speed.measure(givenUp)
        },
      },
      facts: () => this.facts,
      isBusy: () => this.isBusy,
    })
    await speed.start()
    return speed
  }
}

const cpuOf = ({ known }: OwnSpeed) => known?.cpu

test('it is found out minutes after the first start, and never again on this hardware', async () => {
  const bench = new Bench()
  const speed = await bench.life()
  await bench.world.runFor(speedTimes.firstMsMin - 1_000)
  assert.deepEqual([speed.known, bench.measured], [undefined, 0])
  await bench.world.runFor(speedTimes.firstMsMax)
  assert.equal(cpuOf(speed), 2)
  await speed.stop()
  const later = await bench.life()
  assert.deepEqual(later.known, speed.known)
  await bench.world.runFor(2 * speedTimes.firstMsMax)
  assert.equal(bench.measured, 1)
})

test('other hardware is another speed: nothing is said until it is found out', async () => {
  const bench = new Bench()
  await bench.life()
  await bench.world.runFor(2 * speedTimes.firstMsMax)
  bench.facts = { ...bench.facts!, coresUsable: 16 }
  const later = await bench.life()
  assert.equal(cpuOf(later), undefined)
  await bench.world.runFor(2 * speedTimes.firstMsMax)
  assert.equal(cpuOf(later), 2)
  assert.equal(bench.measured, 2)
})

test('while work runs it is not found out, and what was found beside work does not count', async () => {
  const bench = new Bench()
  bench.isBusy = true
  const speed = await bench.life()
  await bench.world.runFor(speedTimes.firstMsMax + 10 * speedTimes.againMs)
  assert.equal(bench.measured, 0)
  bench.isBusy = false
  while (bench.measured === 0) await bench.world.runFor(100)
  bench.isBusy = true
  await bench.world.runFor(2_000)
  assert.equal(cpuOf(speed), undefined)
  bench.isBusy = false
  await bench.world.runFor(2 * speedTimes.againMs)
  assert.equal(cpuOf(speed), 2)
})

test('an agent that stops in the middle of it gives it up, and the next one finds it out', async () => {
  const bench = new Bench()
  const speed = await bench.life()
  while (bench.measured === 0) await bench.world.runFor(100)
  // The world stands still: nothing would come to an end.
  await speed.stop()
  await bench.world.runFor(2 * speedTimes.failedMs)
  assert.deepEqual([speed.known, bench.measured], [undefined, 1])
  const later = await bench.life()
  await bench.world.runFor(2 * speedTimes.firstMsMax)
  assert.equal(cpuOf(later), 2)
})

test('where it cannot be found out, it is tried again much later, and not while the agent stops', async () => {
  const bench = new Bench()
  bench.fails = true
  const speed = await bench.life()
  await bench.world.runFor(speedTimes.firstMsMax + speedTimes.failedMs / 2)
  assert.equal(bench.measured, 1)
  await speed.stop()
  await bench.world.runFor(2 * speedTimes.failedMs)
  assert.equal(bench.measured, 1)
})
