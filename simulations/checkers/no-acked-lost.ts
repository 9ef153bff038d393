/**
 * Every acknowledged proposal is in the final state, once; every refused one is not in it. Proposals
 * are known by their client and the number that it gave them, from 1 on.
 */
import { assert } from '../../protocol/assert.ts'
import { checkerLimits } from './limits.ts'
import { type Violation, violation } from './violation.ts'

const LAW = 'no acknowledged write lost'
const SHOWN_MAX = 8

export interface Proposal {
  readonly client: number
  readonly serial: number
}

export class NoAckedLost {
  private readonly acked = new Map<number, Bits>()
  private readonly refused = new Map<number, Bits>()
  private ackedCount = 0

  get acknowledged(): number {
    return this.ackedCount
  }

  /** A client was told that it took effect. */
  observeAcked({ client, serial }: Proposal): Violation | undefined {
    if (bitsOf(this.refused, client).has(serial))
      return violation(LAW, `${client}/${serial} was refused, and then acknowledged`)
    if (bitsOf(this.acked, client).add(serial)) this.ackedCount++
    return undefined
  }

  /** A client was told that it never did and never will. */
  observeRefused({ client, serial }: Proposal): Violation | undefined {
    if (bitsOf(this.acked, client).has(serial))
      return violation(LAW, `${client}/${serial} was acknowledged, and then refused`)
    bitsOf(this.refused, client).add(serial)
    return undefined
  }

  /** What the final state holds: each proposal as often as it took effect. */
  conclude(found: Iterable<Proposal>): Violation | undefined {
    const present = new Map<number, Bits>()
    const twice: string[] = []
    const unwanted: string[] = []
    let ackedFound = 0
    for (const { client, serial } of found) {
      const fresh = bitsOf(present, client).add(serial)
      if (!fresh) twice.push(`${client}/${serial} took effect twice`)
      else if (bitsOf(this.acked, client).has(serial)) ackedFound++
      if (bitsOf(this.refused, client).has(serial))
        unwanted.push(`${client}/${serial} was refused and took effect`)
    }
    const lost = ackedFound < this.ackedCount ? this.missingFrom(present) : []
    const wrong = [...lost, ...twice, ...unwanted]
    if (wrong.length === 0) return undefined
    const what = `${lost.length} lost, ${twice.length} twice, ${unwanted.length} in spite of a refusal, of ${this.ackedCount} acknowledged`
    return violation(LAW, what, wrong.slice(0, SHOWN_MAX))
  }

  private missingFrom(present: Map<number, Bits>): string[] {
    const lost: string[] = []
    for (const [client, acked] of this.acked)
      for (const serial of acked.members())
        if (!bitsOf(present, client).has(serial))
          lost.push(`${client}/${serial} was acknowledged and is gone`)
    return lost
  }
}

function bitsOf(all: Map<number, Bits>, client: number): Bits {
  let bits = all.get(client)
  if (!bits) {
    bits = new Bits()
    all.set(client, bits)
  }
  return bits
}

class Bits {
  private words = new Uint32Array(8)

  has(member: number): boolean {
    return (((this.words[member >>> 5] ?? 0) >>> (member & 31)) & 1) === 1
  }

  /** False when it was there already. */
  add(member: number): boolean {
    assert(member < checkerLimits.serialsMax, 'a serial number must be below its limit', { member })
    if (this.has(member)) return false
    const at = member >>> 5
    if (at >= this.words.length) {
      const grown = new Uint32Array(Math.max(at + 1, this.words.length * 2))
      grown.set(this.words)
      this.words = grown
    }
    this.words[at] = (this.words[at] as number) | (1 << (member & 31))
    return true
  }

  *members(): Iterable<number> {
    for (let at = 0; at < this.words.length; at++) {
      const word = this.words[at] as number
      for (let bit = 0; word !== 0 && bit < 32; bit++)
        if (((word >>> bit) & 1) === 1) yield at * 32 + bit
    }
  }
}
