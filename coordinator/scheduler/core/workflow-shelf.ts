/** Workflows that runs are of, compiled once for all of them, and forgotten with the last. */
import { assert } from '../../../protocol/assert.ts'
import type { Workflow } from '../../../protocol/workflow/model.ts'
import { type Compiled, compile } from './compiled.ts'

export class WorkflowShelf {
  private readonly held = new Map<string, { readonly made: Compiled; runs: number }>()

  has(hash: string): boolean {
    return this.held.has(hash)
  }

  /** For one more run. */
  hold(hash: string, workflow: Workflow | undefined): Compiled {
    const known = this.held.get(hash)
    if (known !== undefined) {
      known.runs++
      return known.made
    }
    assert(workflow !== undefined, 'a workflow that is not known comes with its first run', {
      hash,
    })
    const made = compile(hash, workflow)
    this.held.set(hash, { made, runs: 1 })
    return made
  }

  release(hash: string): void {
    const known = this.held.get(hash)
    if (known !== undefined && --known.runs === 0) this.held.delete(hash)
  }

  /** For nobody yet. */
  look(hash: string, workflow: Workflow): Compiled {
    return this.held.get(hash)?.made ?? compile(hash, workflow)
  }
}
