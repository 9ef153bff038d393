/**
 * Three hosts, many sets of files, and everything that can happen to them at random moments. What a
 * stage finds in its directory is right or not there; and once the storm is over, everything that
 * some host has whole can be had everywhere.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { below, type Entropy, pick } from '../../protocol/ports/entropy.ts'
import { mend, partition } from '../../simulations/world/faults.ts'
import {
  assertSame,
  type Bird,
  type Files,
  fetching,
  filesAt,
  madeBytes,
  mib,
  Stage,
} from './stage.ts'

const quotaBytes = 24 * mib
const stepMs = 400
const steps = 30

for (let seed = 1; seed <= 12; seed++) {
  test(`a storm leaves nothing wrong (seed ${seed})`, async () => {
    const stage = new Stage(`storm ${seed}`, { loss: 0.02, bytesPerSecond: 10e6 })
    const chance = stage.world.entropy.stream('storm')
    for (const name of ['a', 'b', 'c']) await stage.add(name, { quotaBytes })
    const made = new Map<string, Files>()
    let [placed, failed] = [0, 0]
    for (let step = 0; step < steps; step++) {
      const bird = pick(chance, stage.birds)!
      if (bird.host.state === 'up') {
        if (below(chance, 3) === 0) {
          const files = someFiles(chance)
          const run = `r${step}`
          void stage.collecting(bird, files, run).then(
            ({ manifest }) => {
              made.set(manifest, files)
              void bird.store.unpin(run)
            },
            () => failed++,
          )
        } else {
          const [manifest, files] = pick(chance, [...made]) ?? []
          const into = `/work/in${step}`
          if (manifest !== undefined && files !== undefined) {
            void fetching(bird, manifest as never, stage.birds, into).then(
              () => {
                placed++
                assertSame(filesAt(bird, into), files)
              },
              () => failed++,
            )
          }
        }
      }
      disturb(stage, chance)
      await stage.world.runFor(stepMs)
    }
    for (const bird of stage.birds) {
      mend(
        stage.world,
        [bird.host],
        others(stage, bird).map(({ host }) => host),
      )
      bird.host.resume()
      if (bird.host.state !== 'up') await stage.restart(bird)
    }
    await stage.world.runFor(120_000)
    for (const { store } of stage.birds) {
      // A crash may have come between a collect and its unpinning.
      for (const run of store.pinnedRuns()) await stage.outcome(store.unpin(run))
    }
    assert.ok(placed > 0, `some fetches succeeded (${failed} failed)`)
    for (const [manifest, files] of made) {
      const whole = (bird: Bird) => bird.store.has(manifest as never) && isIntact(bird, files)
      if (!stage.birds.some(whole)) continue
      for (const bird of stage.birds) {
        await stage.fetch(bird, manifest as never, stage.birds, '/work/after')
        assertSame(filesAt(bird, '/work/after'), files)
        bird.host.processTable.files.delete('/work/after')
      }
    }
    for (const { store, host } of stage.birds) {
      assert.ok(store.usage().usedBytes <= quotaBytes)
      assert.equal(store.usage().heldBytes, 0)
      assert.ok(host.blobs.usedBytes <= quotaBytes)
    }
  })
}

function someFiles(chance: Entropy): Files {
  const count = 1 + below(chance, 4)
  const salt = below(chance, 6)
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`f${i}`, madeBytes(below(chance, 3 * mib), salt + i)]),
  )
}

function disturb(stage: Stage, chance: Entropy): void {
  // What is broken is mended sooner than the next thing breaks, or nothing would ever be done.
  for (const { host } of stage.birds) {
    if (below(chance, 2) === 0) continue
    if (host.state === 'paused') host.resume()
    else if (host.state !== 'up') host.restart()
  }
  const bird = pick(chance, stage.birds)!
  const rest = others(stage, bird).map(({ host }) => host)
  const { host } = bird
  switch (below(chance, 10)) {
    case 0:
      if (host.state === 'up') host.crash('kill')
      return
    case 1:
      if (host.state === 'up') host.crash('powerLoss')
      return
    case 2:
      partition(stage.world, [host], rest)
      return
    case 3:
    case 4:
      mend(stage.world, [host], rest)
      return
    case 5:
      host.pause()
      return
    case 6: {
      const hash = pick(chance, [...host.blobs.kept.keys()])
      if (hash !== undefined && below(chance, 2) === 0) host.blobs.flipBit(hash)
      return
    }
    default:
  }
}

const others = (stage: Stage, bird: Bird) => stage.birds.filter((other) => other !== bird)

/** Every one of these files lies here as it should: looked at from above, without the store. */
function isIntact({ host }: Bird, files: Files): boolean {
  const kept = [...host.blobs.kept.values()]
  return Object.values(files).every((bytes) =>
    kept.some((blob) => blob.whole && Buffer.compare(blob.bytes, bytes) === 0),
  )
}
