/**
 * The shape of Montage, which makes one mosaic of the sky of many images: each image is projected,
 * overlapping ones are compared, one model is fitted to all differences, each image is corrected by
 * it, and all are added; so for each of three colours, which make a picture at the end. Wide, then a
 * bottleneck, then wide again, with needs that skip levels: what real workflows are like.
 */

import type { Trace } from '../../models/traces/wfformat.ts'
import { type Entropy, pick } from '../../protocol/ports/entropy.ts'
import type { Node, Shape } from './shape.ts'
import { times } from './shapes.ts'

export interface MontageOptions {
  /** Of each colour. A mosaic of 5 degrees has some 90. */
  readonly images: number
  /** How many of the next images one overlaps with. */
  readonly overlaps: number
  /** Times are drawn from those of a kind; what is not in it has nothing to do. */
  readonly secondsOf: SecondsOf
}

export type SecondsOf = ReadonlyMap<string, readonly number[]>

const COLOURS = 3

/** What tasks of each kind took in a trace. */
export function secondsIn({ tasks }: Trace): SecondsOf {
  const known = new Map<string, number[]>()
  for (const { kind, seconds } of tasks) {
    if (seconds === undefined) continue
    const of = known.get(kind)
    if (of) of.push(seconds)
    else known.set(kind, [seconds])
  }
  return known
}

export function montage(entropy: Entropy, options: MontageOptions): Shape {
  const { images, overlaps, secondsOf } = options
  const nodes: Node[] = []
  const add = (kind: string, needs: readonly number[]): number => {
    const seconds = pick(entropy, secondsOf.get(kind) ?? [])
    return nodes.push({ kind, needs, ...(seconds === undefined ? {} : { seconds }) }) - 1
  }
  const mosaics = times(COLOURS, () => {
    const projected = times(images, () => add('mProject', []))
    const compared = projected.flatMap((one, i) =>
      projected.slice(i + 1, i + 1 + overlaps).map((other) => add('mDiffFit', [one, other])),
    )
    const model = add('mBgModel', [add('mConcatFit', compared)])
    const corrected = projected.map((one) => add('mBackground', [one, model]))
    const mosaic = add('mAdd', [...corrected, add('mImgtbl', corrected)])
    add('mViewer', [mosaic])
    return mosaic
  })
  add('mViewer', mosaics)
  return { name: `montage-${images}`, nodes }
}
