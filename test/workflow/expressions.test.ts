// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is how expressions are written.
/** Expressions: what they are worth, what is refused and where, and what they can cost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkExpression } from '../../protocol/workflow/expressions/checker.ts'
import { evaluate } from '../../protocol/workflow/expressions/evaluator.ts'
import { functionNames } from '../../protocol/workflow/expressions/functions.ts'
import { expressionLimits } from '../../protocol/workflow/expressions/limits.ts'
import { parseExpression } from '../../protocol/workflow/expressions/parser.ts'
import { referencesOf } from '../../protocol/workflow/expressions/references.ts'
import {
  parseTemplate,
  printTemplate,
  renderText,
  renderValue,
} from '../../protocol/workflow/expressions/template.ts'
import {
  double,
  dyn,
  int,
  listOf,
  objectOf,
  string,
  typeName,
} from '../../protocol/workflow/expressions/types.ts'
import type { Fields, Value } from '../../protocol/workflow/expressions/values.ts'
import { equalities, failures, names, refusals } from './expression-cases.ts'

const scope = objectOf('here', {
  x: int,
  y: double,
  s: string,
  list: listOf(int),
  words: listOf(string),
  data: objectOf('data', { passRate: double, host: string, none: dyn, tags: dyn, deep: dyn }),
})

function parsed(source: string) {
  const result = parseExpression(source)
  assert.ok(result.ok, `${source}: ${result.ok ? '' : result.mistake.why}`)
  return result.value
}

function value(source: string, given: Fields = names): Value {
  const result = evaluate(parsed(source), given)
  assert.ok(result.ok, `${source}: ${result.ok ? '' : result.mistake.why}`)
  return result.value
}

function fails(source: string, given: Fields = names) {
  const result = evaluate(parsed(source), given)
  assert.ok(!result.ok, `${source} should fail`)
  return result.mistake
}

test('each expression of the table is worth what the table says', () => {
  for (const [left, right] of equalities) {
    assert.equal(value(`(${left.replace(/ *\/\/.*$/, '')}) == (${right})`), true, left)
    value(left)
  }
})

test('the checker finds nothing wrong with what can be evaluated', () => {
  for (const [source] of equalities) {
    assert.deepEqual(checkExpression(parsed(source), scope).mistakes, [], source)
  }
})

test('what cannot be evaluated says why, by code', () => {
  for (const [source, code] of failures) assert.equal(fails(source).code, code, source)
})

test('what is wrong is found before there are values, with its place and what to write', () => {
  for (const [source, code, part] of refusals) {
    const result = parseExpression(source)
    const mistakes = result.ok ? checkExpression(result.value, scope).mistakes : [result.mistake]
    assert.equal(mistakes[0]?.code, code, `${source}: ${JSON.stringify(mistakes)}`)
    assert.ok(`${mistakes[0].why} ${mistakes[0].hint}`.includes(part), JSON.stringify(mistakes))
    assert.ok(mistakes[0].at <= source.length)
  }
})

test('every mistake of an expression is told, at its own place', () => {
  const { mistakes } = checkExpression(parsed('lst == 1 && x.foo == 2 || s + 1 == nope'), scope)
  assert.deepEqual(
    mistakes.map(({ at, code }) => [at, code]),
    [
      [0, 'unknownName'],
      [14, 'wrongType'],
      [28, 'wrongType'],
      [35, 'unknownName'],
    ],
  )
})

test('the type of an expression is known as far as its parts are', () => {
  const cases: [string, string][] = [
    ['x + 1', 'int'],
    ['y * 2.0', 'double'],
    ['list.map(n, string(n))', 'list of string'],
    ['list[0]', 'int'],
    ['data.deep.er', 'any'],
    ['x > 1 ? 1 : "a"', 'any'],
    ['{"a": 1}.a', 'int'],
    ['s.size() == 3', 'bool'],
    ['timestamp(0) - timestamp(0)', 'duration'],
    ['[1] + [2]', 'list of int'],
    ['words.filter(w, w == s)', 'list of string'],
  ]
  for (const [source, type] of cases) {
    assert.equal(typeName(checkExpression(parsed(source), scope).type), type, source)
  }
})

test('an expression says which fields of a name it reads, and when it may read any', () => {
  const reads = (source: string) =>
    referencesOf(parsed(source)).map(({ name, field }) => `${name}.${field ?? '*'}`)
  assert.deepEqual(reads('stages.a.outputs.n > 1 && has(stages.b)'), ['stages.a', 'stages.b'])
  assert.deepEqual(reads('stages["a-b"].outputs'), ['stages.a-b'])
  assert.deepEqual(reads('stages[inputs.x]'), ['stages.*', 'inputs.x'])
  assert.deepEqual(reads('list.map(stages, stages.a)'), ['list.*'])
  assert.deepEqual(reads('stages.a.outputs[inputs.i]'), ['stages.a', 'inputs.i'])
})

test('no expression takes more steps than it may', () => {
  const thousand = Array.from({ length: 1_000 }, (_, i) => BigInt(i))
  const limits = { ...expressionLimits, stepsMax: 10_000 }
  for (const source of [
    'l.all(a, l.all(b, a + b >= 0))',
    'l.map(a, l.map(b, l.map(c, a)))',
    't.split("").map(a, t.split(""))',
    'l.map(a, t + t + t).size() > 0',
    '[l, l, l, l, l, l, l, l, l, l, l] == [l, l, l, l, l, l, l, l, l, l, l]',
    't.matches("(a?){200}b")',
    'l.exists(a, 1 / 0 > 1 || !l.all(b, true))',
    'l.map(a, string(l))',
  ]) {
    const result = evaluate(parsed(source), { l: thousand, t: 'a'.repeat(10_000) }, limits)
    assert.ok(!result.ok && result.mistake.code === 'tooCostly', source)
    assert.equal(result.steps, limits.stepsMax)
  }
})

test('texts, lists and depths have limits of their own', () => {
  const t = 'a'.repeat(expressionLimits.stringLengthMax)
  assert.equal(fails('t + t', { t }).code, 'tooLong')
  assert.equal(fails('t.replace("a", "bb")', { t }).code, 'tooLong')
  assert.equal(fails('t.split("")', { t }).code, 'tooLong')
  let deep: Value = 1
  for (let i = 0; i < 10_000; i++) deep = [deep]
  assert.equal(fails('d == d', { d: deep }).code, 'tooDeep')
  assert.equal(fails('string(d)', { d: deep }).code, 'tooDeep')
})

test('a deep or long expression is refused, not followed', () => {
  const sources = [
    '('.repeat(100_000),
    '['.repeat(100_000),
    '-'.repeat(100_000),
    '!'.repeat(100_000),
    `a${'.b'.repeat(5_000)}`,
    `1${' + 1'.repeat(2_000)}`,
    `${'a ? b : '.repeat(1_000)}c`,
    `f(${'f('.repeat(4_000)}`,
    `"${'x'.repeat(10_000)}"`,
  ]
  for (const source of sources) {
    const result = parseExpression(source)
    assert.ok(!result.ok)
    assert.match(result.mistake.code, /^(tooDeep|tooLong)$/, source.slice(0, 20))
  }
})

test('a text with expressions becomes a text, and one that is an expression keeps its kind', () => {
  const template = (source: string) => {
    const result = parseTemplate(source)
    assert.ok(result.ok, source)
    return result.value
  }
  const text = (source: string) => renderText(template(source), names)
  assert.deepEqual(text('v${{ x }}-${{ s }}!'), { ok: true, value: 'v5-hello!' })
  assert.deepEqual(text('${{ {"a": {"b": "}}"}}.a.b }}'), { ok: true, value: '}}' })
  assert.deepEqual(text('$${{ x }} costs $5'), { ok: true, value: '${{ x }} costs $5' })
  assert.deepEqual(text('${{ list }}'), { ok: true, value: '[1,2,3]' })
  assert.deepEqual(renderValue(template('${{ list }}'), names), { ok: true, value: [1n, 2n, 3n] })
  assert.deepEqual(renderValue(template('a ${{ x }}'), names), { ok: true, value: 'a 5' })
  for (const source of ['v${{ x }}-$${{ y }}', 'plain', '', '$$${{ a', '}} ${{ "}}" }}']) {
    assert.deepEqual(
      printTemplate(template(printTemplate(template(source)))),
      printTemplate(template(source)),
    )
  }
  const broken = parseTemplate('abc ${{ x + }} def')
  assert.ok(!broken.ok)
  assert.equal(broken.mistake.at, 12)
  const open = parseTemplate('abc ${{ x')
  assert.ok(!open.ok && open.mistake.hint === 'close it with }}')
})

test('every function is in the reference', async () => {
  const { readFile } = await import('node:fs/promises')
  const folder = new URL('../../protocol/workflow/expressions/', import.meta.url)
  const reference = await readFile(new URL('README.md', folder), 'utf8')
  for (const name of functionNames) assert.ok(reference.includes(`\`${name}`), name)
})
