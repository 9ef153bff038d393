/** What only a real process can show: Ctrl-C, and readers that go away. */
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { sampleStatus } from '../api/stage.ts'
import { adasEnvironment } from './key.ts'
import { eventLine, fakeAgent, says, staysOpen, streams } from './stage.ts'

const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))

interface Running {
  child: ChildProcessWithoutNullStreams
  talk: () => string
  ended: Promise<number | null>
}

function skein(t: TestContext, address: string, ...args: string[]): Running {
  const env = { ...process.env, NO_COLOR: '1', ...adasEnvironment() }
  const child = spawn(process.execPath, [launcher, ...args, '--address', address], { env })
  t.after(() => child.kill('SIGKILL'))
  let talk = ''
  child.stderr.on('data', (chunk) => {
    talk += chunk
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, talk: () => talk, ended }
}

test('Ctrl-C ends following with 130, no stack, and the command to come back', async (t) => {
  const { address } = await fakeAgent(t, [streams([1, 2], staysOpen)])
  const { child, talk, ended } = skein(t, address, 'events', '-f')
  let said = ''
  for await (const chunk of child.stdout) {
    said += chunk
    if (said.includes('event 2')) child.kill('SIGINT')
  }
  assert.equal(await ended, exitCodes.interrupted)
  assert.equal(talk(), `to go on: skein events -f --since 2 --address ${address}\n`)
})

test('Ctrl-C while an agent does not answer ends any command with 130, without a word', async (t) => {
  for (const args of [['status'], ['top', '--once'], ['events', '-f']]) {
    let child: ChildProcessWithoutNullStreams | undefined
    const { address } = await fakeAgent(t, [() => child?.kill('SIGINT')])
    const running = skein(t, address, ...args, '--quiet')
    child = running.child
    assert.equal(await running.ended, exitCodes.interrupted, args.join(' '))
    assert.equal(running.talk(), '')
  }
})

test('a reader that has seen enough ends a command quietly, with 0', async (t) => {
  const status = says(JSON.stringify(sampleStatus(200)))
  const endless = streams([1], (response) => {
    const more = setInterval(() => response.write(eventLine(2)), 5)
    response.once('close', () => clearInterval(more))
  })
  const cases: [string[], Parameters<typeof fakeAgent>[1]][] = [
    [['events', '-f'], [endless]],
    [['events', '-f', '--json'], [endless]],
    [['status'], [status]],
    [['--help'], [status]],
  ]
  for (const [args, answers] of cases) {
    const { address } = await fakeAgent(t, answers)
    const { child, talk, ended } = skein(t, address, ...args)
    child.stdout.destroy()
    assert.equal(await ended, exitCodes.done, args.join(' '))
    assert.equal(talk(), '')
  }
})

test('a command whose talk nobody hears does its work all the same', async (t) => {
  const { address } = await fakeAgent(t, [streams([1], staysOpen)])
  const { child, ended } = skein(t, address, 'events', '-f')
  child.stderr.destroy()
  for await (const _ of child.stdout) child.kill('SIGINT')
  assert.equal(await ended, exitCodes.interrupted)
})
