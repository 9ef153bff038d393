/** Steps at random: what a stage does, before anything is said about when, where and how often. */
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import { CHILD } from './children.ts'
import type { Dice } from './dice.ts'
import { stageTimes } from './limits.ts'
import { PROGRAM } from './programs.ts'
import { eventKeys, events, own, type Sketch, type Written } from './sketch.ts'

export interface DrawnStep {
  readonly written: Written
  readonly isProgram: boolean
  readonly sends: boolean
  readonly branches?: string[][]
}

/** `around`: the stages that are over when it begins. */
export function drawStep(dice: Dice, name: string, around: readonly Sketch[]): DrawnStep {
  const plain = (written: Written) => ({ written, isProgram: false, sends: false })
  const draw = dice.below(24)
  if (draw < 13) return { written: drawProgram(dice), isProgram: true, sends: false }
  switch (draw) {
    case 13:
      return plain({ wait: `${100 + dice.below(3_000)}ms` })
    case 14:
    case 15:
      return drawChoice(dice)
    case 16:
      return { ...plain({ signal: own(name) }), sends: true }
    case 17:
      return plain({ await: awaited(dice, around) })
    case 18:
    case 19:
      return plain({ approve: drawApproval(dice) })
    case 20:
      return plain(child(dice))
    case 21:
      return plain({ http: { url: `http://sim.local/${dice.one(['good', 'good', 'bad'])}` } })
    case 22:
      return plain({ function: { module: '/mod', export: dice.one(['good', 'good', 'bad']) } })
    default:
      return plain(
        dice.one<Written>([
          { function: 'skein:noop' },
          { function: 'skein:sleep', with: { for: `${dice.below(2_000)}ms` } },
          { function: 'skein:fail', with: { class: dice.one(['transient', 'bug']) } },
        ]),
      )
  }
}

/** Quick and slow ones mostly; among the others every way to misbehave. */
export function drawProgram(dice: Dice): Written {
  const run = (...words: string[]): Written => ({ run: [PROGRAM, ...words] })
  const limited = (limit: Json, ...words: string[]): Written => ({
    ...run(...words),
    timeout: limit,
  })
  const draw = dice.below(49)
  if (draw < 14) return run('takes', dice.ms(stageTimes.quickMs))
  if (draw < 21) return run('takes', dice.ms(stageTimes.slowMs))
  if (draw < 30) return run('lags', dice.ms(stageTimes.quickMs))
  const choices: (() => Written)[] = [
    () => run('fails', dice.one(['75', '1', '64', '70', '137'])),
    () => run('stumbles', String(1 + dice.below(3))),
    () => run('stumbles', String(1 + dice.below(3))),
    () => run('dies', dice.ms(300)),
    () => limited(`${1 + dice.below(5)}s`, 'ignores', dice.ms(stageTimes.slowMs)),
    () => run('ignores', dice.ms(stageTimes.slowMs)),
    () => run('obeys', dice.ms(stageTimes.slowMs)),
    () => limited({ startToClose: `${1 + dice.below(8)}s` }, 'hangs'),
    () => run('forks', dice.ms(stageTimes.quickMs * dice.one([1, 10]))),
    () => run('leaves', dice.ms(stageTimes.quickMs * dice.one([1, 10, 150]))),
    () => run('herds', dice.ms(stageTimes.slowMs)),
    () => run('chats', String(dice.below(40))),
    () => run('floods', dice.one(['100', '70000'])),
    () => run('garbles'),
    () => ({
      ...run('hogs', String(dice.one([1, 4]) * 2 ** 20)),
      resources: { memory: '2MiB' },
    }),
    () => limited({ heartbeat: '1s', startToClose: '20s' }, 'beats', dice.ms(3_000)),
  ]
  return dice.one(choices)()
}

export function drawApproval(dice: Dice): Written {
  const timeout = dice.one(['8s', '5m', '5m'])
  return { count: dice.one([1, 1, 2]), timeout }
}

function drawChoice(dice: Dice): DrawnStep {
  const branches: string[][] = [[], []]
  const holds = dice.one(['true', 'false', 'inputs.mode == "plain"'])
  // Not a literal: an object with a `then` looks like a promise.
  const cases = [
    Object.fromEntries<Json>([
      ['when', holds],
      ['then', branches[0]!],
    ]),
  ]
  const written = { choose: { cases, otherwise: branches[1]! } }
  return { written, isProgram: false, sends: false, branches }
}

function child(dice: Dice): Written {
  const [does, time] = dice.one([
    ['takes', '50'],
    ['takes', '2000'],
    ['fails', '70'],
    ['stumbles', '1'],
  ] as const)
  return {
    workflow: { name: CHILD, wait: dice.chance(0.8) },
    with: { does, for: time },
    ...(dice.chance(0.4) ? { retry: { attempts: 2, initial: '100ms' } } : {}),
  }
}

function awaited(dice: Dice, around: readonly Sketch[]): Written {
  const sender = dice.some(around.filter(({ sends }) => sends))
  const timeout = `${3 + dice.below(15)}s`
  if (sender !== undefined && dice.chance(0.7)) return { ...own(sender.name), timeout }
  const key = dice.chance(0.3) ? { key: dice.one(eventKeys) } : {}
  return { event: dice.one(events), ...key, timeout }
}
