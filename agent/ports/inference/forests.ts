/**
 * Forests in the process with the models, walked by ourselves: of a placement the runtime takes over four
 * times as long, for it goes down every tree for every row. What comes of it is the same to the last
 * bit. A model that is no forest, or one of another form, is the runtime's.
 */
import { type Folded, folded } from '../../../models/folded.ts'
import { forestIn } from '../../../models/trees/import.ts'
import { ForestWalk } from '../../../models/trees/walk.ts'
import { isFolded } from './tensors.ts'

type Given = Folded | { readonly dims: readonly number[]; readonly data: unknown }

interface Told {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

export interface ForestSession {
  /** What the model calls it. */
  readonly output: string
  /** Takes no notice of what it is given besides its rows. */
  run(inputs: Readonly<Record<string, Given>>): Told
}

/** Undefined where the runtime is to be asked. */
export function forestSession(model: Uint8Array): ForestSession | undefined {
  const read = forestIn(model)
  const walk = read && ForestWalk.of(read.forest)
  if (read === undefined || walk === undefined) return undefined
  const { input, output } = read
  return { output, run: (inputs) => walked(walk, input, inputs[input]) }
}

function walked(walk: ForestWalk, input: string, given: Given | undefined): Told {
  if (given === undefined) throw new Error(`it is given no ${input}`)
  const rows = rowsOf(given, walk.features)
  if (rows === undefined) {
    throw new Error(`${input} is not floats of four bytes in the shape [rows, ${walk.features}]`)
  }
  return { dims: [rows.rows, walk.outputs], data: walk.told(rows) }
}

function rowsOf(given: Given, features: number): Folded | undefined {
  if (isFolded(given)) return given.features === features ? given : undefined
  const { dims, data } = given
  const isFit = dims.length === 2 && dims[1] === features && data instanceof Float32Array
  return isFit ? folded(data, features) : undefined
}
