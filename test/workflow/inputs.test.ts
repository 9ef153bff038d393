/** Inputs of a run: what is taken, what is refused, and what a command line's texts stand for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindInputs, inputFromText, inputNames } from '../../protocol/workflow/inputs.ts'
import { parsed } from './stage.ts'

const workflow = parsed(`apiVersion: skein/v1
kind: Workflow
name: w
inputs:
  version: { type: string, pattern: '^\\d+\\.\\d+$' }
  percent: { type: integer, default: 5, min: 1, max: 100 }
  ratio: { type: number, required: false }
  dry: { type: boolean, default: false }
  hosts: { type: list, default: [a], max: 2 }
  channel: { type: string, enum: [stable, beta], default: stable }
  token: { type: string, required: false, secret: true, min: 8 }
  options: { type: object, default: {} }
stages: { a: { run: x } }
`)

test('what is not given is the default, or absent where none is needed', () => {
  assert.deepEqual(bindInputs(workflow, { version: '1.2', percent: 7 }), {
    ok: true,
    values: {
      version: '1.2',
      percent: 7,
      dry: false,
      hosts: ['a'],
      channel: 'stable',
      options: {},
    },
  })
})

test('every wrong input is told, and a secret is not repeated', () => {
  const given = {
    percent: 0.5,
    ratio: 'x',
    dry: 'yes',
    hosts: ['a', 'b', 'c'],
    channel: 'betta',
    token: 'short',
    option: 1,
    options: [],
  }
  const bound = bindInputs(workflow, given)
  assert.ok(!bound.ok)
  assert.deepEqual(
    bound.mistakes.map(({ message, hint }) =>
      hint === undefined ? message : `${message} (${hint})`,
    ),
    [
      'there is no input "option" (did you mean options?)',
      'the input version has no value (give it with -i version=…)',
      'percent: a whole number is needed, and this is "0.5"',
      'ratio: a number is needed, and this is "x"',
      'dry: true or false is needed, and this is "yes"',
      'hosts: the number of its elements is 3, and 2 is the most',
      'channel: "betta" is not one of its values (did you mean beta?)',
      'token: its length is 5, and 8 is the least',
      'options: an object is needed, and this is "[]"',
    ],
  )
  assert.ok(!JSON.stringify(bound).includes('short'))
})

test('a text of a command line stands for what its input takes', () => {
  const cases: [string, string, unknown][] = [
    ['version', '1.10', '1.10'],
    ['percent', '7', 7],
    ['percent', '0x7', '0x7'],
    ['ratio', '-1.5e3', -1500],
    ['dry', 'true', true],
    ['dry', 'maybe', 'maybe'],
    ['hosts', '["a"]', ['a']],
    ['hosts', 'a,b', 'a,b'],
    ['options', '{"a":1}', { a: 1 }],
  ]
  for (const [input, text, value] of cases) {
    assert.deepEqual(inputFromText(workflow.inputs[input]!, text), value, text)
  }
})

test('expressions see integers as ints, and other numbers as doubles', () => {
  assert.deepEqual(inputNames(workflow, { percent: 5, ratio: 5 }), { percent: 5n, ratio: 5 })
})
