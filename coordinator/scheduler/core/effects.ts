/** What a scheduler wants done in the world, when the ledger has what it stands on. */
import type { ContentHash } from '../../../protocol/artifacts/hashes.ts'
import type { Assignment } from '../../../protocol/work/attempt.ts'
import type { AttemptId, Fence } from '../../../protocol/work/fence.ts'
import type { Late } from './run.ts'

export type Effect =
  /** Send it. The same again is harmless: the agent knows it by its fence. */
  | { readonly kind: 'assign'; readonly node: string; readonly assignment: Assignment }
  | {
      readonly kind: 'cancel'
      readonly node: string
      readonly id: AttemptId
      readonly fence: Fence
      readonly reason: string
      readonly atOnce: boolean
    }
  /** Tell people: it takes far longer than such work does there. */
  | {
      readonly kind: 'late'
      readonly node: string
      readonly id: AttemptId
      readonly ranMs: number
      readonly late: Late
    }
  /** Tell people: a second attempt runs beside the one on the host `from`, which takes so much longer. */
  | {
      readonly kind: 'raced'
      readonly node: string
      readonly from: string
      /** Of the second one. */
      readonly id: AttemptId
      readonly usualMs: number
    }
  /** The result is in the ledger, or can never be: the agent may forget it. */
  | {
      readonly kind: 'committed'
      readonly node: string
      readonly id: AttemptId
      readonly fence: Fence
    }
  /** The run takes over files that lie there: they are to stay as long as it does. */
  | {
      readonly kind: 'keep'
      readonly node: string
      readonly run: string
      readonly manifests: readonly ContentHash[]
    }
  /** Ask the host what it holds, and answer with `inventory`. */
  | { readonly kind: 'inquire'; readonly node: string }
  /** Which workflow does the name mean? Answer with `workflowFound`. */
  | { readonly kind: 'findWorkflow'; readonly name: string }
  /** How did the run end? Answer with `runFound`, or `addRun` when it has not. */
  | { readonly kind: 'findRun'; readonly run: string }
  /** Read the run anew, whole and from one state, and give it to `addRun`. */
  | { readonly kind: 'reload'; readonly run: string }
