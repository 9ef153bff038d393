/** Hosts of a virtual world with an artifact store each, and directories as stages leave them. */
import assert from 'node:assert/strict'
import type { ArtifactWarning } from '../../agent/artifacts/collecting.ts'
import { ArtifactError } from '../../agent/artifacts/errors.ts'
import type { ArtifactVerdict } from '../../agent/artifacts/fetching.ts'
import { type StoreLimits, storeLimits } from '../../agent/artifacts/limits.ts'
import { ArtifactStore, type Collected, type Fetched } from '../../agent/artifacts/store.ts'
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import type { Host } from '../../simulations/world/host.ts'
import type { LinkQuality } from '../../simulations/world/wires.ts'
import { World } from '../../simulations/world/world.ts'

export const mib = 1024 * 1024
/** Of virtual time: longer than all patience of a fetch together. */
export const deadlineMs = 600_000

export interface Bird {
  host: Host
  store: ArtifactStore
  warnings: ArtifactWarning[]
  verdicts: ArtifactVerdict[]
}

export class Stage {
  readonly world: World
  readonly birds: Bird[] = []

  constructor(seed: string, link: Partial<LinkQuality> = {}) {
    this.world = new World({ seed, link })
  }

  async add(name: string, limits: Partial<StoreLimits> = {}): Promise<Bird> {
    const host = this.world.addHost(name)
    const bird: Bird = { host, store: undefined as never, warnings: [], verdicts: [] }
    let started = false
    host.boot(async (ports) => {
      bird.store = new ArtifactStore(ports, {
        hello: helloOf('0', name),
        limits: { ...storeLimits, ...limits },
        onWarning: (warning) => void bird.warnings.push(warning),
        onVerdict: (verdict) => void bird.verdicts.push(verdict),
      })
      for (const other of this.world.hosts) ports.network.learn(other.id, [other.address])
      await bird.store.start()
      started = true
    })
    await this.until(`${name} to start`, () => started)
    for (const other of this.birds) other.host.network?.learn(host.id, [host.address])
    this.birds.push(bird)
    return bird
  }

  async restart(bird: Bird): Promise<void> {
    const before = bird.store
    bird.host.restart()
    await this.until('a restart', () => bird.store !== before)
    await this.world.runFor(1_000)
  }

  async until(what: string, predicate: () => boolean): Promise<void> {
    assert.ok(await this.world.runUntil(predicate, deadlineMs), `waited in vain for ${what}`)
  }

  async outcome<T>(promise: Promise<T>): Promise<T> {
    let result: PromiseSettledResult<T> | undefined
    promise.then(
      (value) => (result = { status: 'fulfilled', value }),
      (reason: unknown) => (result = { status: 'rejected', reason }),
    )
    await this.until('an outcome', () => result !== undefined)
    if (result!.status === 'rejected') throw result!.reason
    return result!.value
  }

  async failure(promise: Promise<unknown>): Promise<ArtifactError> {
    try {
      await this.outcome(promise)
    } catch (error) {
      assert.ok(error instanceof ArtifactError, String(error))
      return error
    }
    return assert.fail('should have failed')
  }

  collect(bird: Bird, files: Files, run = 'r1', patterns = ['**']): Promise<Collected> {
    return this.outcome(this.collecting(bird, files, run, patterns))
  }

  collecting(bird: Bird, files: Files, run = 'r1', patterns = ['**']): Promise<Collected> {
    const directory = `/work/${run}`
    put(bird, directory, files)
    return bird.store.collect({ run, directory, patterns })
  }

  fetch(bird: Bird, manifest: ContentHash, holders: Bird[], into = '/work/in'): Promise<Fetched> {
    return this.outcome(fetching(bird, manifest, holders, into))
  }
}

export type Files = Readonly<Record<string, Uint8Array>>

export function fetching(
  bird: Bird,
  manifest: ContentHash,
  holders: Bird[],
  into = '/work/in',
  signal = new AbortController().signal,
): Promise<Fetched> {
  const ids = holders.map(({ host }) => host.id)
  return bird.store.fetch({ manifest, holders: ids, into, signal })
}

export function put(bird: Bird, directory: string, files: Files): void {
  bird.host.processTable.files.set(directory, new Map(Object.entries(files)))
}

export function filesAt(bird: Bird, directory = '/work/in'): Record<string, Uint8Array> {
  return Object.fromEntries(bird.host.processTable.files.get(directory) ?? [])
}

export function assertSame(actual: Files, expected: Files): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort())
  for (const [path, bytes] of Object.entries(expected)) {
    assert.equal(Buffer.compare(actual[path]!, bytes), 0, `${path} is as it was`)
  }
}

/** Bytes that differ from chunk to chunk and from salt to salt. */
export function madeBytes(length: number, salt = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = salt * 2_654_435_761
  for (let i = 0; i < length; i += 997) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
