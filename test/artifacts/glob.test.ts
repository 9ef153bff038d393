/** Patterns of files, against examples and against a dumb oracle. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Globs } from '../../protocol/artifacts/glob.ts'

function compiled(...patterns: string[]): Globs {
  const globs = Globs.compile(patterns)
  assert.ok(globs instanceof Globs, JSON.stringify(globs))
  return globs
}

const takes = (pattern: string, path: string) => compiled(pattern).takesPath(path) !== undefined

test('patterns take what they say', () => {
  const cases: [pattern: string, taken: string[], left: string[]][] = [
    ['dist/**', ['dist/a', 'dist/b/c', 'dist/.hidden'], ['dist', 'a/dist/b', 'distant/a']],
    ['dist/', ['dist/a', 'dist/b/c'], ['dist']],
    ['./dist/*', ['dist/a'], ['dist/a/b']],
    ['**', ['a', 'a/b', '.git/config'], []],
    ['**/*.js', ['a.js', 'b/a.js', 'c/b/a.js', '.js'], ['a.jsx', 'a.js/b']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/b/c']],
    ['a/**/**/b', ['a/b', 'a/x/b'], ['a/bb']],
    ['?.txt', ['a.txt', 'é.txt', '🦆.txt'], ['.txt', 'ab.txt', 'a/.txt']],
    ['*.{js,css}', ['a.js', 'a.css'], ['a.ts', 'a.{js,css}']],
    ['{a,b{1,2}}/x', ['a/x', 'b1/x', 'b2/x'], ['b/x']],
    ['a{,.min}.js', ['a.js', 'a.min.js'], ['a.max.js']],
    ['lib{/x,}/a', ['lib/x/a', 'lib/a'], ['libx/a']],
    ['\\*.txt', ['*.txt'], ['a.txt']],
    ['\\{a,b\\}', ['{a,b}'], ['a', 'b']],
    ['[ab]', ['[ab]'], ['a', 'b']],
    ['*a*b*c', ['abc', 'xaxbxc', 'aabbcc'], ['abcd', 'acb', 'ab']],
    ['**x', ['x', 'ax'], ['a/x']],
  ]
  for (const [pattern, taken, left] of cases) {
    for (const path of taken) assert.ok(takes(pattern, path), `${pattern} takes ${path}`)
    for (const path of left) assert.ok(!takes(pattern, path), `${pattern} leaves ${path}`)
  }
})

test('the last pattern that speaks of a file decides', () => {
  const globs = compiled('dist/**', '!dist/**/*.map', 'dist/keep.map')
  assert.equal(globs.takesPath('dist/a.js'), 0)
  assert.equal(globs.takesPath('dist/x/a.map'), undefined)
  assert.equal(globs.takesPath('dist/keep.map'), 2)
})

test('what is no pattern is refused, and why', () => {
  const cases: [pattern: string, why: RegExp][] = [
    ['', /empty/],
    ['/etc/passwd', /absolute/],
    ['../x', /\.\. in it/],
    ['a/../b', /\.\. in it/],
    ['a/./b', /\. in it/],
    ['a//b', /empty name/],
    ['{a,b', /no partner/],
    ['a}', /no partner/],
    ['a\\', /middle of an escape/],
    ['{a,b}'.repeat(7), /more than 64/],
    ['a'.repeat(1_025), /longer than 1024/],
    ['a/'.repeat(100), /more than 64 names/],
  ]
  for (const [pattern, why] of cases) {
    const fault = Globs.compile([pattern])
    assert.ok(!(fault instanceof Globs), pattern)
    assert.match(fault.why, why)
  }
})

const names = fc.array(fc.constantFrom('a', 'b', 'ab', 'aab', '.', 'b.a'), {
  minLength: 1,
  maxLength: 4,
})
const paths = names.map((all) => all.map((name) => (name === '.' ? 'x' : name)).join('/'))
const pieces = fc.constantFrom('a', 'b', '*', '?', 'a*', '*b', '**', '{a,b}', 'a{b,}', '*.*')
const patterns = fc.array(pieces, { minLength: 1, maxLength: 4 }).map((all) => all.join('/'))

test('matching agrees with a regular expression', () => {
  fc.assert(
    fc.property(patterns, paths, (pattern, path) => {
      assert.equal(takes(pattern, path), oracle(pattern).test(path), `${pattern} and ${path}`)
    }),
    { numRuns: 2_000 },
  )
})

test('a directory that is not entered has nothing in it to take', () => {
  fc.assert(
    fc.property(patterns, paths, paths, (pattern, above, below) => {
      const globs = compiled(pattern)
      let reached = globs.start()
      for (const name of above.split('/')) {
        const next = globs.enter(reached, name)
        if (next === undefined) {
          assert.equal(oracle(pattern).test(`${above}/${below}`), false)
          return
        }
        reached = next
      }
    }),
    { numRuns: 2_000 },
  )
})

test('no pattern takes long, whatever the name', () => {
  const globs = compiled(`${'*a'.repeat(400)}*b`, `${'**/'.repeat(60)}x`)
  const name = 'a'.repeat(255)
  assert.equal(globs.takesPath(Array.from({ length: 60 }, () => name).join('/')), undefined)
})

function oracle(pattern: string): RegExp {
  let text = ''
  const segments = pattern.split('/')
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1
    if (segment === '**') text += last ? '(?:[^/]+/)*[^/]+' : '(?:[^/]+/)*'
    else {
      text += segment
        .replaceAll('.', '\\.')
        .replaceAll('*', '[^/]*')
        .replaceAll('?', '[^/]')
        .replaceAll('{', '(?:')
        .replaceAll(',', '|')
        .replaceAll('}', ')')
      if (!last) text += '/'
    }
  }
  return new RegExp(`^${text}$`)
}
