/**
 * Rows as numbers that mean the same on every host: what a task is called becomes a few places among
 * many by hashing, so that hosts which never met speak of the same task alike; sizes become
 * logarithms. Nothing of a row's end is looked at but for its target, and nothing of other rows.
 */
import { createHash } from 'node:crypto'
import { logOf } from '../measures/duration.ts'
import type { Question, Row } from '../rows.ts'
import type { Examples } from './rounds/trainable.ts'

/** Names fall on two of so many places each: what falls together on one is told apart by the other. */
const places = { task: 40, group: 12, host: 12 } as const
const hashed = places.task + places.group + places.host
const sizes = 5
/** Beyond lies nothing that a host could have: 2^60 bytes are 7. */
const sizeMax = 8

/** How many numbers a question becomes. */
export const featureCount = hashed + 2 * sizes

/** Which of them say what. Where all of a group are 0, that is not known. */
export const featureGroups: readonly {
  readonly name: string
  readonly from: number
  readonly length: number
}[] = [
  { name: 'task', from: 0, length: places.task },
  { name: 'workflow', from: places.task, length: places.group },
  { name: 'host', from: places.task + places.group, length: places.host },
  ...['input bytes', 'input files', 'cpus', 'memory', 'host speed'].map((name, i) => ({
    name,
    from: hashed + 2 * i,
    length: 2,
  })),
]

export function examplesOf(rows: readonly Row[]): Examples {
  const features = new Float32Array(rows.length * featureCount)
  const marks = new Map<string, readonly Mark[]>()
  rows.forEach((row, i) => {
    describe(row, features.subarray(i * featureCount, (i + 1) * featureCount), marks)
  })
  const targets = Float32Array.from(rows, (row) => logOf(row.endedMs - row.startedMs))
  return { features, targets }
}

interface Mark {
  readonly at: number
  readonly value: number
}

function describe(
  question: Question,
  features: Float32Array,
  marks: Map<string, readonly Mark[]>,
): void {
  const { task, group, host, inputBytes, inputFiles, cpus, memoryBytes, hostSpeed } = question
  const names = [`task ${group}/${task}`, `group ${group}`, `host ${host}`]
  let from = 0
  for (const [i, count] of [places.task, places.group, places.host].entries()) {
    const name = names[i] as string
    const known = marks.get(name) ?? marksOf(name, count)
    marks.set(name, known)
    for (const { at, value } of known) features[from + at] = (features[from + at] as number) + value
    from += count
  }
  // Around 0 for what is usual, so that a network begins where its units bend.
  const known = [
    inputBytes === undefined ? undefined : (Math.log1p(inputBytes) - 14) / 4,
    inputFiles === undefined ? undefined : Math.log1p(inputFiles) - 1,
    cpus === undefined ? undefined : Math.log2(Math.max(0.1, cpus)) / 2,
    memoryBytes === undefined ? undefined : (Math.log1p(memoryBytes) - 21) / 2,
    hostSpeed === undefined ? undefined : Math.log2(hostSpeed),
  ]
  known.forEach((value = Number.NaN, i) => {
    // What makes no sense is not known: one number that is none would make none of all that is learned.
    if (!Number.isFinite(value)) return
    features[hashed + 2 * i] = Math.min(sizeMax, Math.max(-sizeMax, value))
    features[hashed + 2 * i + 1] = 1
  })
}

function marksOf(name: string, count: number): Mark[] {
  const digest = createHash('sha256').update(name).digest()
  return [0, 4, 8].map((from) => {
    const word = digest.readUInt32LE(from)
    return { at: (word >>> 1) % count, value: word & 1 ? 1 : -1 }
  })
}
