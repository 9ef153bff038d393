/** How a trace becomes a workflow. Apart from all else, so that the grammar of commands is light. */

export const works = ['sleep', 'spin', 'process', 'none'] as const
/**
 * What a stage does in the place of work that cannot be done again: `sleep` takes time,
 * `process` starts a program that takes time, `spin` one that takes a core, `none` does nothing.
 */
export type Work = (typeof works)[number]

export const formats = ['yaml', 'json'] as const
export type Format = (typeof formats)[number]

export interface ImportOptions {
  readonly work: Work
  /** Times are multiplied by it. */
  readonly timeScale: number
  /** Whether stages ask for the cores and memory that were measured. */
  readonly resources: boolean
  /** Whether stages are labelled with the task's id, its kind, and the bytes of its files. */
  readonly labels: boolean
  readonly format: Format
}
