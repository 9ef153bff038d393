/**
 * The latch: what is stopped here, and by which words. Words come in any order, many times, and late;
 * what they come to is the same, as long as no scope was released more often than is remembered.
 * Nothing is believed here that `judge.ts` has not found whole.
 *
 * Invariant: a scope is stopped as long as a raise of it is known that no known release names. A
 * word that has been heard, or is older than all that is remembered, changes nothing.
 */
import { decode, encode } from '../wire/codec.ts'
import { field, message, nested, repeated, text, uint } from '../wire/schema.ts'
import type { JudgedWord } from './judge.ts'
import { estopLimits as limits } from './limits.ts'
import {
  isInScope,
  type Place,
  parseScope,
  type StopMode,
  type StopScope,
  scopeText,
} from './scope.ts'
import { type CoveredRaise, type Raise, type Release, StopWord, sayingIn, wordId } from './word.ts'

const KeptWord = message('StopKeptWord', {
  word: field(1, nested(StopWord)),
  by: field(2, text(1_024)),
})
const KeptCovered = message('StopKeptCovered', {
  id: field(1, text(2 * limits.idBytes)),
  epoch: field(2, uint()),
})
/** A scope, as it lies on a disk. */
const KeptScope = message('StopKeptScope', {
  scope: field(1, text(limits.scopeBytesMax)),
  epoch: field(2, uint()),
  floor: field(3, uint()),
  covered: repeated(4, nested(KeptCovered), limits.coveredMax),
  words: repeated(5, nested(KeptWord), limits.raisesMax + limits.releasesMax),
})

/** A word that is in force, or that has released others. */
export interface HeardWord<S = Raise | Release> {
  id: string
  saying: S
  word: StopWord
  /** Names of those who signed it. */
  by: string
}

interface ScopeLatch {
  scope: StopScope
  epoch: number
  floor: number
  /** By name, lowest epoch first. */
  covered: Map<string, number>
  raises: Map<string, HeardWord<Raise>>
  releases: Map<string, HeardWord<Release>>
}

/** `news`: it is to be written down, acted on and passed on. `full`: stopped so already. */
export type Hearing = 'news' | 'known' | 'old' | 'full'

export class Latch {
  readonly #scopes = new Map<string, ScopeLatch>()

  /** Records that cannot be read are left out and counted. */
  unreadable = 0

  constructor(restored: Iterable<Uint8Array> = []) {
    for (const record of restored) {
      const latch = latchIn(record)
      if (latch === undefined) this.unreadable++
      else this.#scopes.set(scopeText(latch.scope), latch)
    }
  }

  hear({ id, saying, word, people }: JudgedWord): Hearing {
    const latch = this.#scopeFor(saying.scope)
    if (latch === undefined) return 'full'
    const by = people.join(' and ').slice(0, 256)
    const heard =
      saying.act === 'raise'
        ? raise(latch, { id, saying, word, by })
        : release(latch, { id, saying, word, by })
    if (heard === 'news') latch.epoch = Math.max(latch.epoch, saying.epoch)
    return heard
  }

  /** All raises that are not released; of a place, those that mean it. */
  inForce(place?: Place): HeardWord<Raise>[] {
    const found: HeardWord<Raise>[] = []
    for (const { scope, raises } of this.#scopes.values()) {
      if (raises.size === 0 || (place !== undefined && !isInScope(scope, place))) continue
      found.push(...raises.values())
    }
    return found
  }

  /** The one that decides what happens there: `kill` before `drain`, then the highest epoch. */
  stopping(place: Place): HeardWord<Raise> | undefined {
    return this.inForce(place).sort(
      (a, b) =>
        strictness[b.saying.mode] - strictness[a.saying.mode] || b.saying.epoch - a.saying.epoch,
    )[0]
  }

  get isEmpty(): boolean {
    return this.#scopes.size === 0
  }

  get isAnyInForce(): boolean {
    for (const { raises } of this.#scopes.values()) if (raises.size > 0) return true
    return false
  }

  isKnown(id: string): boolean {
    for (const { raises, releases, covered } of this.#scopes.values()) {
      if (raises.has(id) || releases.has(id) || covered.has(id)) return true
    }
    return false
  }

  /** All that others need to come to the same. */
  words(): HeardWord[] {
    return [...this.#scopes.values()].flatMap(({ raises, releases }) => [
      ...raises.values(),
      ...releases.values(),
    ])
  }

  /** What a new raise of the scope says of others. */
  nextEpoch(scope: StopScope): number {
    const { epoch = 0, floor = 0 } = this.#scopes.get(scopeText(scope)) ?? {}
    return Math.min(Math.max(epoch, floor) + 1, limits.epochMax)
  }

  /** What a release of the scope as it is now says; undefined when nothing is to be released. */
  nextRelease(scope: StopScope): Pick<Release, 'epoch' | 'covers' | 'floor'> | undefined {
    const latch = this.#scopes.get(scopeText(scope))
    if (latch === undefined || latch.raises.size === 0) return undefined
    const raised = [...latch.raises.values()].map(({ id, saying }) => ({ id, epoch: saying.epoch }))
    const before = [...latch.covered].map(([id, epoch]) => ({ id, epoch }))
    const room = limits.coveredMax - raised.length
    const forgotten = before.slice(0, Math.max(0, before.length - room))
    const covers = [...before.slice(forgotten.length), ...raised]
    const floor = Math.max(latch.floor, ...forgotten.map(({ epoch }) => epoch))
    return { epoch: this.nextEpoch(scope), covers, floor }
  }

  /** As it is to be kept, to be given to another life. */
  record(scope: StopScope): Uint8Array | undefined {
    return this.recordOf(scopeText(scope))
  }

  recordOf(scope: string): Uint8Array | undefined {
    const latch = this.#scopes.get(scope)
    return latch && recordOf(latch)
  }

  /** Undefined when there is no room for one more and all are stopped. */
  #scopeFor(scope: StopScope): ScopeLatch | undefined {
    const key = scopeText(scope)
    const known = this.#scopes.get(key)
    if (known !== undefined) return known
    if (this.#scopes.size >= limits.scopesMax && !this.#forget() && scope.kind !== 'mesh') {
      return undefined
    }
    const made: ScopeLatch = {
      scope,
      epoch: 0,
      floor: 0,
      covered: new Map(),
      raises: new Map(),
      releases: new Map(),
    }
    this.#scopes.set(key, made)
    return made
  }

  #forget(): boolean {
    const released = [...this.#scopes].filter(([, { raises }]) => raises.size === 0)
    const [key] =
      released.find(([, { scope }]) => scope.kind === 'run') ??
      released.find(([, { scope }]) => scope.kind === 'label') ??
      []
    return key !== undefined && this.#scopes.delete(key)
  }
}

const strictness: Readonly<Record<StopMode, number>> = { drain: 0, kill: 1 }

function raise(latch: ScopeLatch, heard: HeardWord<Raise>): Hearing {
  const { id, saying } = heard
  if (latch.raises.has(id)) return 'known'
  if (latch.covered.has(id) || saying.epoch <= latch.floor) return 'old'
  if (latch.raises.size >= limits.raisesMax) {
    const milder = [...latch.raises.values()].find(({ saying: { mode } }) => mode === 'drain')
    if (saying.mode !== 'kill' || milder === undefined) return 'full'
    latch.raises.delete(milder.id)
  }
  latch.raises.set(id, heard)
  return 'news'
}

/** It releases what it names. The floor is for raises yet to come: what is in force stays so. */
function release(latch: ScopeLatch, heard: HeardWord<Release>): Hearing {
  const { id, saying } = heard
  if (latch.releases.has(id)) return 'known'
  const fresh = saying.covers.filter((one) => isFresh(latch, one))
  if (fresh.length === 0 && saying.floor <= latch.floor) return 'old'
  for (const one of fresh) {
    latch.raises.delete(one.id)
    latch.covered.set(one.id, one.epoch)
  }
  latch.floor = Math.max(latch.floor, saying.floor)
  trim(latch)
  for (const [other, { saying: before }] of latch.releases) {
    if (saysAll(saying, before)) latch.releases.delete(other)
  }
  latch.releases.set(id, heard)
  if (latch.releases.size > limits.releasesMax) {
    latch.releases.delete(latch.releases.keys().next().value as string)
  }
  return 'news'
}

function isFresh(latch: ScopeLatch, { id, epoch }: CoveredRaise): boolean {
  if (latch.covered.has(id)) return false
  return latch.raises.has(id) || epoch > latch.floor
}

function trim(latch: ScopeLatch): void {
  const sorted = [...latch.covered].sort(([a, at], [b, bt]) => at - bt || (a < b ? -1 : 1))
  const gone = sorted.slice(0, Math.max(0, sorted.length - limits.coveredMax))
  for (const [, epoch] of gone) latch.floor = Math.max(latch.floor, epoch)
  latch.covered = new Map(sorted.slice(gone.length))
}

function saysAll(later: Release, before: Release): boolean {
  if (before.floor > later.floor) return false
  const named = new Set(later.covers.map(({ id }) => id))
  return before.covers.every(({ id, epoch }) => named.has(id) || epoch <= later.floor)
}

function recordOf({ scope, epoch, floor, covered, raises, releases }: ScopeLatch): Uint8Array {
  const words = [...raises.values(), ...releases.values()]
  return encode(KeptScope, {
    scope: scopeText(scope),
    epoch,
    floor,
    covered: [...covered].map(([id, at]) => ({ id, epoch: at })),
    words: words.map(({ word, by }) => ({ word, by })),
  })
}

function latchIn(record: Uint8Array): ScopeLatch | undefined {
  const read = decode(KeptScope, record)
  const scope = read.ok ? parseScope(read.value.scope) : undefined
  if (!read.ok || scope === undefined) return undefined
  const { epoch, floor, covered } = read.value
  const latch: ScopeLatch = {
    scope,
    epoch,
    floor,
    covered: new Map(covered.map((one) => [one.id, one.epoch])),
    raises: new Map(),
    releases: new Map(),
  }
  for (const { word, by } of read.value.words) {
    const saying = sayingIn(word.body)
    if (saying === undefined) return undefined
    const id = wordId(word.body)
    if (saying.act === 'raise') latch.raises.set(id, { id, saying, word, by })
    else latch.releases.set(id, { id, saying, word, by })
  }
  return latch
}
