/**
 * A mutant: one defect, put into the sources on their way from the disk into memory. It is data, and
 * says what it expects to find; where the code has moved, it says that instead of doing nothing.
 */
import { assert } from '../../protocol/assert.ts'

/**
 * `mesh`: whole agents, as in `skein sim soak`. `voters`: the core alone, in histories of voters.
 * `work`: whole agents that run workflows, as in `skein sim soak --work`.
 */
export type Harness = 'mesh' | 'voters' | 'work'

export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Stands there once, to the letter. */
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  /** Of the defect in the list of known ones, with a letter: one defect may be put in several ways. */
  readonly name: string
  /** What is changed, in words. */
  readonly change: string
  readonly edits: readonly Edit[]
  readonly harness: Harness
}

export interface Defect {
  readonly number: number
  readonly title: string
  readonly mutants: readonly Mutant[]
  /** Why whole agents cannot show it; those of its mutants run on the smaller harness. */
  readonly notByMesh?: string
}

export class CodeHasMoved extends Error {
  constructor(mutant: Mutant, { file, find }: Edit, times: number) {
    const first = find.trim().split('\n')[0]
    super(
      `the code has moved: mutant ${mutant.name} looks for "${first}" in ${file}, which stands there ${times} times; put the defect in anew in simulations/mutants`,
    )
    this.name = 'CodeHasMoved'
  }
}

/** The text of the file with the defect in it. */
export function mutated(mutant: Mutant, file: string, source: string): string {
  let text = source
  for (const edit of mutant.edits) {
    if (edit.file !== file) continue
    const times = text.split(edit.find).length - 1
    if (times !== 1) throw new CodeHasMoved(mutant, edit, times)
    text = text.replace(edit.find, () => edit.replace)
  }
  assert(text !== source, 'a mutant changes the files that it names', { mutant: mutant.name, file })
  return text
}

export function filesOf({ edits }: Mutant): Set<string> {
  return new Set(edits.map(({ file }) => file))
}
