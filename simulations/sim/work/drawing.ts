/**
 * Workflows at random, of all that the language has, small enough that many of them are done within
 * minutes. Every stage has an end, if only by a time limit, so that every run has one.
 */
import { below, type Entropy, pick } from '../../../protocol/ports/entropy.ts'
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import { drawingLimits, stageTimes } from './limits.ts'
import { PROGRAM } from './programs.ts'

type Section = 'stages' | 'onFailure' | 'finally'
type Written = Record<string, Json>

/** A stage on its way to the paper. */
interface Sketch {
  readonly name: string
  readonly section: Section
  readonly needs: string[]
  readonly written: Written
  readonly isProgram: boolean
  /** What it hands on has a `v`, when it succeeds. */
  readonly hasOutput: boolean
  /** It sends an event of its name when it has succeeded. */
  readonly sends: boolean
  /** Lists of targets, to be filled. */
  readonly branches?: string[][]
}

/** The names of workflows that stages may start. */
export const CHILD = 'child'
const gates = ['gate-a', 'gate-b']
export const events = ['go', 'come']

const expression = (text: string) => `\${{ ${text} }}`

/** Its text, as JSON. */
export function drawWorkflow(entropy: Entropy, name: string): string {
  return JSON.stringify(new Drawing(entropy).workflow(name))
}

/** The one that others start. What it does, it is told. */
export const childText = JSON.stringify({
  apiVersion: 'skein/v1',
  kind: 'Workflow',
  name: CHILD,
  inputs: { does: 'string', for: 'string' },
  outputs: { v: expression('stages.work.outputs.v') },
  stages: {
    work: {
      run: [PROGRAM, expression('inputs.does'), expression('inputs.for')],
      timeout: '20s',
      retry: { attempts: 2, initial: '100ms' },
    },
  },
})

class Drawing {
  private readonly entropy: Entropy
  private readonly sketches: Sketch[] = []
  private readonly called: Written = {}

  constructor(entropy: Entropy) {
    this.entropy = entropy
  }

  workflow(name: string): Written {
    const count = 1 + this.below(drawingLimits.stagesMax)
    for (let i = 0; i < count; i++) this.sketch('stages')
    for (const section of ['onFailure', 'finally'] as const) {
      if (this.chance(0.35)) for (let i = this.below(2); i >= 0; i--) this.sketch(section)
    }
    const stages = { ...this.written('stages'), ...this.called }
    const closing = (section: Section) =>
      this.sketches.some((each) => each.section === section)
        ? { [section]: this.written(section) }
        : {}
    return {
      apiVersion: 'skein/v1',
      kind: 'Workflow',
      name,
      ...(this.chance(0.15) ? { concurrency: this.concurrency('line') } : {}),
      ...(this.chance(0.3) ? { priority: this.below(101) } : {}),
      ...(this.chance(0.2) ? { deadline: `${1 + this.below(60)}s` } : {}),
      ...(this.chance(0.1) ? { timeout: `${10 + this.below(60)}s` } : {}),
      stages,
      ...closing('onFailure'),
      ...closing('finally'),
    }
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

  // ── One stage ─────────────────────────────────────────────────────────────────────────────────

  private sketch(section: Section): void {
    const name = `s${this.sketches.length + 1}`
    const before = this.sketches.filter((each) => each.section === section)
    const needs = before
      .filter(() => this.chance(1.5 / Math.max(2, before.length)))
      .map((each) => each.name)
    const made = this.step(name, needs)
    const written: Written = { ...made.written }
    const isAttempted = made.isProgram || 'http' in written || 'function' in written
    const around = this.ancestors(needs)
    if (isAttempted) this.addPolicies(written, made.isProgram)
    if (isAttempted && this.chance(0.2)) written.forEach = this.items()
    this.addGates(written, made.isProgram, around)
    if (made.isProgram && 'forEach' in written === false) this.addReads(written, around)
    if (this.chance(0.12)) written.optional = true
    const isSender = made.sends || (isAttempted && !('forEach' in written) && this.chance(0.08))
    if (isSender && !made.sends) written.signal = own(name)
    const calls = isAttempted ? this.calls(name, section) : {}
    const hasOutput = made.isProgram && !('forEach' in written)
    const { branches } = made
    this.sketches.push({
      name,
      section,
      needs,
      written: { ...written, ...calls },
      isProgram: made.isProgram,
      hasOutput,
      sends: isSender,
      ...(branches === undefined ? {} : { branches }),
    })
    this.beChosen(name, needs, before)
  }

  private step(
    name: string,
    needs: readonly string[],
  ): Pick<Sketch, 'written' | 'isProgram' | 'sends' | 'branches'> {
    const plain = (written: Written) => ({ written, isProgram: false, sends: false })
    const draw = this.below(24)
    if (draw < 13) return { written: this.program(), isProgram: true, sends: false }
    switch (draw) {
      case 13:
        return plain({ wait: `${100 + this.below(3_000)}ms` })
      case 14:
      case 15: {
        const branches: string[][] = [[], []]
        const holds = this.chance(0.5) ? 'true' : 'false'
        // Not a literal: an object with a `then` looks like a promise.
        const cases = [
          Object.fromEntries<Json>([
            ['when', holds],
            ['then', branches[0]!],
          ]),
        ]
        return { ...plain({ choose: { cases, otherwise: branches[1]! } }), branches }
      }
      case 16:
        return { ...plain({ signal: own(name) }), sends: true }
      case 17:
        return plain({ await: this.awaited(needs) })
      case 18:
      case 19:
        return plain({ approve: this.approval() })
      case 20:
        return plain(this.child())
      case 21:
        return plain({ http: { url: `http://sim.local/${this.one(['good', 'good', 'bad'])}` } })
      case 22:
        return plain({ function: { module: '/mod', export: this.one(['good', 'good', 'bad']) } })
      default:
        return plain(
          this.one<Written>([
            { function: 'skein:noop' },
            { function: 'skein:sleep', with: { for: `${this.below(2_000)}ms` } },
            { function: 'skein:fail', with: { class: this.one(['transient', 'bug']) } },
          ]),
        )
    }
  }

  /** Quick and slow ones mostly; among the others every way to misbehave. */
  private program(): Written {
    const ms = (mean: number) => String(Math.round(mean * -Math.log(1 - this.entropy.unit())))
    const run = (...words: string[]): Written => ({ run: [PROGRAM, ...words] })
    const limited = (limit: Json, ...words: string[]): Written => ({
      ...run(...words),
      timeout: limit,
    })
    const draw = this.below(40)
    if (draw < 14) return run('takes', ms(stageTimes.quickMs))
    if (draw < 21) return run('takes', ms(stageTimes.slowMs))
    const choices: (() => Written)[] = [
      () => run('fails', this.one(['75', '1', '64', '70', '137'])),
      () => run('stumbles', String(1 + this.below(3))),
      () => run('stumbles', String(1 + this.below(3))),
      () => run('dies', ms(300)),
      () => limited(`${1 + this.below(5)}s`, 'ignores', ms(stageTimes.slowMs)),
      () => run('ignores', ms(stageTimes.slowMs)),
      () => run('obeys', ms(stageTimes.slowMs)),
      () => limited({ startToClose: `${1 + this.below(8)}s` }, 'hangs'),
      () => run('forks', ms(stageTimes.quickMs * this.one([1, 10]))),
      () => run('leaves', ms(stageTimes.quickMs * this.one([1, 10]))),
      () => run('herds', ms(stageTimes.slowMs)),
      () => run('chats', String(this.below(40))),
      () => run('floods', this.one(['100', '70000'])),
      () => run('garbles'),
      () => ({
        ...run('hogs', String(this.one([1, 4]) * 2 ** 20)),
        resources: { memory: '2MiB' },
      }),
      () => limited({ heartbeat: '1s', startToClose: '20s' }, 'beats', ms(3_000)),
    ]
    return this.one(choices)()
  }

  private child(): Written {
    const [does, time] = this.one([
      ['takes', '50'],
      ['takes', '2000'],
      ['fails', '70'],
      ['stumbles', '1'],
    ] as const)
    return {
      workflow: { name: CHILD, wait: this.chance(0.8) },
      with: { does, for: time },
      ...(this.chance(0.4) ? { retry: { attempts: 2, initial: '100ms' } } : {}),
    }
  }

  private awaited(needs: readonly string[]): Written {
    const senders = this.ancestors(needs).filter(({ sends }) => sends)
    const sender = pick(this.entropy, senders)
    const timeout = `${3 + this.below(15)}s`
    if (sender !== undefined && this.chance(0.7)) return { ...own(sender.name), timeout }
    return { event: this.one(events), timeout }
  }

  private approval(): Written {
    const timeout = this.one(['8s', '5m', '5m'])
    return { count: this.one([1, 1, 2]), timeout }
  }

  // ── What goes with it ─────────────────────────────────────────────────────────────────────────

  private addPolicies(written: Written, isProgram: boolean): void {
    const onLost = this.chance(0.06)
    if (onLost) written.onLost = 'fail'
    if (this.chance(0.5)) {
      written.retry = {
        attempts: 1 + this.below(4),
        initial: `${this.one([20, 100, 500])}ms`,
        ...(!onLost && this.chance(0.2) ? { per: { lost: { attempts: 2 } } } : {}),
      }
    }
    if (this.chance(0.12)) written.priority = this.below(101)
    if (!('timeout' in written) && this.chance(0.15)) {
      written.timeout = this.one<Json>([
        '4s',
        { total: '8s' },
        { queue: '3s' },
        { startToClose: '3s', total: '10s' },
      ])
    }
    if (isProgram && this.chance(0.12)) written.resources ??= { cpu: this.one([0.5, 1, 2]) }
    if (this.chance(0.08)) written.where = { host: `n${1 + this.below(3)}` }
  }

  private addGates(written: Written, isProgram: boolean, around: readonly Sketch[]): void {
    const of = pick(this.entropy, around)
    if (this.chance(0.2)) {
      written.if =
        of === undefined || this.chance(0.3)
          ? this.one(['true', 'true', 'false'])
          : `stages.${of.name}.state == "${this.one(['succeeded', 'succeeded', 'skipped'])}"`
    }
    if (isProgram && this.chance(0.08)) written.approve = this.approval()
    if (isProgram && this.chance(0.12)) written.concurrency = this.concurrency('gate')
  }

  /** It is told what a stage before it has handed on. */
  private addReads(written: Written, around: readonly Sketch[]): void {
    const of = pick(
      this.entropy,
      around.filter(({ hasOutput }) => hasOutput),
    )
    if (of === undefined || !this.chance(0.5)) return
    written.env = { [`SAW_${of.name}`]: expression(`stages.${of.name}.outputs.v`) }
  }

  private items(): Written {
    const count = this.below(drawingLimits.itemsMax + 1)
    const all = Array.from({ length: count }, (_, i) => i)
    const rule = this.one(['failFast', 'continue', `quorum ${1 + this.below(Math.max(1, count))}`])
    return {
      items: this.chance(0.5) ? all : expression(`[${all.join(', ')}]`),
      ...(this.chance(0.4) ? { limit: 1 + this.below(3) } : {}),
      onFailure: count === 0 ? 'continue' : rule,
    }
  }

  private concurrency(noun: string): Written {
    const policies = ['queue', 'queue', 'cancelRunning', 'cancelNewest', 'roundRobin']
    const key = noun === 'gate' ? this.one(gates) : `line-${this.below(2)}`
    return { key, limit: 1 + this.below(2), policy: this.one(policies) }
  }

  private calls(name: string, section: Section): Written {
    const calls: Written = {}
    for (const key of ['compensate', 'fallback'] as const) {
      if (section !== 'stages' || !this.chance(0.12)) continue
      calls[key] = `${key}-${name}`
      this.called[`${key}-${name}`] = {
        ...this.program(),
        ...(this.chance(0.3) ? { retry: { attempts: 2, initial: '50ms' } } : {}),
      }
    }
    return calls
  }

  private beChosen(name: string, needs: string[], before: readonly Sketch[]): void {
    for (const { branches, name: chooser } of before) {
      if (branches === undefined || !this.chance(0.5)) continue
      this.one(branches).push(name)
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

  // ── Chance ────────────────────────────────────────────────────────────────────────────────────

  private below(bound: number): number {
    return below(this.entropy, bound)
  }

  private chance(share: number): boolean {
    return this.entropy.unit() < share
  }

  private one<T>(among: readonly T[]): T {
    return among[this.below(among.length)] as T
  }
}

/** An event that only this stage of this run sends. */
function own(name: string): Written {
  return { event: `e-${name}`, key: expression('run.id') }
}
