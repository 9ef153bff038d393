import assert from 'node:assert/strict'
import test from 'node:test'
import { ApiRefusal } from '../../coordinator/api/refusal.ts'
import { stageNamed } from '../../coordinator/runs/stage-named.ts'

const stages = [{ name: 'part' }, { name: 'sum' }]

function fixFor(name: string): string {
  try {
    stageNamed(name, stages)
  } catch (error) {
    assert.ok(error instanceof ApiRefusal)
    return error.fix
  }
  return assert.fail('it found one')
}

test('whoever names an item as it is shown is told how items are named', () => {
  assert.match(fixFor('part[3]'), /^name its stage, part: .*--item 3/)
  assert.equal(fixFor('prat'), 'did you mean part?')
  assert.equal(fixFor('nothing[3]'), 'skein runs show lists the stages')
})
