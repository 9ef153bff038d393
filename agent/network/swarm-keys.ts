/**
 * The swarm keys that this host takes, and the one of them that it dials with. There is one, but
 * while the mesh goes over to another: then it takes two for a while, so that whoever has gone over
 * and whoever has not still meet.
 *
 * Invariant: what is dialled with is taken, too.
 */
import { assert } from '../../protocol/assert.ts'
import { parseSwarmKey } from '../../protocol/identity/swarm-key.ts'

/** A raw connection, or what is made of it: its timeline is all that they have in common. */
interface Dated {
  readonly timeline: object
}

export interface TakenSwarmKeys {
  /** All that are taken, the newest last. */
  keys: readonly Uint8Array[]
  /** One of them. */
  dialled: Uint8Array
}

export class BadSwarmKey extends Error {
  readonly code = 'badSwarmKey'
  constructor() {
    super(
      'the swarm key is not in the form /key/swarm/psk/1.0.0/, /base16/ and 64 hexadecimal ' +
        'digits, a line each: copy the file from a host that is in the mesh',
    )
    this.name = 'BadSwarmKey'
  }
}

export class SwarmKeys {
  #taken: TakenSwarmKeys
  readonly #restsOn = new WeakMap<object, Uint8Array>()
  readonly #secondTries = new WeakSet<object>()

  constructor(taken: TakenSwarmKeys) {
    this.#taken = lawful(taken)
  }

  /** Of the bytes of a key file. Throws `BadSwarmKey`. */
  static ofFile(file: Uint8Array): SwarmKeys {
    const parsed = parseSwarmKey(Buffer.from(file).toString('utf8'))
    if (!parsed.ok) throw new BadSwarmKey()
    return new SwarmKeys({ keys: [parsed.key], dialled: parsed.key })
  }

  get all(): readonly Uint8Array[] {
    return this.#taken.keys
  }

  get dialled(): Uint8Array {
    return this.#taken.dialled
  }

  use(taken: TakenSwarmKeys): void {
    this.#taken = lawful(taken)
  }

  /** With which a connection begins: of those that come, it may turn out to be another. */
  firstFor({ timeline }: Dated): Uint8Array {
    const { keys, dialled } = this.#taken
    const other = keys.find((key) => !isSame(key, dialled))
    return this.#secondTries.has(timeline) && other !== undefined ? other : dialled
  }

  /** Whoever does not understand the one key may have the other. */
  tryOtherFor({ timeline }: Dated): void {
    this.#secondTries.add(timeline)
  }

  note({ timeline }: Dated, key: Uint8Array): void {
    this.#restsOn.set(timeline, key)
  }

  isOlder(one: Dated, other: Dated): boolean {
    return this.#ageOf(one) < this.#ageOf(other)
  }

  isOnNewest(connection: Dated): boolean {
    return this.#ageOf(connection) === this.#taken.keys.length - 1
  }

  /** Its key may have been dropped since. */
  isTaken(connection: Dated): boolean {
    return this.#ageOf(connection) >= 0
  }

  #ageOf({ timeline }: Dated): number {
    const key = this.#restsOn.get(timeline)
    return key === undefined ? -1 : this.#taken.keys.findIndex((each) => isSame(each, key))
  }
}

function lawful(taken: TakenSwarmKeys): TakenSwarmKeys {
  const { keys, dialled } = taken
  assert(keys.length === 1 || keys.length === 2, 'one swarm key is taken, or two')
  assert(
    keys.some((key) => isSame(key, dialled)),
    'the swarm key that is dialled with is taken',
  )
  return taken
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
