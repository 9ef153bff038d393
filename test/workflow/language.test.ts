/** What a workflow means once it is read: defaults, short forms, roles; and its one canonical text. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { canonicalWorkflow, planHash, workflowHash } from '../../protocol/workflow/canonical.ts'
import { workflowJsonSchema } from '../../protocol/workflow/json-schema.ts'
import { retryRule } from '../../protocol/workflow/language/policies.ts'
import { stepKinds } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { validates } from './schema-oracle.ts'
import { example, examples, head, mistakesIn, parsed, stageIn, withStages } from './stage.ts'

test('every example is a workflow', () => {
  assert.ok(examples.length >= 4)
  for (const { file, text } of examples) {
    assert.ok(parseWorkflow(text).ok, file)
  }
})

test('one of the examples has every kind of step, and every key of a stage', () => {
  const { stages } = parsed(example('every-kind.yaml'))
  assert.deepEqual(new Set(stages.map(({ step }) => step.kind)), new Set(stepKinds))
  const definitions = workflowJsonSchema().definitions as Record<string, { properties: object }>
  const text = example('every-kind.yaml')
  for (const key of Object.keys(definitions.Stage!.properties)) {
    assert.match(text, new RegExp(`[ {]${key}:`), key)
  }
})

test('the sample of the design is read as it is meant', () => {
  const text = example('release.yaml')
  const { inputs, stages } = parsed(text)
  assert.deepEqual(inputs.version, {
    type: 'string',
    pattern: '^\\d+\\.\\d+\\.\\d+$',
    required: true,
    secret: false,
  })
  assert.deepEqual(
    stages.map(({ name, needs, step }) => [name, needs, step.kind]),
    [
      ['build', [], 'run'],
      ['unit', ['build'], 'run'],
      ['canary', ['unit'], 'runbook'],
    ],
  )
  const [build, unit, canary] = stages
  assert.deepEqual(build!.timeouts, { startToCloseMs: 600_000 })
  assert.deepEqual(build!.resources, { cpu: 2, memoryBytes: 2 ** 30, custom: {} })
  assert.deepEqual(build!.where.labels, { os: { in: [['linux']] } })
  assert.deepEqual(build!.artifacts, ['dist/**'])
  assert.deepEqual(unit!.artifactsFrom, ['build'])
  assert.deepEqual(unit!.retry, {
    attempts: 3,
    backoff: 'exponential',
    initialMs: 1_000,
    maxMs: 30_000,
    jitter: 'full',
    per: {},
  })
  assert.deepEqual(canary!.approve, {
    roles: ['approver'],
    from: [],
    count: 1,
    timeoutMs: 7_200_000,
  })
  assert.deepEqual(canary!.with.percent, { kind: 'literal', value: 5 })
})

test('a workflow cannot be changed', () => {
  const workflow = parsed(example('every-kind.yaml'))
  assert.throws(() => {
    ;(workflow.stages as unknown[]).push({})
  }, TypeError)
  assert.throws(() => {
    ;(workflow.stages[0]!.retry as { attempts: number }).attempts = 9
  }, TypeError)
  assert.throws(() => {
    ;(workflow.inputs as Record<string, unknown>).more = {}
  }, TypeError)
})

test('what a stage says goes before what the defaults say, key by key', () => {
  const text = `${head}defaults:
  timeout: { startToClose: 10m, heartbeat: 1m }
  retry: { attempts: 3, max: 5m }
  where: { labels: { os: linux, zone: a } }
stages:
  a:
    run: x
    timeout: 1h
    retry: { max: 1m }
    where: { labels: { zone: b } }
`
  const { timeouts, retry, where } = stageIn(text, 'a')
  assert.deepEqual(timeouts, { startToCloseMs: 3_600_000, heartbeatMs: 60_000 })
  assert.deepEqual([retry.attempts, retry.maxMs], [3, 60_000])
  assert.deepEqual(where.labels, { os: { in: [['linux']] }, zone: { in: [['b']] } })
})

test('a secret is a variable if nothing else is said, or a file whose path it holds', () => {
  const text = withStages(
    '  a: { run: x, secrets: { A: one, B: { name: two }, C: { name: t/3, as: file } } }\n  b: { run: x, secrets: [D] }\n',
  )
  assert.deepEqual(stageIn(text, 'a').secrets, {
    A: { name: 'one', as: 'variable' },
    B: { name: 'two', as: 'variable' },
    C: { name: 't/3', as: 'file' },
  })
  assert.deepEqual(stageIn(text, 'b').secrets, { D: { name: 'D', as: 'variable' } })
  // As hashes of workflows have it that were written before there were files.
  assert.match(canonicalWorkflow(parsed(text)), /"secrets":\{"A":"one","B":"two","C":\{"as":"file"/)
})

test('a default that has no meaning for a step is not given to it', () => {
  const text = `${head}defaults: { timeout: 1s, retry: 3, resources: { cpu: 1 }, directory: d }
stages:
  pause: { wait: 1h }
  ask: { approve: {} }
  sub: { workflow: other }
`
  for (const name of ['pause', 'ask', 'sub']) {
    const { timeouts, resources, directory } = stageIn(text, name)
    assert.deepEqual([timeouts, resources, directory], [{}, { custom: {} }, undefined], name)
  }
  assert.equal(stageIn(text, 'pause').retry.attempts, 1)
  assert.equal(stageIn(text, 'sub').retry.attempts, 3)
})

test('input and bugs are not tried again, a lost agent is, and a stage may say otherwise', () => {
  const { retry } = stageIn(withStages('  a: { run: x, retry: 4 }\n'), 'a')
  const attempts = (of: typeof retry) =>
    (['transient', 'resource', 'input', 'bug', 'lost'] as const).map(
      (each) => retryRule(of, each).attempts,
    )
  assert.deepEqual(attempts(retry), [4, 4, 1, 1, 10])
  const own =
    '  a: { run: x, retry: { attempts: 2, per: { bug: { attempts: 5 }, lost: { attempts: 1 } } } }\n'
  assert.deepEqual(attempts(stageIn(withStages(own), 'a').retry), [2, 2, 1, 5, 1])
  assert.deepEqual(
    attempts(stageIn(withStages('  a: { run: x, retry: 20 }\n'), 'a').retry),
    [20, 20, 1, 1, 20],
  )
})

test('branches need the stage that chooses them, and what is called is not scheduled', () => {
  const workflow = parsed(example('every-kind.yaml'))
  const of = (name: string) => workflow.stages.find((each) => each.name === name)!
  assert.deepEqual(of('roll-out').needs, ['branch'])
  assert.deepEqual([of('unscript').role, of('fetch-mirror').role], ['compensation', 'fallback'])
  assert.deepEqual([of('clean').section, of('tell').section], ['finally', 'onFailure'])
})

test('a workflow reads back from its canonical text as the same workflow', () => {
  for (const { file, text } of examples) {
    const workflow = parsed(text)
    const canonical = canonicalWorkflow(workflow)
    const again = parsed(canonical)
    assert.equal(canonicalWorkflow(again), canonical, file)
    assert.deepEqual(withoutPlaces(again), withoutPlaces(workflow), file)
  }
})

/** Places in texts differ; order of stages and keys is not meant. */
function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(withoutPlaces) as { name?: string }[]
    const named = items.every((item) => typeof item?.name === 'string' && 'step' in item)
    return named ? items.sort((a, b) => (a.name! < b.name! ? -1 : 1)) : items
  }
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => key !== 'at')
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutPlaces(entry)]))
}

test('the hash is of the meaning: spelling does not change it, and anything else does', () => {
  const short = parsed(withStages('  a: { run: x }\n  b: { needs: a, run: y, if: 1+1==2 }\n'))
  const long = parsed(`# a comment
kind: Workflow
"apiVersion": 'skein/v1'
name: w
priority: 50
stages:
  b:
    if: "\${{ 1 + 1 == 2 }}"
    needs:
      - a
    run: "y"
    shell: sh
    optional: false
  a:
    run: >-
      x
`)
  assert.equal(workflowHash(short), workflowHash(long))
  assert.match(workflowHash(short), /^[0-9a-f]{64}$/)
  for (const other of [
    '  a: { run: z }\n  b: { needs: a, run: y, if: 1+1==2 }\n',
    '  a: { run: x }\n  b: { run: y, if: 1+1==2 }\n',
    '  a: { run: x, priority: 51 }\n  b: { needs: a, run: y, if: 1+1==2 }\n',
    '  a: { run: x }\n  b: { needs: a, run: y, if: 1+1==3 }\n',
  ]) {
    assert.notEqual(workflowHash(parsed(withStages(other))), workflowHash(short), other)
  }
  assert.equal(planHash(short, { a: 1, b: [2] }), planHash(long, { b: [2], a: 1 }))
  assert.notEqual(planHash(short, { a: 1 }), planHash(short, { a: 2 }))
  assert.notEqual(planHash(short, {}), workflowHash(short))
})

test('the hash of the sample stays what it is: it is kept in ledgers', () => {
  const workflow = parsed(example('release.yaml'))
  assert.equal(
    planHash(workflow, { version: '1.2.3' }),
    'a5b0878641b62f8cdee18e69a931e86ed5bebf7477e13cc1dbb31905e1138624',
  )
})

test('the published schema is the one that validates', () => {
  const golden = readFileSync(new URL('./schema.golden.json', import.meta.url), 'utf8')
  // After a change of the language that is meant: skein workflow schema > test/workflow/schema.golden.json
  assert.deepEqual(workflowJsonSchema(), JSON.parse(golden))
})

test('the schema accepts every example, and refuses what the parser refuses by shape', () => {
  const schema = workflowJsonSchema()
  for (const { file, text } of examples) {
    assert.ok(validates(schema, parse(text)), file)
    assert.ok(validates(schema, JSON.parse(canonicalWorkflow(parsed(text)))), file)
  }
  for (const stages of [
    '  a: { runn: x }\n',
    '  a: { run: x, wait: 1s }\n',
    '  a: { needs: [] }\n',
    '  a: { run: x, optional: 1 }\n',
    '  a: { run: x, priority: 101 }\n',
    '  a: { run: x, timeout: 10x }\n',
    '  a: { run: x, onLost: maybe }\n',
    '  1a: { run: x }\n',
    '  a: { run: x, retry: { attempts: 0 } }\n',
    '  a: { choose: {} }\n',
    '  a: { run: x, needs: [b, b] }\n  b: { run: x }\n',
  ]) {
    assert.ok(mistakesIn(withStages(stages)).length > 0)
    assert.ok(!validates(schema, parse(withStages(stages))), stages)
  }
})
