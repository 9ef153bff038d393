/**
 * Names of stages for the ids of tasks: legal, each once, and as like the ids as may be. Of one that
 * is too long the end is kept, because that is where ids differ. The same ids give the same names.
 */
import { workflowLimits } from '../../protocol/workflow/limits.ts'

const lengthMax = workflowLimits.nameLengthMax

export function stageNames(ids: readonly string[]): string[] {
  const taken = new Set<string>()
  /** Tried last for each name, so that many alike do not all count from the start. */
  const counts = new Map<string, number>()
  return ids.map((id) => {
    const wanted = legal(id)
    let name = wanted
    for (let count = counts.get(wanted) ?? 2; taken.has(name); count++) {
      const suffix = `-${count}`
      name = wanted.slice(0, lengthMax - suffix.length) + suffix
      counts.set(wanted, count + 1)
    }
    taken.add(name)
    return name
  })
}

export function legal(id: string): string {
  const letters = id.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^-+|-+$/g, '')
  const short = letters.length > lengthMax ? ending(letters) : letters
  if (/^[A-Za-z]/.test(short)) return short
  return short === '' ? 'task' : `t-${short}`.slice(0, lengthMax)
}

/** From the first part on that lets it fit. */
function ending(letters: string): string {
  const end = letters.slice(-lengthMax)
  const part = end.search(/(?<=[-_])[A-Za-z]/)
  return part < 0 || part > lengthMax / 2 ? end : end.slice(part)
}
