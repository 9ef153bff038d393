/**
 * All hosts, and what is set aside on each: kept as attempts come and go, never counted anew. What
 * is set aside on a host stays when news of it comes, for its attempts do; and whether anybody knows
 * the host, as attempts may have been there before this one has heard of it.
 */
import { assert } from '../../protocol/assert.ts'
import type { Resources } from '../../protocol/workflow/model.ts'
import type { HostFacts, HostView, SetAside } from './host-view.ts'

interface Host extends HostFacts {
  readonly setAside: SetAside
}

export function nothingSetAside(): SetAside {
  return { attempts: 0, cpu: 0, memoryBytes: 0, diskBytes: 0, custom: new Map() }
}

export class Hosts {
  private readonly byId = new Map<string, Host>()
  /** Also of hosts that nobody knows, while anything is. */
  private readonly aside = new Map<string, SetAside>()
  private list: Host[] | undefined

  constructor(facts: Iterable<HostFacts> = []) {
    this.update(facts)
  }

  /** With all that is set aside, and apart from these from now on: to try something out on. */
  copy(): Hosts {
    const copy = new Hosts()
    for (const [id, aside] of this.aside) {
      copy.aside.set(id, { ...aside, custom: new Map(aside.custom) })
    }
    copy.update(this.byId.values())
    return copy
  }

  /** In the order in which they were first heard of. The same array until facts change. */
  all(): readonly HostView[] {
    this.list ??= [...this.byId.values()]
    return this.list
  }

  get(id: string): HostView | undefined {
    return this.byId.get(id)
  }

  /** News of some hosts. Others stay as they are. */
  update(news: Iterable<HostFacts>): void {
    for (const facts of news) {
      const setAside = this.asideOn(facts.id)
      this.byId.set(facts.id, { ...facts, setAside })
      this.list = undefined
    }
  }

  /** Nobody knows it any more. */
  remove(id: string): void {
    if (this.byId.delete(id)) this.list = undefined
    this.tidy(id)
  }

  /** For one attempt. */
  setAside(id: string, { cpu, memoryBytes, diskBytes, custom }: Resources): void {
    const aside = this.asideOn(id)
    aside.attempts++
    if (cpu !== undefined) aside.cpu += cpu
    if (memoryBytes !== undefined) aside.memoryBytes += memoryBytes
    if (diskBytes !== undefined) aside.diskBytes += diskBytes
    for (const name in custom) {
      aside.custom.set(name, (aside.custom.get(name) ?? 0) + custom[name]!)
    }
  }

  /** What `setAside` took for the same attempt. */
  release(id: string, { cpu, memoryBytes, diskBytes, custom }: Resources): void {
    const aside = this.aside.get(id)
    assert(aside !== undefined && aside.attempts > 0, 'what is given back was set aside', { id })
    aside.attempts--
    if (memoryBytes !== undefined) aside.memoryBytes -= memoryBytes
    if (diskBytes !== undefined) aside.diskBytes -= diskBytes
    // Fractions of cores do not add up exactly; an empty host has all of its own.
    aside.cpu = aside.attempts === 0 ? 0 : Math.max(0, aside.cpu - (cpu ?? 0))
    for (const name in custom) {
      const left = (aside.custom.get(name) ?? 0) - custom[name]!
      if (left > 0) aside.custom.set(name, left)
      else aside.custom.delete(name)
    }
    this.tidy(id)
  }

  private asideOn(id: string): SetAside {
    const known = this.aside.get(id)
    if (known !== undefined) return known
    const made = nothingSetAside()
    this.aside.set(id, made)
    return made
  }

  private tidy(id: string): void {
    if (!this.byId.has(id) && this.aside.get(id)?.attempts === 0) this.aside.delete(id)
  }
}
