/** Input that means harm, or just too much: a clear mistake each time, and none takes the reader along. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalWorkflow } from '../../protocol/workflow/canonical.ts'
import { workflowLimits as limits } from '../../protocol/workflow/limits.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { examples, head, mistakesIn, parsed, told, withStages } from './stage.ts'

function only(text: string): string {
  const mistakes = mistakesIn(text)
  assert.equal(mistakes.length, 1, mistakes.map(told).join('\n'))
  return told(mistakes[0]!)
}

test('a YAML bomb is refused where it goes off', () => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++) {
    const before = String.fromCharCode(96 + i)
    const name = String.fromCharCode(97 + i)
    lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`)
  }
  assert.match(
    only(`${head}${lines.join('\n')}\n`),
    /^8:\d+ the aliases up to here stand for more than 10000 values/,
  )
  assert.match(only(`${head}labels: &l { a: *l }\nstages: {}\n`), /\*l refers to nothing before it/)
})

test('aliases that stand for little are taken', () => {
  const text = withStages('  a: { run: x, env: &env { A: b } }\n  b: { run: y, env: *env }\n')
  assert.deepEqual(parsed(text).stages[1]!.env, { A: ['b'] })
})

test('a file of ten megabytes is refused before it is read', () => {
  assert.match(
    only(`${head}# ${'x'.repeat(10_000_000)}`),
    /more than 4194304 characters \(split the workflow/,
  )
})

test('a file of very many words is refused when they are too many', () => {
  for (const noise of ['- ', '\n', '&a ', 'a: ', '[a, ']) {
    const mistake = only(noise.repeat(Math.floor(4_000_000 / noise.length)))
    assert.match(mistake, /more than 500000 words and signs|nested deeper than 32 levels/, noise)
  }
})

test('a hundred thousand stages are refused, and as many as may be are taken', () => {
  const many = (count: number) =>
    withStages(Array.from({ length: count }, (_, i) => `  s${i}: {wait: 1s}\n`).join(''))
  assert.match(only(many(100_000)), /more than 500000 words and signs/)
  assert.match(
    only(many(limits.stagesMax + 1)),
    /stages has 1 to 10000 entries, and this has 10001/,
  )
  assert.equal(parsed(many(limits.stagesMax)).stages.length, limits.stagesMax)
})

test('a circle of a thousand stages is told by its ends', () => {
  const ring = Array.from(
    { length: 1_000 },
    (_, i) => `  s${i}: { run: x, needs: s${(i + 1) % 1_000} }\n`,
  )
  assert.equal(
    only(withStages(ring.join(''))),
    '5:24 the needs go round: s0 → s1 → s2 → s3 → s4 → s5 → … → s994 → s995 → s996 → s997 → s998 → s999 → s0 (1000 stages) (take one of these needs away)',
  )
})

test('deep files and deep expressions are refused at the level that is too deep', () => {
  assert.match(only('['.repeat(100_000)), /^1:33 .*deeper than 32 levels/)
  assert.match(only('{a: '.repeat(100_000)), /deeper than 32 levels/)
  const steps = Array.from({ length: 40 }, (_, i) => `${'  '.repeat(i)}a:`).join('\n')
  assert.match(only(steps), /deeper than 32 levels/)
  for (const [open, count] of [
    ['(', 100_000],
    ['[', 100_000],
    ['!', 200_000],
    ['-', 200_000],
  ] as const) {
    const text = withStages(`  a: { run: x, if: '\${{ ${open.repeat(count)} }}' }\n`)
    assert.match(only(text), /nested deeper than 128 levels/)
  }
  assert.match(
    only(withStages(`  a: { run: x, if: 'true${' && true'.repeat(2_000)}' }\n`)),
    /8192 are allowed/,
  )
})

test('of very many mistakes the first are told and the rest counted', () => {
  const stages = Array.from({ length: 5_000 }, (_, i) => `  s${i}: { runn: x, needs: nope${i} }\n`)
  const result = parseWorkflow(withStages(stages.join('')))
  assert.ok(!result.ok)
  assert.equal(result.mistakes.length, limits.mistakesMax)
  assert.ok(result.more > 4_000)
})

test('names that mean something to JavaScript mean nothing here', () => {
  assert.match(
    only(withStages('  a: { run: x }\n  __proto__: { run: x }\n')),
    /__proto__ is no key/,
  )
  const text = withStages('  constructor: { run: x }\n  toString: { run: y, needs: constructor }\n')
  assert.equal(parsed(text).stages.length, 2)
  assert.match(only(withStages('  a: { run: x, needs: toString }\n')), /no stage "toString"/)
  assert.match(
    only(withStages('  a: { run: x, if: inputs.constructor == 1 }\n')),
    /inputs has no constructor/,
  )
})

test('whatever is done to an example, there is a workflow or mistakes within the file', () => {
  const piece = fc.constantFrom(
    ...[
      '§',
      '${{',
      '}}',
      '"',
      "'",
      '[',
      ']',
      '{',
      '}',
      ':',
      ' ',
      '\n',
      '  ',
      '&a ',
      '*a',
      '|',
      '>',
      '#',
      '-',
      '!',
      '%',
      '\t',
      '0',
      'null',
      '~',
      '\\',
      '\u0000',
      '😀',
    ],
  )
  const edit = fc.record({ at: fc.nat(), cut: fc.nat({ max: 12 }), piece })
  const text = fc
    .tuple(
      fc.constantFrom(...examples.map((each) => each.text)),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
    )
    .map(([start, edits]) =>
      edits.reduce((now, { at, cut, piece }) => {
        const place = at % (now.length + 1)
        return now.slice(0, place) + piece + now.slice(place + cut)
      }, start),
    )
  fc.assert(
    fc.property(text, (changed) => {
      const result = parseWorkflow(changed)
      if (result.ok) {
        const canonical = canonicalWorkflow(result.workflow)
        assert.equal(canonicalWorkflow(parsed(canonical)), canonical)
        return
      }
      const lines = changed.split('\n')
      assert.ok(result.mistakes.length > 0)
      for (const { line, column } of result.mistakes) {
        assert.ok(line >= 1 && line <= lines.length, changed)
        assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1, changed)
      }
    }),
    { numRuns: 400 },
  )
})
