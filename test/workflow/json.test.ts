/** What programs write is read like what people write, only sooner. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalWorkflow } from '../../protocol/workflow/canonical.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import { Mistakes } from '../../protocol/workflow/mistake.ts'
import { readYaml } from '../../protocol/workflow/source/document.ts'
import { readJson } from '../../protocol/workflow/source/json.ts'
import { head, parsed } from './stage.ts'

const space = fc.constantFrom('', '', ' ', '  ', '\n', '\n  ')
const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
)

/** Values as text, with white space wherever JSON lets it stand. */
const { document: jsonText } = fc.letrec<{
  value: string
  list: string
  map: string
  document: string
}>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar.map(textOf), tie('list'), tie('map')),
  list: fc
    .tuple(fc.array(tie('value'), { maxLength: 4 }), space)
    .map(([items, blank]) => `[${blank}${items.join(`${blank},${blank}`)}${blank}]`),
  map: fc
    .tuple(fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }), space)
    .map(([map, blank]) => {
      const entries = Object.entries(map)
      const inner = entries.map(([key, value]) => `${textOf(key)}${blank}:${blank}${value}`)
      return `{${blank}${inner.join(`${blank},${blank}`)}${blank}}`
    }),
  document: fc.tuple(space, tie('map'), space).map((parts) => parts.join('')),
}))

function textOf(value: unknown): string {
  return JSON.stringify(value)
}

function byYaml(text: string) {
  const mistakes = new Mistakes([0])
  return readYaml(text, mistakes)
}

test('JSON comes to the same values and places as by way of YAML', () => {
  let readHere = 0
  fc.assert(
    fc.property(jsonText, (text) => {
      const read = readJson(text)
      if (read === undefined) return
      readHere++
      assert.deepEqual(read, byYaml(text))
    }),
    { numRuns: 2_000 },
  )
  assert.ok(readHere > 500, `${readHere} of them are read here`)
})

test('what could mean something else in YAML is left to it', () => {
  for (const text of [
    'a: 1',
    '[1]',
    '{"a":1} # why',
    '{"a":1,}',
    "{'a':1}",
    '{"a":1,"a":2}',
    '{"<<":1}',
    '{"__proto__":1}',
    '{"a":01}',
    '{"a":-0}',
    '{"a":1e400}',
    '{"a":12345678901234567890}',
    '{"a":"b\tc"}',
    '{\t"a":1}',
    '{"a":nul}',
    '{"a":"b',
    '{"a":"\\x"}',
    '{"a":[1,2',
    '{"a":1}{"b":2}',
    `{"${'k'.repeat(2_000)}":1}`,
    `{"a":${'['.repeat(workflowLimits.documentDepthMax)}${']'.repeat(workflowLimits.documentDepthMax)}}`,
  ]) {
    assert.equal(readJson(text), undefined, text.slice(0, 40))
  }
})

test('as many stages as may be read back from where all their defaults are written out', () => {
  const defaults = `defaults:
  timeout: 10m
  retry: { attempts: 3, backoff: exponential, initial: 1s, max: 30s, per: { lost: { attempts: 5 } } }
  where: { labels: { os: linux } }
`
  const stages = Array.from({ length: workflowLimits.stagesMax }, (_, i) => `  s${i}: { run: x }\n`)
  const workflow = parsed(`${head}${defaults}stages:\n${stages.join('')}`)
  assert.deepEqual(parsed(canonicalWorkflow(workflow)).stages.length, workflow.stages.length)
})
