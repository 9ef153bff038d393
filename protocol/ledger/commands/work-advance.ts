/**
 * A turn of the leader as one entry: transitions of many runs, each checked by itself against what
 * must never be wrong, and dropped by itself when it does not fit.
 *
 * - What has ended never changes, and a unit ends once.
 * - A unit is in the hands of one agent at most, or of two in a race (`work-race.ts`), each under a
 *   fence of its own; only a report with such a fence moves it on.
 * - What stands on an end that did not come about does not begin.
 * - Nothing begins in a run that was killed; in one that is cancelled, only what undoes or cleans up.
 * - What needs an approval goes on with as many votes as it takes, and none against.
 * - A run ends when no agent has a part of it that counts, and what its end stands on has come about.
 *   Of a race, what came second may still run: nothing that it says is taken.
 *
 * Which stages there are, what they need and what their expressions say, the leader knows.
 */
import { isRunOver, runStateOf, runStates, stopModeOf, stopModes } from '../../work/states.ts'
import { octetsOfText } from '../octets.ts'
import type { DropCode, Dropped, Result } from '../result.ts'
import { endOf } from '../rows.ts'
import { countStages } from '../stage-names.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, kind, refused } from './kind.ts'
import { assigned, launched, opened, waiting } from './work-beginnings.ts'
import { finished, passed, settled } from './work-endings.ts'
import { fellOut, raced } from './work-race.ts'
import {
  hasAssigned,
  outputRow,
  type RunGate,
  type RunRow,
  readGate,
  readRun,
  runOutputsPlace,
  unitsOf,
} from './work-rows.ts'
import { stopRun, writeRun } from './work-runs.ts'
import { type Scene, standsNot } from './work-scene.ts'
import {
  type AnyTransition,
  type RaceTransition,
  type RunEnded,
  WorkAdvance,
  WorkRace,
  WorkWave,
} from './work-transitions.ts'
import { stagesAssigned, stagesFinished } from './work-waves.ts'

export const advanceKinds = {
  workAdvance: kind(26, 1, 'alone', WorkAdvance, advance),
  workWave: kind(28, 3, 'alone', WorkWave, advance),
  workRace: kind(29, 4, 'alone', WorkRace, advance),
}

/** Of one unit each. */
type UnitKind = Exclude<AnyTransition['kind'], 'admitted' | 'stopped' | 'ended'>
type ValueOf<K extends UnitKind> = Extract<AnyTransition, { kind: K }>['value']

/** Each is undefined when it took effect. */
const unitTransitions: {
  readonly [K in UnitKind]: (scene: Scene, value: ValueOf<K>) => DropCode | undefined
} = { assigned, finished, settled, waiting, opened, launched, passed, raced, fellOut }

function advance(tx: Transaction, { runs, term }: WorkRace): Result {
  // Fences are made of the entry's term. What a leader of before has asked to append, and another
  // has taken into its log, would bear that one's, and be nobody's.
  if (term !== tx.term) return { code: 'stale', revision: tx.term }
  let count = 0
  for (const { transitions } of runs) for (const each of transitions) count += unitsIn(each)
  if (count > tx.limits.transitionsMax) return refused('tooLarge')
  const dropped: Dropped[] = []
  let item = 0
  for (const { run, transitions } of runs) {
    let gate = readGate(tx, run)
    for (const transition of transitions) {
      const first = item
      item += unitsIn(transition)
      if (gate === undefined || gate.state >= runStates.succeeded) {
        const code = gate === undefined ? 'notFound' : 'over'
        for (let each = first; each < item; each++) dropped.push({ item: each, code })
      } else if (isWave(transition)) {
        applyWave({ tx, run, gate }, transition, (at, code) => {
          dropped.push({ item: first + at, code })
        })
      } else {
        const code = apply(tx, run, gate, transition)
        if (code !== undefined) dropped.push({ item: first, code })
        else if (changesRun(transition)) gate = readGate(tx, run)
      }
    }
  }
  return dropped.length === 0 ? done(tx) : { ...done(tx), dropped }
}

type Wave = Extract<RaceTransition, { kind: 'stagesAssigned' | 'stagesFinished' }>

function isWave(transition: RaceTransition): transition is Wave {
  return transition.kind === 'stagesAssigned' || transition.kind === 'stagesFinished'
}

function unitsIn(transition: RaceTransition): number {
  return isWave(transition) ? countStages(transition.value.stages) : 1
}

function applyWave(scene: Scene, wave: Wave, onDropped: (at: number, code: DropCode) => void) {
  if (wave.kind === 'stagesAssigned') stagesAssigned(scene, wave.value, onDropped)
  else stagesFinished(scene, wave.value, onDropped)
}

function changesRun({ kind }: AnyTransition): boolean {
  return kind === 'admitted' || kind === 'stopped' || kind === 'ended'
}

/** Undefined when it took effect. */
function apply(
  tx: Transaction,
  run: string,
  gate: RunGate,
  transition: AnyTransition,
): DropCode | undefined {
  switch (transition.kind) {
    case 'admitted':
      return admit(tx, run, readRun(tx, run)!)
    case 'stopped': {
      const { mode, ...rest } = transition.value
      if (stopModeOf(mode) === undefined) return 'stale'
      const { code } = stopRun(tx, { run, ...rest }, mode)
      return code === 'ok' ? undefined : code === 'tooLarge' ? 'tooLarge' : 'stale'
    }
    case 'ended':
      return end(tx, run, readRun(tx, run)!, transition.value)
    default: {
      const scene: Scene = { tx, run, gate }
      return unitTransitions[transition.kind](scene, transition.value as never)
    }
  }
}

function admit(tx: Transaction, run: string, row: RunRow): DropCode | undefined {
  if (row.state !== runStates.queued) return 'stale'
  if (row.stop !== stopModes.none) return 'stopping'
  writeRun(tx, run, { ...row, state: runStates.running, revision: tx.index })
  tx.tell({ kind: 'runChanged', run, state: 'running' })
  return undefined
}

function end(
  tx: Transaction,
  run: string,
  row: RunRow,
  { to, outputs, reason, after }: RunEnded,
): DropCode | undefined {
  const state = runStateOf(to)
  if (state === undefined || !isRunOver(state)) return 'stale'
  if (state === 'succeeded' && row.state === runStates.queued) return 'notYet'
  const { limits } = tx
  if (!fitsText(outputs ?? '', limits.runOutputsBytesMax)) return 'tooLarge'
  if (!fitsText(reason ?? '', limits.noteBytesMax)) return 'tooLarge'
  const lacks = standsNot({ tx, run }, after)
  if (lacks !== undefined) return lacks
  const units = unitsOf(run)
  if (hasAssigned(tx, units, endOf(units))) return 'busy'
  const why = reason ?? row.reason
  const told = why === undefined ? {} : { reason: why }
  writeRun(tx, run, { ...row, ...told, state: to, endedMs: tx.timeMs, revision: tx.index })
  if (outputs !== undefined) {
    tx.put(outputRow(run, runOutputsPlace), octetsOfText(outputs))
  }
  tx.tell({ kind: 'runChanged', run, state, ...told })
  return undefined
}
