/** What goes with a step, at random: how often, how long, when, where, among how many, with whose files. */
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import type { Dice } from './dice.ts'
import { drawApproval } from './drawn-steps.ts'
import { drawingLimits } from './limits.ts'
import { expression, fileOf, type Sketch, type Written } from './sketch.ts'

/** How many may hold a place of each group at once: known by its key, so the same for all who ask. */
export const groupLimits: Readonly<Record<string, number>> = {
  'gate-a': 1,
  'gate-b': 2,
  'line-0': 1,
  'line-1': 2,
}

/** Labels that hosts have of their own, by their number. */
export const zoneOf = (host: number) => (host % 2 === 0 ? 'east' : 'west')

export function addPolicies(dice: Dice, written: Written, isProgram: boolean): void {
  const onLost = dice.chance(0.06)
  if (onLost) written.onLost = 'fail'
  if (dice.chance(0.5)) {
    written.retry = {
      attempts: 1 + dice.below(4),
      initial: `${dice.one([20, 100, 500])}ms`,
      ...perClass(dice, onLost),
    }
  }
  if (dice.chance(0.12)) written.priority = dice.below(101)
  if (!('timeout' in written) && dice.chance(0.15)) {
    written.timeout = dice.one<Json>([
      '4s',
      { total: '8s' },
      { queue: '3s' },
      { startToClose: '3s', total: '10s' },
    ])
  }
  if (isProgram && dice.chance(0.12)) written.resources ??= { cpu: dice.one([0.5, 1, 2]) }
}

function perClass(dice: Dice, onLost: boolean): Written {
  const classes = ['transient', 'resource', 'input', 'bug', ...(onLost ? [] : ['lost'])]
  const per: Written = {}
  for (const each of classes) {
    if (dice.chance(0.15)) per[each] = { attempts: 1 + dice.below(3) }
  }
  return Object.keys(per).length > 0 ? { per } : {}
}

/** Not all can be had at all times: who insists on company gives up when it has waited too long. */
export function addPlace(dice: Dice, written: Written, around: readonly Sketch[]): void {
  const of = dice.some(around.filter((other) => !('where' in other.written)))
  const isPatient = !('timeout' in written)
  switch (dice.below(16)) {
    case 0:
      written.where = { host: `n${1 + dice.below(3)}` }
      return
    case 1:
      written.where = { labels: { zone: dice.one(['east', 'west']) } }
      return
    case 2:
      written.where = { prefer: { zone: 'east' }, expression: 'node.labels.zone != "north"' }
      return
    case 3:
      if ('forEach' in written) written.where = { spread: dice.one(['zone', 'host']) }
      return
    case 4:
    case 5: {
      if (of === undefined || !isPatient) return
      const required = dice.chance(0.5)
      const company = { stages: [of.name], required }
      written.where = { [dice.one(['affinity', 'antiAffinity'])]: company }
      if (required) written.timeout = { queue: '8s' }
    }
  }
}

export function addGates(
  dice: Dice,
  written: Written,
  isProgram: boolean,
  around: readonly Sketch[],
): void {
  const of = dice.some(around)
  if (dice.chance(0.2)) {
    written.if =
      of === undefined || dice.chance(0.3)
        ? dice.one(['true', 'true', 'false', 'inputs.mode == "plain"'])
        : `stages.${of.name}.state == "${dice.one(['succeeded', 'succeeded', 'skipped'])}"`
  }
  if (isProgram && dice.chance(0.08)) written.approve = drawApproval(dice)
  if (isProgram && dice.chance(0.12)) written.concurrency = drawConcurrency(dice, 'gate')
}

/** A second attempt may run beside the first. */
export function addRace(dice: Dice, written: Written): void {
  const isOnOneHost = typeof written.where === 'object' && 'host' in (written.where as Written)
  const isLimited = typeof written.forEach === 'object' && 'limit' in (written.forEach as Written)
  const mayRace = !isOnOneHost && !isLimited && !('concurrency' in written)
  if (mayRace && dice.chance(0.7)) written.race = true
}

/** Of a workflow whose runs wait for each other nothing is raced. */
export function withoutRaces(stages: Written): Written {
  const unraced = Object.entries(stages).map(([name, stage]) => {
    const { race: _, ...rest } = stage as Written
    return [name, rest] as const
  })
  return Object.fromEntries(unraced)
}

/** It is told what a stage before it has handed on. */
export function addReads(dice: Dice, written: Written, around: readonly Sketch[]): void {
  const of = dice.some(around.filter(({ hasOutput }) => hasOutput))
  if (of === undefined || !dice.chance(0.5)) return
  written.env = { [`SAW_${of.name}`]: expression(`stages.${of.name}.outputs.v`) }
}

/** It hands files on, and is given those of stages before it. */
export function addFiles(
  dice: Dice,
  name: string,
  written: Written,
  around: readonly Sketch[],
): void {
  if (dice.chance(0.25)) written.artifacts = [fileOf(name), fileOf(name, '*')]
  const makers = around.filter((other) => 'artifacts' in other.written)
  const from = makers.filter(() => dice.chance(0.6)).map((other) => other.name)
  if (from.length > 0) written.artifactsFrom = from
}

export function drawItems(dice: Dice): Written {
  const count = dice.below(drawingLimits.itemsMax + 1)
  const all = Array.from({ length: count }, (_, i) => i)
  const rule = dice.one(['failFast', 'continue', `quorum ${1 + dice.below(Math.max(1, count))}`])
  return {
    items: dice.chance(0.5) ? all : expression(`[${all.join(', ')}]`),
    ...(dice.chance(0.4) ? { limit: 1 + dice.below(3) } : {}),
    onFailure: count === 0 ? 'continue' : rule,
  }
}

export function drawConcurrency(dice: Dice, noun: 'gate' | 'line'): Written {
  const policies = ['queue', 'queue', 'cancelRunning', 'cancelNewest', 'roundRobin']
  const keys = Object.keys(groupLimits).filter((key) => key.startsWith(noun))
  const key = dice.one(keys)
  return { key, limit: groupLimits[key]!, policy: dice.one(policies) }
}
