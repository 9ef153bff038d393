/** The share of the cores that stages have, on a host with control groups of either version. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ControlGroup } from '../../agent/ports/cells/control-group.ts'
import { StageShare } from '../../agent/ports/cells/stage-share.ts'
import { cellLimits } from '../../agent/ports/limits.ts'

function made(): { parent: string; share: StageShare; weight(): number } {
  const parent = mkdtempSync(join(tmpdir(), 'skein-share-'))
  const stages = join(parent, '.stages')
  mkdirSync(stages)
  writeFileSync(join(parent, 'cpu.weight'), String(cellLimits.stageWeight))
  const share = StageShare.open('test', new ControlGroup(stages), true)
  return {
    parent,
    share,
    weight: () => Number(readFileSync(join(parent, 'cpu.weight'), 'latin1')),
  }
}

test('who is killed is not held back until it is gone, and then whoever is left is again', async () => {
  const { parent, share, weight } = made()
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

test('where the kernel has killed all, they go before all others, and nobody does after them', async () => {
  const { parent, share, weight } = made()
  const looked = Promise.withResolvers<void>()
  const died = Promise.withResolvers<void>()
  const looking = share.unheld(() => looked.promise)
  const dying = share.condemned(() => died.promise)
  assert.equal(weight(), cellLimits.condemnedWeight)
  died.resolve()
  await dying
  assert.equal(weight(), cellLimits.dyingWeight, 'others are still being killed one by one')
  looked.resolve()
  await looking
  assert.equal(weight(), cellLimits.stageWeight)
  rmSync(parent, { recursive: true })
})

test('a group that others clear away meanwhile is made and entered again, and not for ever', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const directory = mkdtempSync(join(tmpdir(), 'skein-share-'))
  for (const [times, isIn] of [
    [5, true],
    [10_000, false],
  ] as const) {
    let tries = 0
    class Cleared extends ControlGroup {
      override make(): boolean {
        return true
      }
      override enter(): Promise<boolean> {
        return Promise.resolve(++tries > times)
      }
    }
    const group = new Cleared(join(directory, '.stages'))
    const share = StageShare.open('cleared', group, false)
    assert.equal(await share.take(child.pid ?? 0), isIn ? group : undefined)
    child.once('exit', () => share.close())
  }
  rmSync(directory, { recursive: true })
})
