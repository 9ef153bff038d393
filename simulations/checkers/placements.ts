/**
 * Where attempts are sent: to hosts that their stage asks for by name or by label, and to none that
 * is drained. What is on its way when a drain is committed may still come.
 */
import type { Template } from '../../protocol/workflow/expressions/template.ts'
import type { Stage } from '../../protocol/workflow/model.ts'
import { placementTimes } from './limits.ts'
import { type Violation, violation } from './violation.ts'

export interface Place {
  readonly id: string
  readonly name: string
  /** Those that it has had all the time. */
  readonly labels: Readonly<Record<string, string>>
}

const LAW = 'an attempt goes where it may'

export class Placements {
  /** Since when, by host. */
  private readonly drained = new Map<string, number>()

  drains(host: string, nowMs: number): void {
    if (!this.drained.has(host)) this.drained.set(host, nowMs)
  }

  undrains(host: string): void {
    this.drained.delete(host)
  }

  assigned(unit: string, { where }: Stage, place: Place, nowMs: number): Violation | undefined {
    const { id, name, labels } = place
    const sinceMs = this.drained.get(id)
    if (sinceMs !== undefined && nowMs - sinceMs > placementTimes.drainedMs) {
      const ago = `${Math.round(nowMs - sinceMs)} ms ago`
      return violation(LAW, `${unit} is sent to ${name}, which was drained ${ago}`)
    }
    const hosts = plain(where.hosts)
    if (hosts.length > 0 && !hosts.includes(name)) {
      return violation(LAW, `${unit} is sent to ${name}, and asks for ${hosts.join(', ')}`)
    }
    for (const [label, rule] of Object.entries(where.labels)) {
      const wanted = plain(rule.in ?? [])
      if (wanted.length === 0 || wanted.includes(labels[label] ?? '')) continue
      const what = `${unit} is sent to ${name}, whose ${label} is ${labels[label]}`
      return violation(LAW, what, [`it asks for ${wanted.join(', ')}`])
    }
    return undefined
  }
}

/** Without those that have to be computed. */
function plain(templates: readonly Template[]): string[] {
  return templates.flatMap(([text, ...more]) =>
    typeof text === 'string' && more.length === 0 ? [text] : [],
  )
}
