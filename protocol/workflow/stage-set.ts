/**
 * A set of a workflow's stages as bits: the n-th of them by name. As small as ten thousand stages
 * make it, whatever they are called, and read the same by whoever has the workflow.
 */
import type { Workflow } from './model.ts'

type Staged = Pick<Workflow, 'stages'>

export function bitsOfStages(workflow: Staged, chosen: Iterable<string>): Uint8Array {
  const wanted = new Set(chosen)
  const names = namesOf(workflow)
  const bits = new Uint8Array(Math.ceil(names.length / 8))
  names.forEach((name, i) => {
    if (wanted.has(name)) bits[i >> 3]! |= 1 << (i & 7)
  })
  return bits
}

/** Bits beyond the last stage mean nothing. */
export function stagesOfBits(workflow: Staged, bits: Uint8Array): string[] {
  return namesOf(workflow).filter((_, i) => ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0)
}

/** What a run takes over of the one that it does again: the names, or the set in their place. */
export function keptBy(
  { keep, kept }: { readonly keep: readonly string[]; readonly kept?: Uint8Array | undefined },
  workflow: Staged,
): readonly string[] {
  return kept === undefined ? keep : stagesOfBits(workflow, kept)
}

/** By code units: the order in which a workflow stands in its file means nothing. */
function namesOf({ stages }: Staged): string[] {
  return stages.map(({ name }) => name).sort((a, b) => (a < b ? -1 : 1))
}
