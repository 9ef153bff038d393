/**
 * What this host says by the common model: it has the versions that the ledger names, notes of each
 * attempt that ends what they would have said beside what its history says, and speaks by a version
 * where that has done better. Work never waits for it: attempts are judged a while after they have
 * ended, many at once, where models run; and of what is not worked out in time the plain word stands.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Engine } from '../../models/engine.ts'
import { joined } from '../../models/federation/aggregation/vectors.ts'
import { featureCount } from '../../models/federation/describing.ts'
import type { Told } from '../../models/federation/personal.ts'
import { historyKey } from '../../models/profiles/levels.ts'
import type { Plain } from '../../models/profiles/profiles.ts'
import { isCanaryHost } from '../../models/registry/promoting.ts'
import { judged, type Standing } from '../../models/registry/standing.ts'
import {
  isOnTrial,
  type RegistryView,
  shadowsIn,
  type Version,
} from '../../models/registry/versions.ts'
import type { Range } from '../../models/rows.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { stackOf } from '../../protocol/thrown.ts'
import { type Explained, explainedBy } from './explaining.ts'
import type { OwnHost, OwnRow } from './lesson.ts'
import { adviceLimits } from './limits.ts'
import type { ModelStore } from './models.ts'
import { type Kind, Oracle } from './oracle.ts'
import { rankOf, type Speaker } from './speaker.ts'
import { Speakers } from './speakers.ts'

export interface AdvisorParts {
  readonly clock: Clock
  readonly log: Log
  readonly engine: Engine
  readonly models: Pick<ModelStore, 'fetch'>
  readonly self: PeerId
  /** What this host is called. */
  readonly name: string
  readonly host: () => OwnHost
  readonly registry: () => RegistryView
  /** Hosts that are alive, this one included. */
  readonly alive: () => readonly PeerId[]
  /** Of this host's own history. */
  readonly rows: () => AsyncIterable<OwnRow>
}

export interface Advice extends Range {
  /** The version that says so. */
  readonly by: string
}

export interface VersionStanding extends Standing {
  readonly hash: string
}

/** On what a host's history stands where somebody asks: on the very same kind of work, on what is like it, or on nothing. */
export type Ground = 'kind' | 'similar' | 'none'

interface Ended {
  readonly row: OwnRow
  /** Before it was known how it ended. */
  readonly plain: Plain
}

export class Advisor {
  readonly #parts: AdvisorParts
  readonly #log: Log
  readonly #oracle: Oracle
  readonly #speakers: Speakers
  /** As it was looked at last. */
  #view: RegistryView
  /** By which this host speaks, where it may. */
  #voice: Speaker | undefined
  /** What the host was like when it was said what is kept. */
  #host: OwnHost = {}
  #pending: Ended[] = []
  /** By kind of work, what history said when the first of those ended. */
  readonly #plain = new Map<string, Plain>()
  #looking: Timer | undefined
  #judging: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #coming: Timer | undefined
  #isComing = false
  #isOpen = false
  #isFailing = false

  constructor(parts: AdvisorParts) {
    this.#parts = parts
    this.#log = parts.log.child('learning')
    this.#oracle = new Oracle(parts)
    this.#speakers = new Speakers(parts, this.#oracle)
    this.#view = parts.registry()
  }

  start(): void {
    this.#isOpen = true
    this.#looking = this.#parts.clock.every(adviceLimits.lookMs, () => this.#look())
  }

  /** What runs still is let be: it ends with the engine, and says nothing any more. */
  stop(): void {
    this.#isOpen = false
    this.#looking?.cancel()
    this.#coming?.cancel()
    this.#isComing = false
    this.#judging?.cancel()
    this.#judging = undefined
    this.#pending = []
    this.#plain.clear()
  }

  // ── As attempts end ───────────────────────────────────────────────────────────────────────────

  /**
   * `plain`: what this host's history said of it, before it knew how it ended. Versions are told of
   * attempts that are judged together after all of them, and so history, too, speaks by what it knew
   * before the first: else whatever is new or has changed would make any version look bad beside it.
   */
  ended(row: OwnRow, plain: () => Plain): void {
    if (!this.#isOpen || this.#speakers.size === 0 || row.ended !== 'succeeded') return
    if (this.#pending.length >= adviceLimits.pendingMax) return
    const kind = historyKey(row.group, row.task)
    const said = this.#plain.get(kind) ?? plain()
    this.#plain.set(kind, said)
    this.#pending.push({ row, plain: said })
    const { judgeMsOnTrial, judgeMsOtherwise } = adviceLimits
    const isTrial = this.#view.versions.some(isOnTrial)
    this.#judging ??= this.#parts.clock.after(isTrial ? judgeMsOnTrial : judgeMsOtherwise, () => {
      this.#judging = undefined
      this.#inTurn(() => this.#judge())
    })
  }

  /** What was learned of attempts that are forgotten is forgotten, too. */
  purged(): void {
    this.#pending = []
    this.#plain.clear()
    this.#oracle.forget()
    this.#speakers.forget()
    this.#inTurn(() => this.#speakers.warmAll())
  }

  async #judge(): Promise<void> {
    const ended = this.#pending
    const { purges } = this.#speakers
    this.#pending = []
    this.#plain.clear()
    const rows = ended.map(({ row }) => row)
    this.#view = this.#parts.registry()
    const features = await this.#oracle.described(rows)
    const bare = new Map<Speaker, readonly Told[]>()
    for (const speaker of this.#speakers.all) {
      bare.set(speaker, await this.#oracle.told(speaker.learned, features))
    }
    if (purges !== this.#speakers.purges) return
    for (const [i, one] of ended.entries()) this.#judgeOne(one, i, bare)
    // Only now: nothing is said of what has ended by what is known of its end.
    for (const [speaker, told] of bare) speaker.tell(rows, told)
    this.#speakers.sized(rows)
  }

  #judgeOne({ row, plain }: Ended, at: number, bare: ReadonlyMap<Speaker, readonly Told[]>): void {
    if (plain.range === undefined) return
    const { active, versions } = this.#view
    const said = [...bare].map(([speaker, told]) => {
      return { speaker, range: speaker.corrected(row, told[at] as Told) }
    })
    const rival = said.find(({ speaker }) => speaker.hash === active?.hash)?.range
    for (const { speaker, range } of said) {
      const beside = speaker.hash === active?.hash ? undefined : rival
      const judgement = judged(range, beside, plain.range, row.endedMs - row.startedMs)
      speaker.record.add(judgement)
      if (plain.isOfKind) speaker.noteKind(row, judgement)
      const version = versions.find(({ hash }) => hash === speaker.hash)
      if (version !== undefined) speaker.trial(trialOf(version, this.#view)).add(judgement)
    }
  }

  /** What this host says of the versions that it has, each in the state that it is in. */
  standings(): VersionStanding[] {
    const view = this.#parts.registry()
    return this.#speakers.all.flatMap((speaker) => {
      const version = view.versions.find(({ hash }) => hash === speaker.hash)
      if (version === undefined) return []
      return [{ hash: speaker.hash, ...speaker.trial(trialOf(version, view)).standing }]
    })
  }

  // ── Speaking ──────────────────────────────────────────────────────────────────────────────────

  /** Works out what is said of them, as far as that is done in time. */
  async prepare(kinds: readonly Kind[]): Promise<void> {
    const speaker = this.#voice
    if (speaker === undefined) return
    const unsaid = kinds
      .filter(({ group, task }) => speaker.said(historyKey(group, task)) === undefined)
      .slice(0, adviceLimits.askedAtOnce)
    if (unsaid.length === 0) return
    const late = Promise.withResolvers<void>()
    const timer = this.#parts.clock.after(adviceLimits.answerMs, () => late.resolve())
    const done = this.#work(async () => {
      const asked = unsaid.map((kind) => this.#oracle.asked(kind))
      const told = await this.#oracle.told(speaker.learned, joined(asked))
      let from = 0
      for (const [i, { group, task }] of unsaid.entries()) {
        const count = (asked[i] as Float32Array).length / featureCount
        speaker.remember(historyKey(group, task), told.slice(from, from + count))
        from += count
      }
    })
    await Promise.race([done, late.promise])
    timer.cancel()
  }

  /**
   * What is said of it by a version; undefined where the plain word stands: where history has ground
   * and the version has not done better here, or was worse of this very kind, or has yet to be judged by
   * it; and where nothing was worked out yet.
   */
  advice(kind: Kind, n: number, ground: Ground): Advice | undefined {
    const speaker = this.#voice
    const told = speaker?.said(historyKey(kind.group, kind.task))
    if (speaker === undefined || told === undefined) return undefined
    if (ground !== 'none' && !speaker.isBelieved(kind, ground === 'kind')) return undefined
    return { ...speaker.expected(kind, told), n, by: speaker.hash }
  }

  /** What the version that would speak here says of it, and what that hangs on most. `isOfKind`: as `Plain` has it. */
  async explained(kind: Kind, isOfKind: boolean): Promise<Explained | undefined> {
    const speaker = this.#voice
    if (speaker === undefined) return undefined
    return explainedBy(speaker, this.#oracle, kind, isOfKind)
  }

  // ── Versions ──────────────────────────────────────────────────────────────────────────────────

  #look(): void {
    const host = this.#parts.host()
    if (!isDeepStrictEqual(host, this.#host)) {
      this.#host = host
      for (const speaker of this.#speakers.all) speaker.moved()
    }
    this.#view = this.#parts.registry()
    const { active, canary } = this.#view
    const heard = [active, canary, ...shadowsIn(this.#view)]
    const listened = heard.flatMap((version) => version?.hash ?? [])
    this.#speakers.keepOnly(listened)
    this.#choose()
    const missing = this.#speakers.missing(listened)
    if (missing.length === 0 || this.#isComing) return
    this.#isComing = true
    this.#coming = this.#parts.clock.after(this.#speakers.waitMs, () => this.#come(missing))
  }

  #come(missing: readonly string[]): void {
    this.#inTurn(async () => {
      try {
        for (const hash of missing) await this.#speakers.come(hash)
      } finally {
        this.#isComing = false
        this.#choose()
      }
    })
  }

  /** The canary on a few hosts, if it has done well there; the active one on all others. */
  #choose(): void {
    const { self, alive } = this.#parts
    const { active, canary } = this.#view
    const tried = canary && this.#speakers.get(canary.hash)
    const isChosen = tried !== undefined && isCanaryHost(tried.hash, self, alive(), rankOf)
    const usual = this.#speakers.get(active?.hash ?? '')
    this.#voice = isChosen && (tried.isProven || usual === undefined) ? tried : usual
  }

  /** One after the other: what came first is in mind when the next is judged. */
  #inTurn(work: () => Promise<void>): void {
    this.#working = this.#working.then(() => this.#work(work))
  }

  /** What goes wrong where models run costs what was to be learned, and nothing else. */
  async #work(work: () => Promise<void>): Promise<void> {
    if (!this.#isOpen) return
    try {
      await work()
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing && this.#isOpen) {
        this.#log.warn('the common model says nothing here', { why: stackOf(error) })
      }
      this.#isFailing = true
    }
  }
}

/** The state it is in, since when, beside whom: judged anew in each. */
function trialOf({ state, sinceMs }: Version, { active }: RegistryView): string {
  return `${state} ${sinceMs} ${active?.hash ?? ''}`
}
