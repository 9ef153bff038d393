/** Defects by their numbers: those that consensus is known for, and then those of work. */
import { attemptDefects } from './attempts.ts'
import { configurations } from './configurations.ts'
import { disks } from './disks.ts'
import { elections } from './elections.ts'
import type { Defect } from './mutant.ts'
import { raceDefects } from './races.ts'
import { reads } from './reads.ts'
import { replicationDefects } from './replication.ts'
import { runDefects } from './runs.ts'
import { snapshots } from './snapshots.ts'
import { timers } from './timers.ts'

export const defects: readonly Defect[] = [
  ...elections,
  ...timers,
  ...replicationDefects,
  ...configurations,
  ...reads,
  ...snapshots,
  ...disks,
  ...attemptDefects,
  ...runDefects,
  ...raceDefects,
].sort((a, b) => a.number - b.number)
