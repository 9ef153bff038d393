/**
 * How versions come into the registry, and from one state to another: as commands that take effect
 * together or not at all, and only on the registry as it was read.
 */
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { registryLimits } from './limits.ts'
import {
  familyOf,
  forgetVersion,
  headOf,
  isOnTrial,
  moveHead,
  type NewVersion,
  putVersion,
  type RegistryView,
  shadowsIn,
  type Version,
  type VersionState,
  wanted,
} from './versions.ts'

export type Moves =
  | { readonly ok: true; readonly commands: readonly SimpleCommand[] }
  | { readonly ok: false; readonly why: string }

export interface Reason {
  readonly why: string
  readonly atMs: number
}

/**
 * As a shadow, from which training goes on. What was a shadow until then is judged no more: what is
 * learned next has what it has learned in it. `began`: the registry as training began; what was
 * taken back since then does not come back in what was learned on from it.
 */
export function adding(
  view: RegistryView,
  version: NewVersion,
  { why, atMs }: Reason,
  began: Pick<RegistryView, 'head' | 'treesHead'> = view,
): Moves {
  if (view.versions.some(({ hash }) => hash === version.hash)) {
    return refused('this version is in the registry already')
  }
  const isBad = ({ hash, state }: Version) =>
    state === 'rolledBack' && version.parents.includes(hash)
  if (view.versions.some(isBad)) return refused('what it was learned from has been rolled back')
  const family = familyOf(version)
  if (headOf(view, family) !== headOf(began, family))
    return refused('training goes on from another version by now')
  const shadow: Version = { ...version, state: 'shadow', sinceMs: atMs, why, revision: 0 }
  const before = shadowsIn(view).find((each) => familyOf(each) === family)
  const retired =
    before === undefined ? [] : [inState(before, 'retired', { why: 'a newer one was made', atMs })]
  return {
    ok: true,
    commands: [
      putVersion(shadow),
      ...retired.map(putVersion),
      ...moveHead(view, version.hash, family),
      ...surplus(view).map(forgetVersion),
    ],
  }
}

/** On trial, or away from it. */
export function trying(
  view: RegistryView,
  hash: string,
  state: 'canary' | 'rejected',
  reason: Reason,
): Moves {
  const version = view.versions.find((each) => each.hash === hash)
  if (version === undefined || !isOnTrial(version)) return refused('this version is not on trial')
  const moved = putVersion(inState(version, state, reason))
  if (state === 'canary') {
    const before = view.canary
    const retired =
      before === undefined || before === version
        ? []
        : [putVersion(inState(before, 'retired', { ...reason, why: 'a newer one is tried' }))]
    return { ok: true, commands: [moved, ...retired] }
  }
  // Training goes on from it all the same: it may take many rounds until it is any better than rules.
  return { ok: true, commands: [moved] }
}

/** In the place of the one that is active now, if one is. */
export function activating(view: RegistryView, hash: string, reason: Reason): Moves {
  const version = view.versions.find((each) => each.hash === hash)
  if (version === undefined) return refused('this version is not in the registry')
  if (version.state === 'active') return refused('this version is active already')
  const { active } = view
  const next = {
    ...inState(version, 'active', reason),
    ...(active === undefined ? {} : { replaced: active.hash }),
  }
  const retired =
    active === undefined
      ? []
      : [putVersion(inState(active, 'retired', { ...reason, why: 'a better one is active' }))]
  return { ok: true, commands: [putVersion(next), ...retired] }
}

/**
 * The one that is active is taken back; active is `to`, or else the one that it replaced; where there
 * is none, hosts speak by their own histories alone. Training of its family goes on from what is
 * active then, or from what the one that was taken back had learned on from. Where none is active, `to` becomes so.
 */
export function rollingBack(view: RegistryView, to: string | undefined, reason: Reason): Moves {
  const { active } = view
  if (active === undefined) {
    return to === undefined ? refused('no version is active') : activating(view, to, reason)
  }
  const back = to ?? active.replaced
  const version = view.versions.find(({ hash }) => hash === back)
  if (to !== undefined && version === undefined) {
    return refused('that version is not in the registry')
  }
  if (version === active) return refused('that version is active already')
  const family = familyOf(active)
  const isOfFamily = (each: Version) => familyOf(each) === family
  const trials = view.versions.filter(isOnTrial).filter((each) => each !== version)
  const ended = { ...reason, why: 'what it comes from was rolled back' }
  // The other family has learned nothing of it.
  const ownHead = version !== undefined && isOfFamily(version) ? version : undefined
  const commands = [
    putVersion(inState(active, 'rolledBack', reason)),
    // They have learned on from what was no good.
    ...trials.filter(isOfFamily).map((each) => putVersion(inState(each, 'retired', ended))),
    ...moveHead(view, ownHead?.hash ?? goodParent(view, active), family),
  ]
  if (version !== undefined) {
    // What it once replaced is what it gives way to; never the one that was just taken back.
    const { replaced, ...rest } = version
    const again = replaced === active.hash ? rest : version
    commands.push(putVersion(inState(again, 'active', reason)))
  }
  return { ok: true, commands }
}

function inState(version: Version, state: VersionState, { why, atMs }: Reason): Version {
  return { ...version, state, sinceMs: atMs, why }
}

function goodParent({ versions }: RegistryView, { parents }: Version): string | undefined {
  return parents.find((hash) =>
    versions.some((each) => each.hash === hash && each.state !== 'rolledBack'),
  )
}

/** What goes to make room for one more: the oldest of those that nobody needs any more. */
function surplus(view: RegistryView): Version[] {
  const kept = new Set(wanted(view))
  const over = view.versions.length + 1 - registryLimits.versionsMax
  if (over <= 0) return []
  const done = view.versions.filter((each) => !isOnTrial(each) && !kept.has(each.hash))
  return done.slice(-over)
}

function refused(why: string): Moves {
  return { ok: false, why }
}
