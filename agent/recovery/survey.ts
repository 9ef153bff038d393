/**
 * What the disk of one host says of the log, in the terms of a recovery: who votes by it, how far it
 * reaches, and whether it has lost anything. Changes nothing.
 */
import { ActiveConfig, configOf, noConfig } from '../../protocol/consensus/config.ts'
import { isFurther, type Position } from '../../protocol/consensus/log.ts'
import { type Config, entryKind } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { endOf } from '../consensus/aside.ts'
import { type Damage, type Held, look } from '../consensus/look.ts'

export interface Survey {
  /** Whose disk it is. */
  readonly id: PeerId
  /** What it holds; only right while nobody writes to it. */
  readonly held: Held
  readonly last: Position
  /** As far as this disk knows, which may be a little less than is true. */
  readonly commit: number
  /** The latest term that it knows of. */
  readonly term: number
  /** The latest configuration in the log, committed or not. */
  readonly config: Config
  /** What this host is by it, with this very disk. */
  readonly part: 'voter' | 'learner' | 'stranger'
  /** It had promised to hold as much, and does not any more. */
  readonly lost: Position | undefined
  readonly damage: readonly Damage[]
}

/** Undefined for a disk that holds nothing of a ledger. */
export async function survey(disk: Disk, id: PeerId): Promise<Survey | undefined> {
  const held = await look(disk)
  const last = endOf(held)
  const config = configIn(held)
  const { hardState, damage } = held
  if (last.index === 0 && config.voters.length === 0 && damage.length === 0) return undefined
  const promised = hardState?.promised
  return {
    id,
    held,
    last,
    commit: Math.min(last.index, Math.max(hardState?.commit ?? 0, held.snapshot?.index ?? 0)),
    term: Math.max(hardState?.term ?? 0, last.term),
    config,
    part: partIn(config, id, held.storage),
    lost: promised && isFurther(promised, last) ? promised : undefined,
    damage,
  }
}

/** Neither damaged, nor stopped, nor short of what it has promised: it may vote as it is. */
export function isWhole({ damage, lost, held }: Survey): boolean {
  return damage.length === 0 && lost === undefined && !held.diverged
}

function configIn({ snapshot, entries }: Held): Config {
  const entry = entries.findLast(({ kind }) => kind === entryKind.config)
  return (entry && configOf(entry.data)) ?? snapshot?.config ?? noConfig
}

function partIn(config: Config, id: PeerId, storage: number | undefined): Survey['part'] {
  const active = new ActiveConfig(config, 0)
  if (storage === undefined || active.storages.get(id) !== storage) return 'stranger'
  return active.isVoter(id) ? 'voter' : 'learner'
}
