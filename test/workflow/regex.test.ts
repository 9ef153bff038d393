/** Patterns: what they find, what they refuse, and that no pattern takes for ever. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expressionLimits } from '../../protocol/workflow/expressions/limits.ts'
import { Regex } from '../../protocol/workflow/expressions/regex.ts'

function finds(pattern: string, text: string): boolean {
  const regex = Regex.of(pattern)
  assert.ok(regex.ok, `${pattern}: ${regex.ok ? '' : regex.why}`)
  return regex.value.test(text)
}

test('a pattern finds what it describes, and nothing else', () => {
  const cases: [string, string[], string[]][] = [
    ['^\\d+\\.\\d+\\.\\d+$', ['1.2.3', '10.20.30'], ['1.2', 'v1.2.3', '1.2.3-rc']],
    ['^(a|bc)*d$', ['d', 'ad', 'bcad'], ['bd', 'abc']],
    ['[[:alpha:]_-]+', ['x', '_', '-'], ['1', '']],
    ['^[^\\s/]+$', ['abc'], ['a b', 'a/b', '']],
    ['^(?i)hello$', ['HeLLo'], ['hell']],
    ['^a(?i:b)c$', ['aBc', 'abc'], ['ABc', 'abC']],
    ['(?m)^b$', ['a\nb\nc'], ['ab\nc']],
    ['(?s)a.b', ['a\nb'], []],
    ['a.b', ['axb'], ['a\nb']],
    ['^.$', ['😀'], ['ab']],
    ['^\\x41\\x{1F600}$', ['A😀'], ['A']],
    ['\\bcat\\b', ['a cat.'], ['concat', 'cats']],
    ['^x{2,4}$', ['xx', 'xxxx'], ['x', 'xxxxx']],
    ['^x{0}$', [''], ['x']],
    ['^x{2,}$', ['xx', 'xxxxxxx'], ['x']],
    ['a{,2}', ['a{,2}'], ['aa']],
    ['^(?P<year>\\d{4})$', ['2026'], ['26']],
    ['^[]a]+$', [']a'], ['b']],
    ['^[a\\-z]+$', ['a-z'], ['b']],
    ['', ['', 'x'], []],
    ['a||b', ['x'], []],
    ['\\Aa\\z', ['a'], ['ab']],
  ]
  for (const [pattern, found, missed] of cases) {
    for (const text of found) assert.ok(finds(pattern, text), `${pattern} in ${text}`)
    for (const text of missed) assert.ok(!finds(pattern, text), `${pattern} not in ${text}`)
  }
})

test('what cannot be done in linear time, or is not known, is refused with its reason', () => {
  const cases: [string, RegExp][] = [
    ['(a)\\1', /references back/],
    ['a(?=b)', /looking ahead/],
    ['(?<!a)b', /looking ahead or behind/],
    ['(a', /not closed/],
    ['a)', /not opened/],
    ['[a', /not closed/],
    ['*a', /nothing before it/],
    ['a**', /without a group/],
    ['a{2}{3}', /without a group/],
    ['a{3,2}', /counts down/],
    ['a{1001}', /1000 repeats/],
    ['[z-a]', /low to high/],
    ['\\q', /\\q is not known/],
    ['(?x)a', /\(\?x is not known/],
    ['[[:foo:]]', /not known/],
    ['\\', /ends too early/],
    ['(?', /ends too early/],
    ['a'.repeat(expressionLimits.patternLengthMax + 1), /longer than/],
    ['('.repeat(100), /nested deeper/],
    ['((a{100}){100}){100}', /more than 2000 states/],
  ]
  for (const [pattern, why] of cases) {
    const regex = Regex.of(pattern)
    assert.ok(!regex.ok, pattern)
    assert.match(regex.why, why)
  }
})

test('a pattern that makes others search for ever visits each state once a character', () => {
  const text = 'a'.repeat(5_000)
  for (const pattern of [
    '^(a+)+$',
    '^(a|a)*$',
    '^(a*)*b$',
    '(a?){50}a{50}$',
    '^(([a-z])+.)+[A-Z]$',
  ]) {
    finds(pattern, `${text}!`)
  }
  assert.ok(Regex.of('((((){1000}){1000}){1000}){1000}').ok)
  assert.ok(finds('^(((a*){0,5}){0,5}){0,5}$', text))
})
