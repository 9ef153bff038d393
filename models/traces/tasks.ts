/** The tasks of a trace as they are written, and who comes before whom. */
import { nearest } from '../../protocol/nearest.ts'
import { type Path, quote } from '../../protocol/workflow/mistake.ts'
import type { Findings } from './findings.ts'
import { traceLimits as limits } from './limits.ts'
import { objectAt, textAt, textsAt } from './values.ts'

export const tasksPath: Path = ['workflow', 'specification', 'tasks']

export interface WrittenTask {
  readonly name: string
  readonly id: string
  readonly parents: readonly string[]
  readonly children: readonly string[]
  readonly inputFiles: readonly string[]
  readonly outputFiles: readonly string[]
}

/** Undefined when one of them is wrong. */
export function tasksIn(
  listed: readonly unknown[],
  findings: Findings,
): readonly WrittenTask[] | undefined {
  if (listed.length === 0 || listed.length > limits.tasksMax) {
    const why =
      listed.length === 0
        ? 'it has no tasks'
        : `it has ${listed.length} tasks, and at most ${limits.tasksMax} are read`
    findings.add(tasksPath, why, 'take another trace')
    return undefined
  }
  const tasks: WrittenTask[] = []
  for (const [i, value] of listed.entries()) {
    const task = taskIn(value, [...tasksPath, i], findings)
    if (task !== undefined) tasks.push(task)
  }
  return findings.isEmpty ? tasks : undefined
}

function taskIn(value: unknown, path: Path, findings: Findings): WrittenTask | undefined {
  const task = objectAt(value, path, findings, 'write it as an object with name, id and parents')
  if (task === undefined) return undefined
  const id = textAt(task.id, [...path, 'id'], findings)
  const name = task.name === undefined ? id : textAt(task.name, [...path, 'name'], findings)
  const texts = (key: string) => textsAt(task[key], [...path, key], findings)
  const [parents, children] = [texts('parents'), texts('children')]
  const [inputFiles, outputFiles] = [texts('inputFiles'), texts('outputFiles')]
  if (id === undefined || name === undefined) return undefined
  return { name, id, parents, children, inputFiles, outputFiles }
}

/** The place of each task, by its id. */
export function indexOf(
  tasks: readonly WrittenTask[],
  findings: Findings,
): ReadonlyMap<string, number> {
  const index = new Map<string, number>()
  for (const [i, { id }] of tasks.entries()) {
    const first = index.get(id)
    if (first === undefined) index.set(id, i)
    else {
      const why = `the id ${quote(id)} stands twice`
      findings.add([...tasksPath, i, 'id'], why, `task ${first} has it: give this one another`)
    }
  }
  return index
}

/**
 * The parents of each task, in order and each once. What either of the two says is enough: not every
 * tool that writes traces writes both.
 */
export function parentsOf(
  tasks: readonly WrittenTask[],
  index: ReadonlyMap<string, number>,
  findings: Findings,
): readonly (readonly number[])[] {
  const parents: Set<number>[] = tasks.map(() => new Set())
  let edges = 0
  for (const [i, task] of tasks.entries()) {
    for (const key of ['parents', 'children'] as const) {
      for (const [j, id] of task[key].entries()) {
        const other = index.get(id)
        if (other === undefined) tellStranger(id, [...tasksPath, i, key, j], index, findings)
        else {
          const of = parents[key === 'parents' ? i : other]!
          const before = of.size
          of.add(key === 'parents' ? other : i)
          edges += of.size - before
        }
      }
    }
    if (edges > limits.edgesMax) {
      const why = `up to here it has more than ${limits.edgesMax} pairs of parent and child`
      findings.add([...tasksPath, i], why, 'take a smaller trace')
    }
    if (edges > limits.edgesMax || findings.isFull) return []
  }
  return parents.map((of) => [...of].sort((a, b) => a - b))
}

function tellStranger(
  id: string,
  path: Path,
  index: ReadonlyMap<string, number>,
  findings: Findings,
): void {
  const guess = nearest(id, index.keys())
  const fix =
    guess === undefined ? 'add the task, or take the name away' : `did you mean ${quote(guess)}?`
  findings.add(path, `there is no task ${quote(id)}`, fix)
}

export function tellCircle(
  circle: readonly number[],
  tasks: readonly WrittenTask[],
  findings: Findings,
): void {
  const ids = circle.slice(0, limits.circleShownMax).map((node) => quote(tasks[node]!.id))
  const left = circle.length - ids.length
  const way = [...ids, ...(left > 0 ? [`${left} more`] : []), ids[0]].join(' needs ')
  const path = [...tasksPath, circle[0]!, 'parents']
  findings.add(path, `the parents go round in a circle: ${way}`, 'take one of them away')
}
