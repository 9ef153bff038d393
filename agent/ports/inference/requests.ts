/** What the process with the models is asked, and what it answers: the heads of frames. */
import { z } from 'zod'
import { inferenceLimits } from '../limits.ts'

export type InferenceBounds = Readonly<Record<keyof typeof inferenceLimits, number>>

/** What a head says of one tensor. */
export interface TensorHead {
  readonly name: string
  readonly type: 'float32' | 'int64'
  readonly dims: readonly number[]
}

/** Of rows without what they repeat (`models/folded.ts`). */
export interface FoldedHead {
  readonly name: string
  readonly type: 'folded'
  readonly rows: number
  /** Of a block. */
  readonly width: number
  /** A letter for each: what it is of. */
  readonly columns: string
}

export type SentHead = TensorHead | FoldedHead

/** Of `open` the model is behind it, of `run` the tensors are. */
export type Call =
  | { readonly call: 'open'; readonly session: number }
  | {
      readonly call: 'run'
      readonly session: number
      readonly steps: readonly (readonly SentHead[])[]
      readonly carried: Readonly<Record<string, string>>
    }
  | { readonly call: 'close'; readonly session: number }

export type Request = Call & { readonly id: number }

/** Behind what is done are its tensors. */
export type Answer =
  | { readonly id: number; readonly kind: 'done'; readonly tensors: readonly TensorHead[] }
  /** `takesFolded`: its rows may come without what they repeat. */
  | { readonly id: number; readonly kind: 'opened'; readonly takesFolded: boolean }
  | { readonly id: number; readonly kind: 'refused'; readonly why: string }

const anyTensor = z.object({
  name: z.string(),
  type: z.enum(['float32', 'int64']),
  dims: z.array(z.int().nonnegative()).max(inferenceLimits.rankMax),
})

export const anyAnswer: z.ZodType<Answer> = z.discriminatedUnion('kind', [
  z.object({
    id: z.int(),
    kind: z.literal('done'),
    tensors: z.array(anyTensor).max(inferenceLimits.tensorsMax),
  }),
  z.object({ id: z.int(), kind: z.literal('opened'), takesFolded: z.boolean() }),
  z.object({ id: z.int(), kind: z.literal('refused'), why: z.string() }),
])
