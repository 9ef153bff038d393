/**
 * How large artifacts may be, and what is said before it hurts. What one agent keeps altogether is
 * bounded in `agent/artifacts/limits.ts`.
 */
import { assert } from '../assert.ts'

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib

export const artifactLimits = {
  /**
   * What is hashed, verified, asked for and sent again as one. It is part of what a content hash
   * means: never change it.
   */
  chunkBytes: mib,
  /** Of one stage. More fail its attempt, with class `input`. */
  filesPerStageMax: 10_000,
  bytesPerStageMax: 64 * gib,
  fileBytesMax: 32 * gib,
  /** Share of a limit from which on people are warned. */
  warnShare: 0.8,

  /** Of a path, relative to the directory of its stage. Longer ones fail, with class `input`. */
  pathBytesMax: 1_024,
  /** Of one name in it: what Linux takes. */
  nameBytesMax: 255,
  /** One manifest, encoded. Beyond it the attempt fails, as for too many files. */
  manifestBytesMax: 4 * mib,

  /** Patterns of one stage, and what braces may make of one of them. */
  patternsMax: 256,
  patternLengthMax: 1_024,
  alternativesMax: 64,
  segmentsMax: 64,

  /** What one frame carries of a chunk or manifest: small, for what waits behind it. */
  pieceBytesMax: 128 * kib,
} as const

export const digestBytes = 32

assert(
  artifactLimits.fileBytesMax <= artifactLimits.bytesPerStageMax,
  'the largest file must fit a stage',
)
assert(
  2 * digestBytes * (artifactLimits.bytesPerStageMax / artifactLimits.chunkBytes) <=
    artifactLimits.manifestBytesMax,
  'a manifest must hold the chunks of the largest stage, and as much again of names',
)
