/** All the defects that a consensus implementation is known for, by their numbers. */
import { configurations } from './configurations.ts'
import { disks } from './disks.ts'
import { elections } from './elections.ts'
import type { Defect } from './mutant.ts'
import { reads } from './reads.ts'
import { replicationDefects } from './replication.ts'
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
].sort((a, b) => a.number - b.number)
