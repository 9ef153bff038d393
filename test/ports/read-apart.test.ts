/** Files of /proc, read by another thread. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Observation } from '../../agent/ports/cells/observation.ts'
import { processStatApart } from '../../agent/ports/cells/process-stat.ts'
import { readApart } from '../../agent/ports/cells/read-apart.ts'
import { groupHasLiving } from '../../agent/ports/process-group.ts'
import { processStatus } from '../../agent/ports/process-status.ts'
import { becoming, noBecoming } from './becoming.ts'

const noProc = existsSync('/proc/self/stat') ? false : 'no /proc here'

test('what is there is read, up to a bound, and what is not is undefined, for each who asks', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-apart-'))
  const [short, long] = [join(directory, 'short'), join(directory, 'long')]
  writeFileSync(short, 'a few words')
  writeFileSync(long, 'x'.repeat(100_000))
  const read = await Promise.all([short, join(directory, 'none'), long, short].map(readApart))
  assert.deepEqual(
    read.map((text) => text?.length),
    [11, undefined, 4096, 11],
  )
  rmSync(directory, { recursive: true })
})

test('a process is the same whoever reads of it, and one that is gone is none', {
  skip: noProc,
}, async () => {
  const [here, apart] = [processStatus(process.pid), await processStatApart(process.pid)]
  assert.ok(here && apart)
  assert.deepEqual([apart.group, apart.ended], [here.group, here.ended])
  assert.ok(here.hasMemory && here.residentBytes > 0 && here.peakBytes >= here.residentBytes)
  assert.equal((await processStatApart(process.pid))?.startedTicks, apart.startedTicks)
  const child = spawn('true', { stdio: 'ignore' })
  const { pid = 0 } = child
  await new Promise((resolve) => child.once('exit', resolve))
  assert.equal(await processStatApart(pid), undefined)
})

test('others have their turn while a process is looked at', { skip: noProc }, async () => {
  const observation = new Observation()
  let turns = 0
  const turn = setInterval(() => turns++, 0)
  const looks = Array.from({ length: 200 }, () => new Observation().look(process.pid))
  await Promise.all([...looks, observation.look(process.pid), observation.look(process.pid)])
  clearInterval(turn)
  assert.ok(turns > 0)
  assert.ok((observation.usage().memoryPeakBytes ?? 0) > 0)
})

test('whether a process lives is known at once while it becomes another program', {
  skip: noBecoming(),
}, async (t) => {
  const caught = await becoming(t)
  const status = processStatus(caught.pid)
  assert.deepEqual([status?.ended, status?.hasMemory], [false, true])
  assert.equal(status?.group, caught.pid)
  assert.equal(groupHasLiving(caught.pid), true)
  const apart = processStatApart(caught.pid)
  assert.ok(caught.isCaught(), 'nobody has waited until it was through')
  caught.release()
  assert.equal((await apart)?.group, status?.group)
})
