/** Laws of expressions, of whatever tree and whatever text. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type BinaryOperator,
  binaryOperators,
  type Expr,
  macros,
} from '../../protocol/workflow/expressions/ast.ts'
import {
  civil,
  formatTimestamp,
  parseTimestamp,
} from '../../protocol/workflow/expressions/calendar.ts'
import { checkExpression } from '../../protocol/workflow/expressions/checker.ts'
import { evaluate } from '../../protocol/workflow/expressions/evaluator.ts'
import { functionNames } from '../../protocol/workflow/expressions/functions.ts'
import { expressionLimits } from '../../protocol/workflow/expressions/limits.ts'
import { parseExpression } from '../../protocol/workflow/expressions/parser.ts'
import { printExpression } from '../../protocol/workflow/expressions/printer.ts'
import { Regex } from '../../protocol/workflow/expressions/regex.ts'
import { parseTemplate, printTemplate } from '../../protocol/workflow/expressions/template.ts'
import { anyMap, dyn, objectOf } from '../../protocol/workflow/expressions/types.ts'

const at = 0
const name = fc.constantFrom('a', 'b', 'inputs', 'stages', 'x1', '_y', 'size')
const methods = fc.constantFrom(...functionNames)

const { tree } = fc.letrec<{ tree: Expr }>((tie) => {
  const sub = tie('tree')
  return {
    tree: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      fc.record({
        kind: fc.constant('literal' as const),
        at: fc.constant(at),
        value: fc.oneof(
          fc.constantFrom(null, true, false),
          fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.string({ unit: 'binary' }),
        ),
      }),
      fc.record({ kind: fc.constant('name' as const), at: fc.constant(at), name }),
      fc.record({
        kind: fc.constantFrom('select' as const, 'has' as const),
        at: fc.constant(at),
        of: sub,
        field: name,
      }),
      fc.record({ kind: fc.constant('index' as const), at: fc.constant(at), of: sub, key: sub }),
      fc.record(
        {
          kind: fc.constant('call' as const),
          at: fc.constant(at),
          name: methods,
          receiver: sub,
          args: fc.array(sub, { maxLength: 2 }),
        },
        { requiredKeys: ['kind', 'at', 'name', 'args'] },
      ),
      fc.record({
        kind: fc.constant('unary' as const),
        at: fc.constant(at),
        operator: fc.constantFrom('!' as const, '-' as const),
        of: sub,
      }),
      fc.record({
        kind: fc.constant('binary' as const),
        at: fc.constant(at),
        operator: fc.constantFrom(...(Object.keys(binaryOperators) as BinaryOperator[])),
        left: sub,
        right: sub,
      }),
      fc.record({
        kind: fc.constant('ternary' as const),
        at: fc.constant(at),
        condition: sub,
        ifTrue: sub,
        ifFalse: sub,
      }),
      fc.record({
        kind: fc.constant('list' as const),
        at: fc.constant(at),
        items: fc.array(sub, { maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant('map' as const),
        at: fc.constant(at),
        entries: fc.array(fc.record({ key: sub, value: sub }), { maxLength: 2 }),
      }),
      fc.record({
        kind: fc.constant('macro' as const),
        at: fc.constant(at),
        macro: fc.constantFrom(...macros),
        over: sub,
        variable: name,
        body: sub,
      }),
    ),
  }
})

function withoutPlaces(expr: unknown): unknown {
  if (Array.isArray(expr)) return expr.map(withoutPlaces)
  if (typeof expr !== 'object' || expr === null) return expr
  const { at: _, ...rest } = expr as Record<string, unknown>
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withoutPlaces(value)]))
}

test('what is printed reads back as the same tree', () => {
  fc.assert(
    fc.property(tree, (expr) => {
      const text = printExpression(expr)
      fc.pre(text.length < expressionLimits.sourceLengthMax)
      const back = parseExpression(text)
      assert.ok(back.ok, `${text}: ${back.ok ? '' : back.mistake.why}`)
      assert.deepEqual(withoutPlaces(back.value), withoutPlaces(expr), text)
      assert.equal(printExpression(back.value), text)
    }),
    { numRuns: 2_000 },
  )
})

test('any tree, over any data, ends in a value or a mistake within its steps', () => {
  const limits = { stepsMax: 2_000, stringLengthMax: 1_000, elementsMax: 100 }
  const data = fc.dictionary(name, fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<never>)
  fc.assert(
    fc.property(tree, data, (expr, names) => {
      const result = evaluate(expr, names, limits)
      assert.ok(result.steps <= limits.stepsMax)
      checkExpression(expr, objectOf('here', { inputs: anyMap, a: dyn, b: dyn }))
    }),
    { numRuns: 2_000 },
  )
})

test('any text is a tree or a mistake within it', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      '.',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      ':',
      '?',
      ',',
      '"',
      "'",
      '\\',
      '+',
      '-',
      '&&',
      '||',
    ],
    ...['1', '0x', '1.5', 'e9', 'in', 'has', '.all(x, ', '//', '\n', '$', '}}', '${{', 'r"', '"""'],
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (source) => {
      const result = parseExpression(source)
      if (!result.ok) assert.ok(result.mistake.at >= 0 && result.mistake.at <= source.length)
      const template = parseTemplate(source)
      if (!template.ok) assert.ok(template.mistake.at <= source.length)
      else {
        const printed = printTemplate(template.value)
        const again = parseTemplate(printed)
        assert.ok(again.ok)
        assert.deepEqual(withoutPlaces(again.value), withoutPlaces(template.value))
      }
    }),
    { numRuns: 3_000 },
  )
})

test('the checker refuses nothing that can be evaluated to a value', () => {
  // Of what is made of numbers and truth alone: there every type is known.
  const words = fc.constantFrom(
    '1',
    '2',
    '1.5',
    'true',
    'false',
    '(',
    ')',
    '+',
    '*',
    '<',
    '==',
    '&&',
    '?',
    ':',
    '!',
    '-',
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 9 }), (parts) => {
      const parsed = parseExpression(parts.join(' '))
      if (!parsed.ok) return
      const checked = checkExpression(parsed.value, objectOf('here', {}))
      if (checked.mistakes.length > 0) return
      const result = evaluate(parsed.value, {})
      assert.ok(
        result.ok || ['overflow', 'divisionByZero'].includes(result.mistake.code),
        parts.join(' '),
      )
    }),
    { numRuns: 20_000 },
  )
})

test('a pattern finds what JavaScript finds, in texts and patterns that both can', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '\\w',
    '\\b',
    '^',
    '$',
    '(a|b)',
    '(?:ab)',
    '1',
  )
  const count = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}', '*?')
  const part = fc
    .tuple(atom, count)
    .map(([of, times]) => (/^(\^|\$|\\b)$/.test(of) ? of : of + times))
  const either = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''))
  const pattern = fc.array(either, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|'))
  const text = fc
    .array(fc.constantFrom('a', 'b', '1', ' ', 'é'), { maxLength: 8 })
    .map((of) => of.join(''))
  fc.assert(
    fc.property(pattern, text, (source, of) => {
      const regex = Regex.of(source)
      assert.ok(regex.ok, source)
      assert.equal(regex.value.test(of), new RegExp(source, 'u').test(of), `${source} in ${of}`)
    }),
    { numRuns: 5_000 },
  )
})

test('times are what the calendar of JavaScript says', () => {
  const ms = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })
  fc.assert(
    fc.property(ms, (time) => {
      const date = new Date(time)
      const { year, month, day, hour, minute, second, millisecond, weekday } = civil(time)
      assert.deepEqual(
        [year, month - 1, day, hour, minute, second, millisecond, weekday],
        [
          date.getUTCFullYear(),
          date.getUTCMonth(),
          date.getUTCDate(),
          date.getUTCHours(),
          date.getUTCMinutes(),
          date.getUTCSeconds(),
          date.getUTCMilliseconds(),
          date.getUTCDay(),
        ],
      )
      assert.equal(parseTimestamp(formatTimestamp(time)), time)
    }),
  )
})
