/** A stage on its way to the paper, and the words that all who draw one have in common. */
import type { Json } from '../../../protocol/workflow/shape/shape.ts'

export type Section = 'stages' | 'onFailure' | 'finally'
export type Written = Record<string, Json>

export interface Sketch {
  readonly name: string
  readonly section: Section
  readonly needs: string[]
  readonly written: Written
  /** What it hands on has a `v`, when it succeeds. */
  readonly hasOutput: boolean
  /** It sends an event of its name when it has succeeded. */
  readonly sends: boolean
  /** Lists of targets, to be filled. */
  readonly branches?: string[][]
}

export const expression = (text: string) => `\${{ ${text} }}`

/** Events that come from outside, and keys that they may have. */
export const events = ['go', 'come']
export const eventKeys = ['left', 'right']

/** An event that only this stage of this run sends. */
export function own(name: string): Written {
  return { event: `e-${name}`, key: expression('run.id') }
}

/** Where what a stage makes lies: of each item a file of its own. */
export function fileOf(stage: string, item?: number | string): string {
  return item === undefined ? `made-${stage}` : `made-${stage}.${item}`
}
