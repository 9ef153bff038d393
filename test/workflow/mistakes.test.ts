// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is how expressions are written.
/** Every mistake is told: where it is, what it is, and what to write instead. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { head, mistakesIn, told, withStages } from './stage.ts'

/** In `text`, `§` marks where the mistake is pointed at. Only this one may be told. */
function pointsAt(text: string, code: string, words: string): void {
  const at = text.indexOf('§')
  assert.ok(at >= 0, 'the text has a mark')
  const before = text.slice(0, at).split('\n')
  const [mistake, ...others] = mistakesIn(text.replace('§', ''))
  assert.ok(mistake)
  assert.deepEqual(others.map(told), [], text)
  const place = `${before.length}:${before.at(-1)!.length + 1}`
  assert.equal(`${mistake.line}:${mistake.column}`, place, `${told(mistake)}\n${text}`)
  assert.equal(mistake.code, code, told(mistake))
  assert.ok(told(mistake).includes(words), `${told(mistake)} says ${words}`)
}

const stagesWith: [text: string, code: string, words: string][] = [
  // Keys and types.
  ['  a:\n    run: x\n    §neds: [b]\n', 'unknownKey', 'did you mean needs?'],
  ['  a:\n    run: x\n    §depends_on: [b]\n', 'unknownKey', 'it is called needs here'],
  ['  a:\n    run: x\n    §xyzzy: 1\n', 'unknownKey', 'skein workflow schema'],
  ['  a: §echo\n', 'wrongType', 'a stage is needed, not a text'],
  ['  §1a: { run: x }\n', 'badName', 'a name begins with a letter'],
  ['  a: { run: x }\n  §a: { run: y }\n', 'duplicateKey', 'already in line 5'],
  ['  a: { run: x, needs: §{ b: 1 } }\n', 'wrongType', 'a list of stages'],
  ['  a: { run: §}\n', 'wrongType', 'not nothing'],
  ['  a: { run: §[] }\n', 'tooMany', '1 to 1024'],
  ['  a: { run: x, optional: §yes }\n', 'wrongType', 'write true'],
  ['  a: { run: x, priority: §101 }\n', 'badValue', 'priority is 0 to 100'],
  ['  a: { run: x, priority: §"5" }\n', 'wrongType', 'take the quotes away'],
  ['  a: { run: x, timeout: §10 }\n', 'badValue', 'has no unit'],
  ['  a: { run: x, timeout: { startToClose: §10x } }\n', 'badValue', 'no duration'],
  ['  a: { run: x, resources: { memory: §2G } }\n', 'badValue', 'no size'],
  ['  a: { run: x, onLost: §fial }\n', 'badValue', 'did you mean fail?'],
  ['  a: { function: §./f.mjs }\n', 'badValue', 'write it from / on, or skein:NAME'],
  ['  a: { function: { module: §f.mjs } }\n', 'badValue', 'is no absolute path'],
  ['  a: { run: x, env: { §A-B: 1 } }\n', 'badName', 'letters, digits and _'],
  ['  a: { run: x, secrets: [§a/b] }\n', 'badValue', 'VARIABLE: name'],
  ['  a: { run: x, retry: { attempts: §0 } }\n', 'badValue', '1 to 1000'],
  ['  a: { run: x, retry: { per: { §transent: { attempts: 2 } } } }\n', 'unknownKey', 'transient'],
  // Steps.
  ['  a: { run: x, §http: "https://x" }\n', 'stepKind', 'one step'],
  ['  §a: { needs: [b] }\n  b: { run: x }\n', 'stepKind', 'a does nothing'],
  ['  a: { wait: 1s, §shell: sh }\n', 'meaningless', 'shell means nothing beside wait'],
  ['  a: { run: x, §with: { a: 1 } }\n', 'meaningless', 'function, workflow'],
  ['  a: { run: [x], §shell: bash }\n', 'meaningless', 'no shell reads it'],
  ['  a: { wait: 1s, §race: true }\n', 'meaningless', 'race means nothing beside wait'],
  ['  a: { workflow: w, §race: true }\n', 'meaningless', 'beside workflow'],
  ['  a: { run: x, §speculate: true }\n', 'unknownKey', 'it is called race here'],
  [
    '  a: { run: x, race: §true, compensate: b }\n  b: { run: y }\n',
    'contradiction',
    'b undoes only the other',
  ],
  ['  a: { run: x, race: §true, concurrency: db }\n', 'contradiction', 'counts one attempt'],
  [
    '  a: { run: x, race: §true, forEach: { items: [1, 2], limit: 1 } }\n',
    'contradiction',
    'the limit of its forEach counts one attempt',
  ],
  [
    '  a: { run: x, race: §true, where: { host: h1 } }\n',
    'contradiction',
    'it may run on one host only',
  ],
  ['  a: { §wait: {} }\n', 'contradiction', 'neither for nor until'],
  [
    '  a: { http: { url: "https://x", method: GET, body: §b } }\n',
    'contradiction',
    'sends no body',
  ],
  ['  a: { approve: { from: [ann], count: §2 } }\n', 'contradiction', 'only 1 may'],
  // Needs.
  [
    '  a: { run: x }\n  b: { run: x, needs: [§aa] }\n',
    'unknownStage',
    'there is no stage "aa" (did you mean a?)',
  ],
  ['  a: { run: x, needs: [§a] }\n', 'cycle', 'a needs itself'],
  ['  a: { run: x, needs: [§b] }\n  b: { run: x, needs: [a] }\n', 'cycle', 'a → b → a'],
  [
    '  z: { run: x, needs: b }\n  a: { run: x, needs: [§c] }\n  b: { run: x, needs: [a] }\n  c: { run: x, needs: [b] }\n',
    'cycle',
    'a → c → b → a',
  ],
  ['  a: { run: x, needs: [b, §b] }\n  b: { run: x }\n', 'badValue', 'stands twice'],
  [
    '  a: { run: x, compensate: u }\n  u: { run: x }\n  b: { run: x, needs: [§u] }\n',
    'badNeed',
    'runs only when it is called',
  ],
  [
    '  a: { run: x, fallback: f }\n  f: { run: x, §needs: [a] }\n',
    'meaningless',
    'runs when it is called',
  ],
  ['  a: { run: x, compensate: §a }\n', 'cycle', 'names itself'],
  ['  a: { choose: { cases: [{ when: "true", then: [§nope] }] } }\n', 'unknownStage', 'nope'],
  [
    '  a: { run: x }\n  b: { run: x, needs: a, artifactsFrom: [§a] }\n',
    'badNeed',
    'hands on no files',
  ],
  [
    '  a: { run: x, artifacts: y }\n  b: { run: x, artifactsFrom: [§a] }\n',
    'notBefore',
    'add a to the needs of b',
  ],
  // Secrets as files.
  [
    '  a: { run: x, secrets: { KEY: { name: tls, as: §files } } }\n',
    'badValue',
    'did you mean file?',
  ],
  ['  a: { run: x, secrets: { KEY: §{ as: file } } }\n', 'missingKey', 'a secret has no name'],
  [
    '  a: { run: x, secrets: { KEY: { §secret: tls, name: x } } }\n',
    'unknownKey',
    'it is called name here',
  ],
  [
    '  a: { http: "https://x", secrets: { KEY: { name: tls, as: §file } } }\n',
    'contradiction',
    'curl --cert "$KEY"',
  ],
  [
    '  a: { function: "skein:echo", secrets: { KEY: { name: tls, as: §file } } }\n',
    'contradiction',
    'skein:echo is done by the agent itself',
  ],
  // Expressions.
  ['  a: { run: x, if: §1 + 1 }\n', 'badExpression', 'bool is needed, and this is int'],
  ['  a: { run: x, if: "${{ true && §}}" }\n', 'badExpression', 'where a value should be'],
  ['  a: { run: x, if: run.startedAt §> 5 }\n', 'badExpression', 'timestamp > int'],
  [
    '  a: { run: x }\n  b: { run: x, if: §stages.a.state == "succeeded" }\n'.replace(
      '§stages.a',
      'stages.§a',
    ),
    'notBefore',
    'a need not be done by then',
  ],
  [
    '  a-b: { run: x }\n  c: { run: x, needs: a-b, if: stages.§a-b.state == "" }\n',
    'badExpression',
    'write stages["a-b"]',
  ],
  ['  a: { run: "echo ${{ §secrets.x }}" }\n', 'badExpression', 'list them under secrets'],
  ['  a: { run: "echo ${{ §item }}" }\n', 'badExpression', 'forEach'],
  ['  a: { run: x, forEach: "${{ §1 }}" }\n', 'badExpression', 'list is needed'],
  ['  a: { wait: { until: §inputs.size() } }\n', 'badExpression', 'timestamp is needed'],
  ['  a: { wait: "${{ §5 }}" }\n', 'badExpression', 'duration is needed'],
  [
    '  a: { run: x, if: run.id.matches("§(") }\n'.replace('"§(', '§"('),
    'badExpression',
    'not closed',
  ],
  // forEach.
  ['  a: { run: x, forEach: { items: [1], onFailure: §quorum 2 } }\n', 'contradiction', 'only 1'],
  ['  a: { run: x, forEach: { items: [1], onFailure: §fail } }\n', 'badValue', 'quorum 3'],
  ['  a: { run: x, where: { §spread: zone } }\n', 'meaningless', 'without forEach'],
  // Times.
  [
    '  a: { run: x, timeout: { startToClose: §2h, total: 1h } }\n',
    'contradiction',
    'longer than total',
  ],
  [
    '  a: { run: x, timeout: { startToClose: 1m, heartbeat: §5m } }\n',
    'contradiction',
    'startToClose would',
  ],
  ['  a: { run: x, §retry: { initial: 2h } }\n', 'contradiction', 'longer than the longest'],
  [
    '  a: { run: x, onLost: fail, retry: { per: { §lost: { attempts: 2 } } } }\n',
    'contradiction',
    'never made',
  ],
  // Placement.
  [
    '  a: { run: x, where: { labels: { §os: { in: [a], notIn: [a, b] } } } }\n',
    'contradiction',
    'must be "a", and must not',
  ],
  [
    '  a: { run: x, where: { labels: { §os: { in: a, exists: false } } } }\n',
    'contradiction',
    'must not be there',
  ],
  [
    '  a: { run: x, where: { expression: §node.name == "a" && "b" == node.name } }\n',
    'contradiction',
    '"a" and "b" at once',
  ],
  [
    '  a: { run: x, where: { labels: { os: linux }, expression: §node.labels.os == "mac" } }\n',
    'contradiction',
    'labels ask for "linux"',
  ],
  [
    '  a: { run: x, where: { host: h1, expression: §node.name == "h2" } }\n',
    'contradiction',
    'host is "h1"',
  ],
  [
    '  a: { run: x, where: { expression: §node.cpu > 1.0 && false } }\n',
    'contradiction',
    'false for every node',
  ],
  [
    '  a: { run: x, where: { host: h1 } }\n  b: { run: x, needs: a, where: { host: h2, affinity: { stages: [§a], required: true } } }\n',
    'contradiction',
    'must run on the host of a',
  ],
  [
    '  a: { run: x, where: { host: h1 } }\n  b: { run: x, needs: a, where: { host: h1, antiAffinity: { stages: §a, required: true } } }\n',
    'contradiction',
    'must not run on the host of a',
  ],
  [
    '  a: { run: x }\n  b: { run: x, where: { affinity: [§a] } }\n',
    'notBefore',
    'the host of a is asked for',
  ],
]

test('each mistake in a stage is pointed at and named', () => {
  for (const [stages, code, words] of stagesWith) pointsAt(withStages(stages), code, words)
})

test('each mistake around the stages is pointed at and named', () => {
  const stages = 'stages: { a: { run: x } }\n'
  const cases: [string, string, string][] = [
    [`${head}§stagse: {}\n${stages}`, 'unknownKey', 'did you mean stages?'],
    [`${head}§jobs: {}\n${stages}`, 'unknownKey', 'it is called stages here'],
    [`§kind: Workflow\nname: w\n${stages}`, 'missingKey', 'no apiVersion'],
    [`§${head}`, 'missingKey', 'no stages'],
    [`${head}stages: §{}\n`, 'tooMany', '1 to 10000'],
    [`apiVersion: §v1\nkind: Workflow\nname: w\n${stages}`, 'badValue', 'version of the language'],
    [`apiVersion: skein/v1\nkind: §Job\nname: w\n${stages}`, 'badValue', 'write Workflow'],
    [`${head}inputs: { a: §text }\n${stages}`, 'badValue', 'write string, number'],
    [`${head}inputs: { a: { type: string, pattern: §"(" } }\n${stages}`, 'badValue', 'not closed'],
    [
      `${head}inputs: { a: { type: integer, §pattern: a } }\n${stages}`,
      'meaningless',
      'for string',
    ],
    [`${head}inputs: { a: { type: boolean, §min: 1 } }\n${stages}`, 'meaningless', 'min'],
    [
      `${head}inputs: { a: { type: string, enum: [x, y], default: §z } }\n${stages}`,
      'badValue',
      'it can be x, y',
    ],
    [
      `${head}inputs: { a: { type: integer, default: §1.5 } }\n${stages}`,
      'badValue',
      'a whole number',
    ],
    [
      `${head}inputs: { a: { type: number, min: §2, max: 1 } }\n${stages}`,
      'contradiction',
      'max is 1',
    ],
    [
      `${head}inputs: { a: { type: string, default: x, required: §true } }\n${stages}`,
      'contradiction',
      'never taken',
    ],
    [
      `${head}outputs: { o: "\${{ stages.§b.outputs }}" }\n${stages}`,
      'badExpression',
      'stages has no b',
    ],
    [`${head}concurrency: "\${{ §stages.a.state }}"\n${stages}`, 'badExpression', 'before the run'],
    [
      `${head}concurrency: one\nstages: { a: { run: x, race: §true } }\n`,
      'contradiction',
      'a slower attempt may outlive its run',
    ],
    [
      `${head}${stages}finally: { b: { run: x, needs: [§a] } }\n`,
      'badNeed',
      'is over before finally begins',
    ],
    [`${head}${stages}onFailure: { §a: { run: x } }\n`, 'duplicateKey', 'under stages'],
    [`${head}defaults: { §env: {} }\n${stages}`, 'unknownKey', 'above the stages'],
    [`${head}<<: §x\n${stages}`.replace('<<: §x', '§<<: x'), 'unknownKey', 'merge keys'],
    [`${head}labels: &a { a: §*a }\n${stages}`, 'notYaml', 'refers to nothing before it'],
    [`${head}labels: { a: [§"x }\n`, 'notYaml', ''],
    [`§- a\n- b\n`, 'wrongType', 'a workflow is needed, not a list'],
    [`§`, 'missingKey', 'empty'],
    [`${head}${stages}---\n§a: 1\n`.replace('---\n§', '§---\n'), 'notYaml', 'a second document'],
  ]
  for (const [text, code, words] of cases.filter(([, , words]) => words !== '')) {
    pointsAt(text, code, words)
  }
})

test('all mistakes are told at once, in the order of the file, and none follows from another', () => {
  const text = `apiVersion: skein/v1
kind: Workflow
nme: w
inputs:
  version: { type: strng }
stages:
  build:
    run: make \${{ inputs.version }} \${{ inputs.versoin }}
    needs: [unti]
  unit:
    needs: [build, deploy]
    runn: x
  deploy:
    needs: [unit]
    run: echo '\${{ inputs.version }}'
    timeout: 5
  late:
    run: echo \${{ stages.nowhere.outputs }}
`
  assert.deepEqual(mistakesIn(text).map(told), [
    '1:1 a workflow has no name (write name: …)',
    '3:1 there is no key "nme" in a workflow (did you mean name?)',
    '5:20 "strng" is not a type (did you mean string?)',
    '8:48 inputs has no versoin (did you mean version?)',
    '9:13 there is no stage "unti" (did you mean unit?)',
    '11:20 the needs go round: unit → deploy → unit (take one of these needs away)',
    '12:5 there is no key "runn" in a stage (did you mean run?)',
    '15:20 inside single quotes a shell puts no value in (take double quotes, or close the single ones before it)',
    '16:14 5 has no unit (write 500ms, 10s, 5m, 1h, 7d or 1h30m)',
    '18:26 stages has no nowhere (there are build, unit, deploy, late)',
  ])
})

test('circles apart from each other are told one by one', () => {
  const text = withStages(
    '  a: { run: x, needs: b }\n  b: { run: x, needs: a }\n  c: { run: x, needs: d }\n  d: { run: x, needs: [a, c] }\n',
  )
  assert.deepEqual(
    mistakesIn(text).map(({ message }) => message),
    ['the needs go round: a → b → a', 'the needs go round: c → d → c'],
  )
})
