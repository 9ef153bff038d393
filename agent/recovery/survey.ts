/**
 * What the stopped disk of one host holds of the ledger, in the terms of a recovery: who votes by
 * its log, how far that reaches, and whether a mesh can go on from it. Changes nothing.
 */
import { createHash } from 'node:crypto'
import { noConfig } from '../../protocol/consensus/config.ts'
import { isFurther, type Position } from '../../protocol/consensus/log.ts'
import {
  type Config,
  type Entry,
  entryKind,
  type Member,
} from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { type Aside, asidesOn, asideView, endOf } from '../consensus/aside.ts'
import { type Damage, type Held, look } from '../consensus/look.ts'
import { ConsensusStore, SnapshotDamaged } from '../consensus/store.ts'
import { verified } from '../consensus/verified.ts'
import { LedgerTooNew, Replica } from '../ledger/replica.ts'

/** How many entries are applied at once. */
const STRIDE = 1_024
