/** Who is in a round, who is not and why, and what each has said and been told. */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { roundsLimits } from './limits.ts'
import type { Out, RoundHost } from './rows.ts'

interface Line {
  rows: number
  counted: boolean
  upBytes: number
  downBytes: number
  before?: number
  after?: number
  out?: Out
  why?: string
  lied?: boolean
  half?: number
  unheard?: boolean
  /** Whether it can have something to say. */
  hasVoice: boolean
}

/** Not asked, for what is known of it. */
export interface Barred {
  readonly id: PeerId
  readonly out: Out
  readonly why: string
}

export class RollCall {
  readonly #lines: ReadonlyMap<PeerId, Line>

  constructor(hosts: readonly PeerId[], barred: readonly Barred[] = []) {
    const asked = new Set(hosts)
    const all = [...hosts, ...barred.map(({ id }) => id)].sort()
    const figures = { rows: 0, counted: false, upBytes: 0, downBytes: 0 }
    this.#lines = new Map(all.map((id) => [id, { ...figures, hasVoice: asked.has(id) }]))
    for (const { id, out, why } of barred) this.leaveOut(id, out, why)
  }

  /** In the order of their ids. */
  get present(): PeerId[] {
    return [...this.#lines].flatMap(([id, { out }]) => (out === undefined ? [id] : []))
  }

  /** Whose update does not count may say all the same whether the sum of others is any good. */
  get voters(): PeerId[] {
    return [...this.#lines].flatMap(([id, { out }]) =>
      out === undefined || out === 'notCounted' ? [id] : [],
    )
  }

  /**
   * Hosts that have something to say, whether they were heard or not: all that know enough, and know of
   * the round.
   */
  get voices(): number {
    return this.#sum(({ out, hasVoice }) => Number(hasVoice && out !== 'excused'))
  }

  /** The most that one host has said, or was told. */
  get mostBytes(): number {
    const all = [...this.#lines.values()]
    return Math.max(0, ...all.map(({ upBytes, downBytes }) => Math.max(upBytes, downBytes)))
  }

  get rows(): number {
    return this.#sum(({ counted, rows }) => (counted ? rows : 0))
  }

  get countedHosts(): number {
    return this.#sum(({ counted }) => Number(counted))
  }

  /** The first reason stays: what follows is of its making. */
  leaveOut(host: PeerId, out: Out, why: string): void {
    const line = this.#line(host)
    line.out ??= out
    line.why ??= why.slice(0, roundsLimits.whyBytesMax / 3)
  }

  /** It does not know of the round, and can say nothing in it. */
  isUnaware(host: PeerId): void {
    this.#line(host).hasVoice = false
  }

  lied(host: PeerId): void {
    this.leaveOut(host, 'refused', 'it has lied under masks')
    this.#line(host).lied = true
  }

  /** Whether the rule has left somebody's update out, or hosts what its half gave. */
  get hasUncounted(): boolean {
    return [...this.#lines.values()].some(({ out }) => out === 'notCounted')
  }

  /** Whether somebody is known who has. */
  get hasLiars(): boolean {
    return [...this.#lines.values()].some(({ lied }) => lied === true)
  }

  said(host: PeerId, bytes: { up: number; down: number }): void {
    const line = this.#line(host)
    line.upBytes += bytes.up
    line.downBytes += bytes.down
  }

  has(host: PeerId, rows: number): void {
    this.#line(host).rows = rows
  }

  count(hosts: readonly PeerId[]): void {
    for (const host of hosts) this.#line(host).counted = true
  }

  /** Summed with others in that half, whatever came of it: 1 or 2. */
  inHalf(hosts: readonly PeerId[], half: number): void {
    for (const host of hosts) this.#line(host).half = half
  }

  /** What came of that half alone is taken: what others gave does not count. */
  countsOnly(half: number): void {
    for (const [host, line] of this.#lines) {
      if (line.half === undefined || line.half === half) continue
      line.counted = false
      this.leaveOut(host, 'notCounted', 'hosts are better off without what its half gave')
    }
  }

  voted(host: PeerId, before: number, after: number): void {
    Object.assign(this.#line(host), { before, after })
  }

  /** What it says does not count; what it gives does. */
  isUnheard(host: PeerId): void {
    const line = this.#line(host)
    line.unheard = true
    line.why ??= 'its vote does not count: its votes go against those of most hosts'
  }

  losses(which: 'before' | 'after'): Map<PeerId, number> {
    const told = [...this.#lines].flatMap(([id, line]) => {
      const loss = line[which]
      return loss === undefined ? [] : [[id, loss] as const]
    })
    return new Map(told)
  }

  hosts(): RoundHost[] {
    return [...this.#lines].map(([id, { hasVoice: _, ...line }]) => ({ id, ...line }))
  }

  #sum(of: (line: Line) => number): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + of(line), 0)
  }

  #line(host: PeerId): Line {
    return this.#lines.get(host) as Line
  }
}
