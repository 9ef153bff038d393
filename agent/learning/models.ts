/**
 * Versions of the common model on this host's own disk, and where it gets those from that it has not:
 * any agent may ask another for one by its hash. What comes is looked at as if a liar had sent it
 * (`models/registry/learned.ts`) before it is kept or used; so is what the disk gives back.
 */
import { isVersionHash } from '../../models/registry/blob.ts'
import { type Learned, learnedIn } from '../../models/registry/learned.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import { hashOf } from '../../models/registry/sound.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Disk, within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, field, message, optional, text } from '../../protocol/wire/schema.ts'
import { BadQuestion, type Calls } from '../requests/calls.ts'
import { modelLimits } from './limits.ts'

/** Why there is no version where every host that was asked has said that it has it not. */
export const notThere = 'it has it not'
const nobodyToAsk = 'nobody is there to ask'
export const MODEL_SERVICE = 'learning/model'
const PREFIX = 'learning/model/'

/** Field numbers are for ever. */
const ModelAsked = message('ModelAsked', { hash: field(1, text(64)) })
/** Without bytes: this host has it not. */
const ModelTold = message('ModelTold', { bytes: optional(1, bytes(registryLimits.forestBytesMax)) })

export interface ModelStoreParts {
  readonly disk: Disk
  readonly log: Log
  readonly calls: Pick<Calls, 'serve' | 'ask'>
  /** Versions that are never let go of, while the registry names them. */
  readonly wanted: () => readonly string[]
}

export type Fetched =
  /** `bytes`: how many of them had to come here for it; none of what was here. */
  | { readonly ok: true; readonly learned: Learned; readonly bytes: number }
  | { readonly ok: false; readonly why: string }

export class ModelStore {
  readonly #parts: ModelStoreParts
  readonly #log: Log
  /** What is on the disk, those that came last at the end. */
  readonly #held = new Set<string>()
  readonly #open = new Map<string, Learned>()
  readonly #fetching = new Map<string, Promise<Fetched>>()

  constructor(parts: ModelStoreParts) {
    this.#parts = parts
    this.#log = parts.log.child('learning')
    parts.calls.serve(MODEL_SERVICE, (_, body) => this.#serve(body))
  }

  async start(): Promise<void> {
    for await (const [key] of this.#parts.disk.scan(within(PREFIX))) {
      this.#held.add(key.slice(PREFIX.length))
    }
  }

  has(hash: string): boolean {
    return this.#held.has(hash)
  }

  /**
   * Safe from a crash when it returns. Rejects with `DiskError`, and then everything is as it was.
   * What is no version is a bug of the caller; `made`: what it was packed of just now, which need not be
   * looked at again.
   */
  async put(version: Uint8Array, made?: Learned): Promise<string> {
    const hash = hashOf(version)
    const read =
      made === undefined ? learnedIn(version, hash) : { ok: true as const, learned: made }
    if (!read.ok) throw new Error(`no version of the common model: ${read.why}`)
    await this.#keep(hash, version, read.learned)
    return hash
  }

  /**
   * As it was packed; undefined where it is not here, or is damaged. What is in it was looked at before
   * it was kept, and whoever gets it looks again: a large forest takes 11 ms, and many may ask at once.
   */
  async get(hash: string): Promise<Uint8Array | undefined> {
    if (!this.#held.has(hash)) return undefined
    const version = await this.#parts.disk.get(PREFIX + hash)
    if (version !== undefined && hashOf(version) === hash) return version
    this.#lost(hash, version === undefined ? 'it is gone' : 'it has another hash')
    return undefined
  }

  /** What it has learned; undefined where it is not here, or is damaged. */
  async learned(hash: string): Promise<Learned | undefined> {
    const open = this.#open.get(hash)
    if (open !== undefined) {
      this.#remember(hash, open)
      return open
    }
    return this.#held.has(hash) ? this.#read(hash) : undefined
  }

  /** From here, or from the first of those hosts that has it. Never rejects. */
  fetch(hash: string, from: readonly PeerId[]): Promise<Fetched> {
    const known = this.#fetching.get(hash)
    if (known !== undefined) return known
    const fetching = this.#fetch(hash, from)
      .catch((error: unknown): Fetched => ({ ok: false, why: String(error) }))
      .finally(() => this.#fetching.delete(hash))
    this.#fetching.set(hash, fetching)
    return fetching
  }

  /**
   * From whoever has it, those that are first in the list first: `notThere` only if all of them have
   * said so. Never rejects.
   */
  async search(hash: string, from: readonly PeerId[]): Promise<Fetched> {
    const known = await this.#fetching.get(hash)
    if (known?.ok === true) return known
    try {
      return await this.#search(hash, from)
    } catch (error) {
      return { ok: false, why: String(error) }
    }
  }

  // ── On this host ──────────────────────────────────────────────────────────────────────────────

  async #read(hash: string): Promise<Learned | undefined> {
    const version = await this.#parts.disk.get(PREFIX + hash)
    const read = version && learnedIn(version, hash)
    if (read?.ok === true) {
      this.#remember(hash, read.learned)
      return read.learned
    }
    this.#lost(hash, read?.why ?? 'it is gone')
    return undefined
  }

  #lost(hash: string, why: string): void {
    this.#held.delete(hash)
    this.#log.warn('a version of the common model is damaged on the disk', { version: hash, why })
  }

  async #keep(hash: string, value: Uint8Array, learned: Learned): Promise<void> {
    const { disk, wanted } = this.#parts
    await disk.write([{ put: PREFIX + hash, value }], { durable: true })
    this.#held.delete(hash)
    this.#held.add(hash)
    this.#remember(hash, learned)
    const needed = new Set(wanted())
    const others = [...this.#held].filter((each) => !needed.has(each))
    const gone = others.slice(0, Math.max(0, others.length - modelLimits.othersMax))
    if (gone.length === 0) return
    for (const each of gone) this.#held.delete(each)
    // What stays there after all is found by the next start, and goes then.
    const ops = gone.map((each) => ({ del: PREFIX + each }))
    await disk.write(ops, { durable: false }).catch(() => {})
  }

  #remember(hash: string, learned: Learned): void {
    this.#open.delete(hash)
    this.#open.set(hash, learned)
    const [oldest] = this.#open.keys()
    if (this.#open.size > modelLimits.openMax && oldest !== undefined) this.#open.delete(oldest)
  }

  // ── From host to host ─────────────────────────────────────────────────────────────────────────

  async #serve(body: Uint8Array): Promise<Uint8Array> {
    const asked = decode(ModelAsked, body)
    if (!asked.ok || !isVersionHash(asked.value.hash)) throw new BadQuestion('no hash of a version')
    const version = await this.get(asked.value.hash)
    return encode(ModelTold, version === undefined ? {} : { bytes: version })
  }

  async #fetch(hash: string, from: readonly PeerId[]): Promise<Fetched> {
    const here = await this.learned(hash)
    if (here !== undefined) return { ok: true, learned: here, bytes: 0 }
    const whys = new Set<string>()
    for (const peer of from.slice(0, modelLimits.askedMax)) {
      const told = await this.#ask(peer, hash)
      if (told.ok) return told
      whys.add(told.why)
    }
    const why = whys.size === 0 ? nobodyToAsk : [...whys].join('; ')
    return { ok: false, why }
  }

  async #search(hash: string, from: readonly PeerId[]): Promise<Fetched> {
    const here = await this.learned(hash)
    if (here !== undefined) return { ok: true, learned: here, bytes: 0 }
    const whys = new Set<string>()
    for (let at = 0; at < from.length; at += modelLimits.askedAtOnce) {
      const asked = from.slice(at, at + modelLimits.askedAtOnce)
      const told = await firstOf(asked.map((peer) => this.#ask(peer, hash)))
      if (told.ok) return told
      for (const why of told.whys) whys.add(why)
    }
    return { ok: false, why: whys.size === 0 ? nobodyToAsk : [...whys].join('; ') }
  }

  async #ask(peer: PeerId, hash: string): Promise<Fetched> {
    const { calls } = this.#parts
    const body = encode(ModelAsked, { hash })
    const asked = await calls.ask(peer, MODEL_SERVICE, body, modelLimits.fetchMs)
    if (!asked.ok) return { ok: false, why: asked.why }
    const answer = decode(ModelTold, asked.body)
    const version = answer.ok ? answer.value.bytes : undefined
    if (!answer.ok) return this.#refused(peer, hash, answer.why)
    if (version === undefined) return { ok: false, why: notThere }
    const read = learnedIn(version, hash)
    if (!read.ok) return this.#refused(peer, hash, read.why)
    try {
      await this.#keep(hash, version, read.learned)
    } catch (error) {
      // Used all the same, as long as this life lasts.
      this.#remember(hash, read.learned)
      this.#log.warn('a version of the common model cannot be kept', { why: String(error) })
    }
    return { ...read, bytes: version.length }
  }

  #refused(peer: PeerId, hash: string, why: string): Fetched {
    this.#log.warn('what another host says is a version of the common model is refused', {
      version: hash,
      from: peer,
      why,
    })
    return { ok: false, why: `what it sent is refused: ${why}` }
  }
}

/** Whoever has it first: nobody who hangs is waited for once it is here. */
function firstOf(
  asked: readonly Promise<Fetched>[],
): Promise<Extract<Fetched, { ok: true }> | { ok: false; whys: string[] }> {
  return new Promise((resolve) => {
    const whys: string[] = []
    for (const one of asked) {
      void one.then((told) => {
        if (told.ok) return resolve(told)
        whys.push(told.why)
        if (whys.length === asked.length) resolve({ ok: false, whys })
      })
    }
  })
}
