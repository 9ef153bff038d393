/**
 * Words of a task's fingerprint: tasks that share some are alike, whoever named them. Numbers are
 * left out, as they mostly say which of many.
 */
import { featureLimits as limits } from './limits.ts'

/** Each once, the first ones, in lower case. */
export function wordsOf(task: string): readonly string[] {
  const words = new Set<string>()
  for (const [found] of task.matchAll(/\p{L}[\p{L}\d]*/gu)) {
    words.add(found.toLowerCase())
    if (words.size === limits.wordsMax) break
  }
  return [...words]
}

/** FNV-1a, finished with a mixer: where a word is counted among so many places. */
export function placeOf(word: string, places: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return ((hash ^ (hash >>> 13)) >>> 0) % places
}
