/**
 * What may speak for a task, from the likest to what is only similar: the same of the same workflow,
 * the same of any, the same whatever it sets aside, and whatever the program does. Each is a key
 * under which attempts are remembered. The kind of a step alone says nothing, and is none of them.
 */

export const sources = ['history', 'elsewhere', 'shape', 'program'] as const
/** `history`: of the same task in the same workflow. All others are similar. */
export type Source = (typeof sources)[number]

export interface Level {
  readonly source: Source
  readonly key: string
}

/** Of the likest of them. */
export function historyKey(group: string, task: string): string {
  return `${group} ${task}`
}

/** Longest: the name of a workflow, a blank, and a fingerprint. */
export function levelsOf(group: string, task: string): Level[] {
  const [kind = '', program = '', shape] = task.split('/')
  const levels: Level[] = [{ source: 'history', key: historyKey(group, task) }]
  const add = (source: Source, key: string) => {
    if (!levels.some((level) => level.key === key)) levels.push({ source, key })
  }
  add('elsewhere', task)
  if (shape !== undefined) add('shape', `${kind}/${program}/${shape}`)
  if (program !== '') add('program', `${kind}/${program}`)
  return levels
}
