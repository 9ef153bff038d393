/** Whether scripts and programs run in a sandbox may change while an agent runs: it is asked for each of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SandboxRule } from '../../agent/work/limits.ts'
import { type ProgramPorts, Programs } from '../../agent/work/steps/programs.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'

const asks = { sandbox: true, step: { kind: 'script', value: {} } } as unknown as Assignment
const asksNot = { ...asks, sandbox: false } as Assignment

function checked(missing: string | undefined) {
  let rule: SandboxRule = 'auto'
  const rules = () => [{ name: 'sandbox', ...(missing === undefined ? {} : { missing }) }]
  const ports = { cells: { rules } } as unknown as ProgramPorts
  const programs = new Programs('script', ports, {}, () => rule)
  return (now: SandboxRule) => {
    rule = now
    return [asks, asksNot].map((assignment) => programs.check(assignment))
  }
}

test('where there is a sandbox, only `none` refuses, and only who asks for one', () => {
  const check = checked(undefined)
  assert.deepEqual(check('auto'), [undefined, undefined])
  assert.deepEqual(check('always'), [undefined, undefined])
  const [refused, fine] = check('none')
  assert.match(refused ?? '', /work\.sandbox is none/)
  assert.equal(fine, undefined)
})

test('where there is none, nothing runs without one that is always to have one', () => {
  const check = checked('there is no bwrap')
  const [asking, other] = check('auto')
  assert.match(asking ?? '', /asks for a sandbox, and has none here: there is no bwrap/)
  assert.equal(other, undefined)
  const [, always] = check('always')
  assert.match(always ?? '', /always to run in a sandbox .* have none here: there is no bwrap/)
  assert.deepEqual(check('none')[1], undefined)
})
