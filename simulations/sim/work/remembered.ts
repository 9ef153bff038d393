/**
 * Every run that ever began, and how it was when it ended: whoever asks for it later has to find it,
 * in the ledger or in a history, and find it so.
 */
import { createHash } from 'node:crypto'
import type { RunView } from '../../../protocol/ledger/work-view.ts'
import { type Violation, violation } from '../../checkers/violation.ts'

export class Remembered {
  private readonly views = new Map<string, RunView | undefined>()
  private readonly keys = new Map<string, string>()

  begins(run: string, key: string | undefined): Violation | undefined {
    this.views.set(run, undefined)
    if (key === undefined) return undefined
    const other = this.keys.get(key)
    this.keys.set(key, run)
    if (other === undefined) return undefined
    return violation('a key begins one run', `${key} has begun ${other}, and begins ${run}`)
  }

  ends(view: RunView): void {
    this.views.set(view.run, view)
  }

  get runs(): readonly string[] {
    return [...this.views.keys()]
  }

  /** What somebody was shown of it. */
  compare(shown: RunView): Violation | undefined {
    const view = this.views.get(shown.run)
    if (view !== undefined && fingerprint(view) === fingerprint(shown)) return undefined
    const lines = view === undefined ? [] : differences(view, shown)
    return violation('no run disappears', `${shown.run} is not told as it ended`, lines)
  }
}

function fingerprint(view: RunView): string {
  return createHash('sha256').update(plainJson(view)).digest('hex')
}

/** The same for the same, in whatever order its parts were put together. */
function plainJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Uint8Array) return Buffer.from(part).toString('hex')
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

function differences(was: RunView, is: RunView): string[] {
  return Object.keys({ ...was, ...is }).flatMap((name) => {
    const before = plainJson(was[name as keyof RunView] ?? null)
    const after = plainJson(is[name as keyof RunView] ?? null)
    return before === after ? [] : [`${name} was ${before}`, `${name} is ${after}`]
  })
}
