import assert from 'node:assert/strict'
import { SimulatedBlobs } from '../../simulations/world/blobs.ts'
import { World } from '../../simulations/world/world.ts'
import { idle } from '../world/cast.ts'
import { blobsContract } from './blobs.ts'

const deadlineMs = 60_000

blobsContract('simulated blobs', async () => {
  const world = new World({ seed: 'contracts' })
  const host = world.addHost('n1')
  const { blobs } = await idle(host)
  const directory = '/work/stage'
  const files = new Map<string, Uint8Array>()
  host.processTable.files.set(directory, files)
  return {
    advance: (ms) => world.runFor(ms),
    until: async (what, predicate) => {
      assert.ok(await world.runUntil(predicate, deadlineMs), `waited in vain for ${what}`)
    },
    blobs,
    directory,
    write(path, bytes, executable = false) {
      files.set(path, bytes)
      if (executable) host.blobs.executables.add(`${directory}/${path}`)
    },
    read: (path) => files.get(path),
    damage(hash, at) {
      const { bytes } = host.blobs.kept.get(hash)!
      bytes[at] = (bytes[at] as number) ^ 4
    },
    async reopen() {
      await blobs.close()
      return new SimulatedBlobs(host)
    },
    close: () => {},
  }
})
