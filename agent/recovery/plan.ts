/**
 * Whether a mesh has lost its quorum, by what was found of its voters, and from whose log it would
 * best go on. Pure: whoever asks has looked at the disks and asked the agents.
 */
import { ActiveConfig } from '../../protocol/consensus/config.ts'
import { eraOf } from '../../protocol/consensus/era.ts'
import { isFurther, type Position } from '../../protocol/consensus/log.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { isWhole, type Survey } from './survey.ts'

/** An agent that runs, by its own word. */
export interface LiveReport {
  readonly id: PeerId
  readonly part: Survey['part']
  readonly last: Position
  readonly term: number
  /** It knows a leader, and enough voters are there. */
  readonly hasQuorum: boolean
}

/** A host whose disk was looked at. */
export interface Found {
  readonly survey: Survey
  /** Why no mesh can go on from it, if so. */
  readonly unusable: string | undefined
  /** The survey is of what was set aside there, and not of what its agent would start with. */
  readonly isCopy: boolean
  /** The latest term of anything on the disk. */
  readonly termSeen: number
}

export type VoterFate =
  /** Its disk was looked at, and it could vote again as it is. */
  | 'stopped'
  | 'running'
  /** Its disk was looked at, and has lost something, or has diverged from the others. */
  | 'damaged'
  /** Its host is here, with another disk than the one that votes. */
  | 'otherDisk'
  | 'notFound'

export interface RecoveryPlan {
  /** By the furthest log that was found. */
  readonly config: Config
  readonly voters: readonly { readonly id: PeerId; readonly fate: VoterFate }[]
  readonly needed: number
  readonly able: number
  /**
   * `alive`: an agent says that the mesh decides. `startThem`: enough voters are only stopped.
   * `noBase`: nothing that was found can be gone on from. `lost`: recover.
   */
  readonly verdict: 'alive' | 'startThem' | 'noBase' | 'lost'
  /** Whose log to go on from. */
  readonly base: Found | undefined
  /** Its entries that nobody is known to have committed, and that a recovery commits. */
  readonly tail: number
  /** Running agents whose log reaches further than the base: stop one and look at its disk. */
  readonly furtherLive: readonly LiveReport[]
  /** The latest era that was seen. */
  readonly era: number
}

export function planRecovery(
  found: readonly Found[],
  live: readonly LiveReport[],
): RecoveryPlan | undefined {
  const furthest = furthestOf(found)
  if (!furthest) return undefined
  const { config } = furthest.survey
  const active = new ActiveConfig(config, 0)
  const voters = [...active.voterIds].map((id) => ({ id, fate: fateOf(id, config, found, live) }))
  const ables = new Map(voters.filter(isAble).map(({ id }) => [id, true]))
  const base = furthestOf(found.filter(({ unusable }) => unusable === undefined))
  const end = base?.survey.last ?? { index: 0, term: 0 }
  const terms = [...found.map(({ termSeen }) => termSeen), ...live.map(({ term }) => term)]
  const startable = active.quorum.outcome(ables) === 'won'
  const alive = live.some(({ hasQuorum }) => hasQuorum)
  return {
    config,
    voters,
    needed: Math.floor(config.voters.length / 2) + 1,
    able: ables.size,
    verdict: alive ? 'alive' : startable ? 'startThem' : base ? 'lost' : 'noBase',
    base,
    tail: base ? end.index - base.survey.commit : 0,
    furtherLive: live.filter(({ last }) => isFurther(last, end)),
    era: Math.max(...terms.map(eraOf)),
  }
}

/** Of several that reach as far, a voter. */
function furthestOf(found: readonly Found[]): Found | undefined {
  let furthest: Found | undefined
  for (const one of found) {
    const better =
      furthest === undefined ||
      isFurther(one.survey.last, furthest.survey.last) ||
      (!isFurther(furthest.survey.last, one.survey.last) &&
        one.survey.part === 'voter' &&
        furthest.survey.part !== 'voter')
    if (better) furthest = one
  }
  return furthest
}

function isAble({ fate }: { fate: VoterFate }): boolean {
  return fate === 'stopped' || fate === 'running'
}

function fateOf(
  id: PeerId,
  config: Config,
  found: readonly Found[],
  live: readonly LiveReport[],
): VoterFate {
  const running = live.find((report) => report.id === id)
  if (running) return running.part === 'voter' ? 'running' : 'otherDisk'
  const stopped = found.find(({ survey }) => survey.id === id)
  if (!stopped) return 'notFound'
  const { survey, isCopy } = stopped
  const storages = new ActiveConfig(config, 0).storages
  if (isCopy || survey.held.storage !== storages.get(id)) return 'otherDisk'
  return isWhole(survey) ? 'stopped' : 'damaged'
}
