/**
 * Every function that an expression may call: the checker, the evaluator and the reference read
 * this one table. A name has several rows when it takes several kinds of arguments; the first that
 * fits is taken.
 */
import { timestampOf } from './arithmetic.ts'
import type { Budget } from './budget.ts'
import { equal } from './comparing.ts'
import {
  boolOfText,
  doubleOfText,
  durationOfText,
  intOfDouble,
  intOfText,
  timestampOfText,
} from './conversions.ts'
import { textFunctions } from './text-functions.ts'
import { textOf } from './textual.ts'
import { timeFunctions } from './time-functions.ts'
import * as type from './types.ts'
import { Duration, entryAt, lengthOf, sizeOf, Timestamp, type Value } from './values.ts'

export interface FunctionRow {
  readonly name: string
  /** The type of what stands before the dot; absent for `name(x)`. */
  readonly receiver?: type.Type
  readonly params: readonly type.Type[]
  readonly result: type.Type
  readonly about: string
  /** The receiver first, where there is one. The types are those of the row. */
  // biome-ignore lint/suspicious/noExplicitAny: the row's types are checked before it is called.
  readonly run: (args: readonly any[], budget: Budget) => Value
}

const { anyList, anyMap, bool, double, duration, dyn, int, string, timestamp } = type

const sizes: readonly FunctionRow[] = [
  { on: string, of: (text: string) => lengthOf(text), about: 'The number of characters.' },
  { on: anyList, of: (list: readonly Value[]) => list.length, about: 'The number of elements.' },
  { on: anyMap, of: (map: Value) => sizeOf(map), about: 'The number of entries.' },
].flatMap(({ on, of, about }): FunctionRow[] => {
  const run: FunctionRow['run'] = ([value], budget) => {
    if (typeof value === 'string') budget.spendCharacters(value.length)
    return BigInt(of(value))
  }
  return [
    { name: 'size', params: [on], result: int, about, run },
    { name: 'size', receiver: on, params: [], result: int, about, run },
  ]
})

function conversion(
  name: string,
  from: type.Type,
  result: type.Type,
  about: string,
  run: FunctionRow['run'],
): FunctionRow {
  return { name, params: [from], result, about, run }
}

const same: FunctionRow['run'] = ([value]) => value

const conversions: readonly FunctionRow[] = [
  conversion('int', int, int, 'Itself.', same),
  conversion('int', double, int, 'Cut off towards zero.', ([x], b) => intOfDouble(x, b)),
  conversion('int', string, int, 'The int that is written.', ([x], b) => intOfText(x, b)),
  conversion('int', bool, int, '1 for true, 0 for false.', ([x]) => (x ? 1n : 0n)),
  conversion('int', timestamp, int, 'Whole seconds since 1970.', ([x]) =>
    BigInt(Math.floor(x.ms / 1_000)),
  ),
  conversion('double', double, double, 'Itself.', same),
  conversion('double', int, double, 'The nearest double.', ([x]) => Number(x)),
  conversion('double', string, double, 'The number that is written.', ([x], b) =>
    doubleOfText(x, b),
  ),
  conversion('string', dyn, string, 'As text; lists and maps as JSON.', ([x], b) => textOf(x, b)),
  conversion('json', dyn, string, 'As JSON; a text in quotes.', ([x], b) =>
    typeof x === 'string'
      ? JSON.stringify(x)
      : x instanceof Duration || x instanceof Timestamp
        ? JSON.stringify(textOf(x, b))
        : textOf(x, b),
  ),
  conversion('bool', bool, bool, 'Itself.', same),
  conversion('bool', string, bool, 'true, t, 1 or false, f, 0.', ([x], b) => boolOfText(x, b)),
  conversion('duration', duration, duration, 'Itself.', same),
  conversion('duration', string, duration, 'As in 500ms, 10s, 1h30m.', ([x], b) =>
    durationOfText(x, b),
  ),
  conversion('timestamp', timestamp, timestamp, 'Itself.', same),
  conversion('timestamp', string, timestamp, 'As in 2026-01-31T12:00:00Z.', ([x], b) =>
    timestampOfText(x, b),
  ),
  conversion('timestamp', int, timestamp, 'Seconds since 1970.', ([x], b) =>
    timestampOf(Number(x) * 1_000, b),
  ),
  conversion('dyn', dyn, dyn, 'Itself, its type taken as unknown.', same),
]

const lists: readonly FunctionRow[] = [
  {
    name: 'get',
    receiver: anyMap,
    params: [string, dyn],
    result: dyn,
    about: 'The field of that name, or the second argument where there is none.',
    run: ([map, key, otherwise]) => entryAt(map, key) ?? otherwise,
  },
  {
    name: 'unique',
    receiver: anyList,
    params: [],
    result: anyList,
    about: 'Each element once, in the order of their first.',
    run: ([list]: readonly (readonly Value[])[], budget) => {
      const kept: Value[] = []
      for (const item of list!) {
        if (!kept.some((other) => equal(item, other, budget))) kept.push(item)
      }
      return kept
    },
  },
]

export const functions: readonly FunctionRow[] = [
  ...sizes,
  ...conversions,
  ...lists,
  ...textFunctions,
  ...timeFunctions,
]

const byName = Map.groupBy(functions, ({ name, receiver }) => keyOf(name, receiver !== undefined))

function keyOf(name: string, isMethod: boolean): string {
  return isMethod ? `.${name}` : name
}

export function rowsOf(name: string, isMethod: boolean): readonly FunctionRow[] {
  return byName.get(keyOf(name, isMethod)) ?? []
}

/** With the receiver in front, as `run` takes them. */
export function paramsOf({ receiver, params }: FunctionRow): readonly type.Type[] {
  return receiver === undefined ? params : [receiver, ...params]
}

export const functionNames: readonly string[] = [...new Set(functions.map(({ name }) => name))]
