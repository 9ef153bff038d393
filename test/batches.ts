/**
 * Which files of tests share a process, and which have cores of their own kind of work. Those that only
 * compute share one with the rest of their folder. Those that look at what a process is (its memory,
 * its descriptors, its children, its clock) or change it would see each other, so each has its own.
 */
import { dirname } from 'node:path'

export interface Batches {
  /** Real meshes: they mostly wait. */
  readonly waiting: readonly string[][]
  /** One core's work each. */
  readonly computing: readonly string[][]
  /** Each has threads for all cores. */
  readonly spreading: readonly string[][]
}

const waiting = /^test\/process\//
const spreading = /^test\/(sim|sim-work|mutants)\//
const ownProcess =
  /^test\/(api|artifacts|attack|bench|cli|contracts|fuzz|inference|log|network|ports|telemetry|world)\//

export function batchesOf(files: readonly string[]): Batches {
  const others = files.filter((file) => !waiting.test(file) && !spreading.test(file))
  return {
    waiting: files.filter((file) => waiting.test(file)).map((file) => [file]),
    computing: [
      ...others.filter((file) => ownProcess.test(file)).map((file) => [file]),
      ...Map.groupBy(
        others.filter((file) => !ownProcess.test(file)),
        dirname,
      ).values(),
    ],
    spreading: files.filter((file) => spreading.test(file)).map((file) => [file]),
  }
}
