/** The look through JSON: it takes what `JSON.parse` takes, and says where the rest goes wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { importLimits as limits } from '../../coordinator/importing/limits.ts'
import { flawInJson } from '../../models/traces/json-scan.ts'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const signs = fc.constantFrom(
  ...['{', '}', '[', ']', ',', ':', '"', '"a"', '1', '-', '0', '.5', 'e3', 'true', 'null', 'nul'],
  ...[' ', '\n', '\t', '\\', '\\u00e9', '\\x', '\u0001', '\u2028', '\ufeff', 'é', "'", '-0', '01'],
)

test('it takes exactly what JSON.parse takes', () => {
  const soup = fc.array(signs, { maxLength: 12 }).map((parts) => parts.join(''))
  const hurt = fc.tuple(fc.json(), fc.nat(), fc.nat(3), signs).map(([text, at, cut, sign]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + sign + text.slice(place + cut)
  })
  const whole = fc
    .tuple(fc.jsonValue(), fc.nat(3))
    .map(([value, blanks]) => JSON.stringify(value, null, blanks))
  fc.assert(
    fc.property(fc.oneof(soup, hurt, whole), (text) => {
      const flaw = flawInJson(text)
      assert.equal(flaw === undefined, isJson(text), JSON.stringify({ text, flaw }))
      assert.ok(flaw === undefined || (flaw.at >= 0 && flaw.at <= text.length))
    }),
    { numRuns: 3_000 },
  )
})

test('a flaw has its place and says what is missing', () => {
  const cases: [string, number, string][] = [
    ['', 0, 'it ends too early'],
    ['{"a": ', 6, 'it ends too early'],
    ['{"a" 1}', 5, 'a colon is missing here'],
    ['{"a": 1,}', 8, 'a key in double quotes is missing here'],
    ['[1 2]', 3, 'a comma or the end of the list or object is missing here'],
    ['[1}', 2, 'a comma or the end of the list or object is missing here'],
    ['[tru]', 1, 'a value or ] is missing here'],
    ['{a: 1}', 1, 'a key in double quotes or } is missing here'],
    ['["a\nb"]', 1, 'a text that is no JSON begins here'],
    ['[1] x', 4, 'more comes after its end'],
  ]
  for (const [text, at, why] of cases) assert.deepEqual(flawInJson(text), { at, why })
})

test('depth and values have limits, which are told where they are passed', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(flawInJson(nested(limits.depthMax)), undefined)
  assert.deepEqual(flawInJson(nested(limits.depthMax + 1)), {
    at: limits.depthMax,
    why: `lists and objects are nested deeper than ${limits.depthMax} levels`,
  })
  assert.match(flawInJson('['.repeat(5_000_000))?.why ?? '', /nested deeper/)
  const many = `[${'0,'.repeat(limits.valuesMax)}0]`
  assert.match(flawInJson(many)?.why ?? '', /more than 2000000 values/)
})

test('texts, blanks and numbers as long as the file are looked through', () => {
  const length = 4_000_000
  assert.equal(flawInJson(`"${'\\n'.repeat(length)}"`), undefined)
  assert.equal(flawInJson(' '.repeat(length))?.at, length)
  assert.equal(flawInJson(`"${'a'.repeat(length)}`)?.at, 0)
  assert.notEqual(flawInJson('1'.repeat(length)), undefined)
})
