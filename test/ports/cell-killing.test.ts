/** How often all processes of the host are looked at for the sake of a cell that is killed. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SystemCell } from '../../agent/ports/cells/cell.ts'
import { Census } from '../../agent/ports/cells/census.ts'
import { ControlGroup } from '../../agent/ports/cells/control-group.ts'

/** Counts who asks it for a look. */
class Counting extends Census {
  condemned = 0
  asked = 0

  override kill(): Promise<ReadonlySet<string>> {
    this.condemned++
    return Promise.resolve(new Set<string>())
  }

  override next(): Promise<ReadonlySet<string>> {
    this.asked++
    return Promise.resolve(new Set<string>())
  }
}

function groupIn(t: TestContext): ControlGroup {
  const parent = mkdtempSync(join(tmpdir(), 'skein-killing-'))
  t.after(() => rmSync(parent, { recursive: true }))
  const directory = join(parent, '.stages')
  mkdirSync(directory)
  writeFileSync(join(directory, 'cgroup.events'), 'populated 0\n')
  return new ControlGroup(directory)
}

function cellIn(stages: ControlGroup | undefined): { cell: SystemCell; census: Counting } {
  const census = new Counting('test')
  const cell = new SystemCell({
    name: 'cell',
    pid: undefined,
    started: undefined,
    unenforced: [],
    controlGroup: undefined,
    stages,
    recordPath: undefined,
    pipes: [],
    census,
    onClose: () => {},
  })
  return { cell, census }
}

test('while all are killed at one word, nobody is looked for who is to be killed besides', (t) => {
  const stages = groupIn(t)
  const { cell, census } = cellIn(stages)
  const over = cell.killWithAll(stages)
  cell.kill()
  cell.kill()
  assert.equal(census.condemned, 0)
  over()
  cell.kill()
  assert.equal(census.condemned, 1, 'who is alive after that is looked for again')
})

test('a cell that no group holds is looked for once, while all are killed', (t) => {
  for (const stages of [undefined, groupIn(t)]) {
    const { cell, census } = cellIn(stages)
    const over = cell.killWithAll(undefined)
    cell.kill()
    assert.equal(census.condemned, 1)
    over()
  }
})

test('a cell that was killed with all is empty by the look that was taken for all', async (t) => {
  const stages = groupIn(t)
  const { cell, census } = cellIn(stages)
  cell.killWithAll(stages)()
  assert.equal(cell.groupKilled(stages), true)
  assert.equal(await cell.seenEmpty(), true)
  assert.equal(census.asked, 1, 'until then it takes one of its own')
  cell.seenKilled()
  assert.equal(await cell.seenEmpty(), true)
  assert.equal(census.asked, 1)
})
