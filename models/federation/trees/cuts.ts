/**
 * Where features may be cut: fixed before anybody's rows are looked at, so that it says nothing of
 * them. Places of names hold whole numbers, sizes lie in ranges that are known (`../describing.ts`).
 */
import { stepOf } from '../../trees/bins.ts'
import { featureCount, featureGroups } from '../describing.ts'
import type { Examples } from '../rounds/trainable.ts'

/** By feature: values up to the first go into step 0, and so on; what is beyond the last, into one more. */
export type Cuts = readonly Float32Array[]

const betweenWholes = Float32Array.of(-0.5, 0.5)
const cutsOfSize = 23
/** What is usual, as features; what lies beyond goes with the ends. */
const ranges: Readonly<Record<string, readonly [from: number, to: number]>> = {
  'input bytes': [-3, 3],
  'input files': [-1, 7],
  cpus: [-1, 4],
  memory: [-3, 3],
  'host speed': [-2, 2],
}

export const describedCuts: Cuts = Array.from({ length: featureCount }, (_, feature) => {
  const group = featureGroups.find(({ from, length }) => feature >= from && feature < from + length)
  const range = ranges[group?.name ?? '']
  if (range === undefined) return betweenWholes
  // A size, and whether it is known.
  return feature === group?.from ? evenly(...range) : Float32Array.of(0.5)
})

/** Features that may be looked at. */
export const cutCount = featureCount

/** What is said of all before there is a tree: logarithms of milliseconds, as `firstCommon` of the registry has them. */
export const describedStart = [7.3, 8, 8.7] as const

function evenly(from: number, to: number): Float32Array {
  return Float32Array.from(
    { length: cutsOfSize },
    (_, i) => from + ((i + 0.5) * (to - from)) / cutsOfSize,
  )
}

/** Rows as a host counts them. */
export interface Stepped {
  readonly rows: number
  /** By feature, then row: in which step. */
  readonly steps: readonly Uint8Array[]
  /** Logarithms, as they are told. */
  readonly targets: Float32Array
}

/** Rows that hold what is no number are left out: they would be on one side here and on another there. */
export function steppedOf({ features, targets }: Examples, cuts: Cuts): Stepped {
  const width = cuts.length
  const kept: number[] = []
  for (let row = 0; row < targets.length; row++) {
    const of = features.subarray(row * width, (row + 1) * width)
    if (Number.isFinite(targets[row]) && areFinite(of)) kept.push(row)
  }
  return {
    rows: kept.length,
    steps: cuts.map((cut, feature) => {
      // A loop: 2,048 rows are stepped in one go, in 4 ms; with callbacks it takes 16 (measured).
      const steps = new Uint8Array(kept.length)
      for (let i = 0; i < kept.length; i++) {
        steps[i] = stepOf(cut, features[(kept[i] as number) * width + feature] as number)
      }
      return steps
    }),
    targets: Float32Array.from(kept, (row) => targets[row] as number),
  }
}

function areFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false
  return true
}
