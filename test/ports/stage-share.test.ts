/** The share of the cores that stages have, on a host with control groups of either version. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ControlGroup } from '../../agent/ports/cells/control-group.ts'
import { StageShare } from '../../agent/ports/cells/stage-share.ts'
import { cellLimits } from '../../agent/ports/limits.ts'

test('who is killed is not held back until it is gone, and then whoever is left is again', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'skein-share-'))
  const stages = join(parent, '.stages')
  mkdirSync(stages)
  const weight = (): number => Number(readFileSync(join(parent, 'cpu.weight'), 'latin1'))
  writeFileSync(join(parent, 'cpu.weight'), String(cellLimits.stageWeight))
  const share = StageShare.open('test', new ControlGroup(stages), true)
  const one = Promise.withResolvers<void>()
  const other = Promise.withResolvers<void>()
  const first = share.unheld(() => one.promise)
  const second = share.unheld(() => other.promise)
  assert.equal(weight(), cellLimits.dyingWeight)
  one.resolve()
  await first
  assert.equal(weight(), cellLimits.dyingWeight, 'somebody is still being killed')
  other.reject(new Error('it went wrong'))
  await assert.rejects(second)
  assert.equal(weight(), cellLimits.stageWeight)
  rmSync(parent, { recursive: true })
})
