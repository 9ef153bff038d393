/**
 * Workflows at random, of all that the language has, small enough that many of them are done within
 * minutes. Every stage has an end, if only by a time limit, so that every run has one.
 */
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { Dice } from './dice.ts'
import { drawProgram, drawStep } from './drawn-steps.ts'
import {
  addFiles,
  addGates,
  addPlace,
  addPolicies,
  addRace,
  addReads,
  drawConcurrency,
  drawItems,
  withoutRaces,
} from './drawn-terms.ts'
import { drawingLimits } from './limits.ts'
import { expression, own, type Section, type Sketch, type Written } from './sketch.ts'

/** Its text, as JSON. */
export function drawWorkflow(entropy: Entropy, name: string): string {
  return JSON.stringify(new Drawing(entropy).workflow(name))
}

/** What the inputs of those that have any may be; the first if nothing is said. */
export const modes = ['plain', 'fancy']

class Drawing {
  private readonly dice: Dice
  private readonly sketches: Sketch[] = []
  private readonly called: Written = {}

  constructor(entropy: Entropy) {
    this.dice = new Dice(entropy)
  }

  workflow(name: string): Written {
    const { dice } = this
    const count = 1 + dice.below(drawingLimits.stagesMax)
    for (let i = 0; i < count; i++) this.sketch('stages')
    for (const section of ['onFailure', 'finally'] as const) {
      if (dice.chance(0.35)) for (let i = dice.below(2); i >= 0; i--) this.sketch(section)
    }
    const concurrency = this.dice.chance(0.15) ? drawConcurrency(this.dice, 'line') : undefined
    const toldOf = (of: Written) => (concurrency === undefined ? of : withoutRaces(of))
    const stages = toldOf({ ...this.written('stages'), ...this.called })
    const closing = (section: Section) =>
      this.sketches.some((each) => each.section === section)
        ? { [section]: toldOf(this.written(section)) }
        : {}
    return {
      apiVersion: 'skein/v1',
      kind: 'Workflow',
      name,
      inputs: { mode: { type: 'string', enum: modes, default: modes[0]! } },
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(dice.chance(0.3) ? { priority: dice.below(101) } : {}),
      ...(dice.chance(0.2) ? { deadline: `${1 + dice.below(60)}s` } : {}),
      ...(dice.chance(0.1) ? { timeout: `${10 + dice.below(60)}s` } : {}),
      ...this.outputs(),
      stages,
      ...closing('onFailure'),
      ...closing('finally'),
    }
  }

  private outputs(): Written {
    const last = this.sketches.findLast(
      ({ section, hasOutput }) => section === 'stages' && hasOutput,
    )
    if (last === undefined || !this.dice.chance(0.3)) return {}
    return { outputs: { last: expression(`stages.${last.name}.outputs`) } }
  }

  private written(section: Section): Written {
    return Object.fromEntries(
      this.sketches
        .filter((each) => each.section === section)
        .map(({ name, needs, written }) => [
          name,
          needs.length > 0 ? { ...written, needs } : written,
        ]),
    )
  }

  private sketch(section: Section): void {
    const { dice } = this
    const name = `s${this.sketches.length + 1}`
    const before = this.sketches.filter((each) => each.section === section)
    const needs = before
      .filter(() => dice.chance(1.5 / Math.max(2, before.length)))
      .map((each) => each.name)
    const around = this.ancestors(needs)
    const made = drawStep(dice, name, around)
    const written: Written = { ...made.written }
    const isAttempted = made.isProgram || 'http' in written || 'function' in written
    if (isAttempted) addPolicies(dice, written, made.isProgram)
    if (isAttempted && dice.chance(0.2)) written.forEach = drawItems(dice)
    if (isAttempted) addPlace(dice, written, around)
    addGates(dice, written, made.isProgram, around)
    if (made.isProgram && !('forEach' in written)) addReads(dice, written, around)
    if (made.isProgram) addFiles(dice, name, written, around)
    if (dice.chance(0.12)) written.optional = true
    const sends = made.sends || (isAttempted && !('forEach' in written) && dice.chance(0.08))
    if (sends && !made.sends) written.signal = own(name)
    const calls = isAttempted ? this.calls(name, section) : {}
    if (isAttempted && !('compensate' in calls)) addRace(dice, written)
    const { branches } = made
    this.sketches.push({
      name,
      section,
      needs,
      written: { ...written, ...calls },
      hasOutput: made.isProgram && !('forEach' in written),
      sends,
      ...(branches === undefined ? {} : { branches }),
    })
    this.beChosen(name, needs, before)
  }

  private calls(name: string, section: Section): Written {
    const { dice } = this
    const calls: Written = {}
    for (const key of ['compensate', 'fallback'] as const) {
      if (section !== 'stages' || !dice.chance(0.12)) continue
      calls[key] = `${key}-${name}`
      this.called[`${key}-${name}`] = {
        ...drawProgram(dice),
        ...(dice.chance(0.3) ? { retry: { attempts: 2, initial: '50ms' } } : {}),
      }
    }
    return calls
  }

  private beChosen(name: string, needs: string[], before: readonly Sketch[]): void {
    for (const { branches, name: chooser } of before) {
      if (branches === undefined || !this.dice.chance(0.5)) continue
      this.dice.one(branches).push(name)
      if (!needs.includes(chooser)) needs.push(chooser)
    }
  }

  private ancestors(needs: readonly string[]): Sketch[] {
    const all = new Set<string>(needs)
    for (const name of all) {
      for (const need of this.sketches.find((each) => each.name === name)!.needs) all.add(need)
    }
    return this.sketches.filter(({ name }) => all.has(name))
  }
}
