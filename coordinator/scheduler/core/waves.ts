/**
 * Transitions of one run for one entry, those alike put together. Ends come first then, and beginnings
 * that stand on nothing last: between them everything keeps its order, and so finds what it stands on.
 */

import { assert } from '../../../protocol/assert.ts'
import type {
  AnyTransition,
  RaceTransition,
  Transition,
  UnitAssigned,
  UnitFinished,
  WaveTransition,
} from '../../../protocol/ledger/commands/work-transitions.ts'
import { joinStages } from '../../../protocol/ledger/stage-names.ts'
import { sameBytes } from '../../../protocol/same-bytes.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import type { Item } from './outbox.ts'

/** The ledger versions that know them, and races. */
export const WAVES_SINCE = 3
export const RACES_SINCE = 4

/** Fewer are told as they are. */
const alikeMin = 2

export interface Told<T> {
  readonly transitions: T[]
  /** One for each stage, in the order in which the ledger counts them. */
  readonly items: Item[]
}

interface Group<V> {
  readonly value: V
  readonly items: Item[]
}

/** For a ledger that knows neither. */
export function plainly(items: readonly Item[]): Told<Transition> {
  const { transitions } = asTheyAre(items)
  return { transitions: transitions.filter(isPlain), items: [...items] }
}

function isPlain(transition: AnyTransition): transition is Transition {
  const isSo = transition.kind !== 'raced' && transition.kind !== 'fellOut'
  assert(isSo, 'there are races only where the ledger knows them')
  return isSo
}

export function isOfRace({ transition }: Item): boolean {
  return transition?.kind === 'raced' || transition?.kind === 'fellOut'
}

function asTheyAre(items: readonly Item[]): Told<AnyTransition> {
  return { transitions: items.map(({ transition }) => transition!), items: [...items] }
}

export function inWaves(items: readonly Item[]): Told<RaceTransition> {
  // Nothing begins behind a stop that has begun before it, and of a race the order is all.
  const areInOrder = items.some((each) => each.transition?.kind === 'stopped' || isOfRace(each))
  if (areInOrder) return asTheyAre(items)
  const ends: Group<UnitFinished>[] = []
  const beginnings: Group<UnitAssigned>[] = []
  const others: Item[] = []
  for (const item of items) {
    const transition = item.transition!
    if (transition.kind === 'finished' && isPlainEnd(transition.value)) {
      put(ends, transition.value, item, endsAlike)
    } else if (transition.kind === 'assigned' && isPlainBeginning(transition.value)) {
      put(beginnings, transition.value, item, beginAlike)
    } else others.push(item)
  }
  const told: Told<RaceTransition> = { transitions: [], items: [] }
  for (const group of ends) tell(told, group, finished)
  for (const item of others) tellAlone(told, item)
  for (const group of beginnings) tell(told, group, assigned)
  return told
}

function isPlainEnd(value: UnitFinished): boolean {
  const { to, item, outputs, signal, artifacts } = value
  return (
    to === unitStates.succeeded &&
    item === undefined &&
    outputs === undefined &&
    signal === undefined &&
    artifacts === undefined
  )
}

function isPlainBeginning({ item, attempt, after, closing }: UnitAssigned): boolean {
  return attempt === 1 && item === undefined && after.length === 0 && closing === undefined
}

function endsAlike(a: UnitFinished, b: UnitFinished): boolean {
  return a.index === b.index && a.term === b.term && a.attempt === b.attempt && hasSameRecord(a, b)
}

function beginAlike(a: UnitAssigned, b: UnitAssigned): boolean {
  return a.node === b.node && a.readyMs === b.readyMs
}

function hasSameRecord({ record: a }: UnitFinished, { record: b }: UnitFinished): boolean {
  return a === b || (a !== undefined && b !== undefined && sameBytes(a, b))
}

/** There are few groups: one for each agent and entry. The latest are the likeliest. */
function put<V>(groups: Group<V>[], value: V, item: Item, alike: (a: V, b: V) => boolean): void {
  for (let i = groups.length - 1; i >= 0 && i >= groups.length - groupsTried; i--) {
    const group = groups[i]!
    if (!alike(group.value, value)) continue
    group.items.push(item)
    return
  }
  groups.push({ value, items: [item] })
}

/** So that stages of which no two are alike cost no more than a look at each. */
const groupsTried = 16

function tell<V>(
  told: Told<RaceTransition>,
  { value, items }: Group<V>,
  wave: (value: V, stages: string) => WaveTransition,
): void {
  if (items.length < alikeMin) {
    for (const item of items) tellAlone(told, item)
    return
  }
  told.transitions.push(wave(value, joinStages(items.map(stageOf))))
  told.items.push(...items)
}

function tellAlone(told: Told<RaceTransition>, item: Item): void {
  told.transitions.push(item.transition!)
  told.items.push(item)
}

function stageOf({ transition }: Item): string {
  return (transition as Extract<Transition, { kind: 'assigned' | 'finished' }>).value.stage
}

function finished(value: UnitFinished, stages: string): WaveTransition {
  const { attempt, term, index, record } = value
  const said = record === undefined ? {} : { record }
  return { kind: 'stagesFinished', value: { stages, attempt, term, index, ...said } }
}

function assigned({ node, readyMs }: UnitAssigned, stages: string): WaveTransition {
  return { kind: 'stagesAssigned', value: { stages, node, readyMs } }
}
