/** The logs of a unit that is raced: both while both are at work, and an end for whoever follows them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiRefusal } from '../../coordinator/api/refusal.ts'
import type { AttemptLog } from '../../coordinator/api/run-schemas.ts'
import { logsOf } from '../../coordinator/runs/logs.ts'
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import { assigned, fellOut, finished, Mesh, raced } from '../work-ledger/stage.ts'

const ROUNDS_MAX = 20

/** What a host says of the attempt that it has, or had. */
type Says = 'writes' | 'gone' | 'never began'

function pieceFrom(says: Says, { from, isOver }: { from: number; isOver: boolean }): AttemptLog {
  if (says === 'gone') throw new ApiRefusal('unreachable', 'it does not answer', 'try again')
  const isKnown = says === 'writes'
  const parts = isKnown && from === 0 ? [{ text: 'so far' }] : []
  return {
    schemaVersion: 1,
    known: isKnown,
    parts,
    missing: 0,
    next: isKnown ? 6 : 0,
    ended: isKnown && isOver,
  }
}

/** Follows a race; each entry of the ledger comes when a round has brought nothing new. */
async function followed(
  says: Readonly<Record<string, Says>>,
  toCome: (first: number, second: number) => readonly AnyTransition[],
): Promise<string[]> {
  const mesh = new Mesh()
  mesh.startNew()
  mesh.sure(assigned('s'))
  const first = mesh.state.index
  mesh.sure(raced('s'))
  const entries = [...toCome(first, mesh.state.index)]
  const ended: AnyTransition = { kind: 'ended', value: { to: 3, after: [] } }
  const told: string[] = []
  let rounds = 0
  const aborted = new AbortController()
  const after = (_: number, callback: () => void) => {
    if (++rounds > ROUNDS_MAX) aborted.abort()
    const next = entries.shift() ?? (mesh.run().head.state === 'running' ? ended : undefined)
    if (next !== undefined) mesh.sure(next)
    queueMicrotask(callback)
    return { cancel: () => undefined }
  }
  const parts = logsOf(
    {
      agent: { ports: { clock: { after } } },
      nameOf: (node) => node,
      view: async () => mesh.run(),
      piece: async (node, { attempt, from }) => {
        const unit = mesh.unit('s')!
        const isOver = unit.attempts?.some((each) => each.attempt === attempt) ?? false
        return pieceFrom(says[node]!, { from, isOver })
      },
      shipped: async () => undefined,
      isDead: () => false,
      signal: aborted.signal,
    },
    { run: 'r1', follow: true },
  )
  for await (const { attempt, text, note } of parts) told.push(`${attempt} ${text ?? note}`)
  assert.ok(!aborted.signal.aborted, 'it ends by itself when the run does')
  return told
}

test('as long as two are at work, what both write is told', async () => {
  const told = await followed({ n1: 'writes', n2: 'writes' }, (first) => [finished('s', first)])
  assert.deepEqual(told, ['1 so far', '2 so far'])
})

test('logs that are followed end after a race whose second attempt never began', async () => {
  const told = await followed({ n1: 'writes', n2: 'never began' }, (first, second) => [
    fellOut('s', second, { attempt: 2 }),
    finished('s', first),
  ])
  assert.deepEqual(told, ['1 so far'])
})

test('logs that are followed end after a race whose first host is gone', async () => {
  const told = await followed({ n1: 'gone', n2: 'writes' }, (first, second) => [
    fellOut('s', first),
    finished('s', second, 'succeeded', { attempt: 2 }),
  ])
  assert.deepEqual(told, [
    '2 so far',
    '1 it does not answer; it had shipped nothing, so what it wrote is there only',
  ])
})

test('logs that are followed end after a race that the host of the other one has left', async () => {
  for (const winner of [1, 2] as const) {
    const says = { [`n${winner}`]: 'writes', [`n${3 - winner}`]: 'gone' } as const
    const told = await followed(says, (first, second) => [
      finished('s', winner === 1 ? first : second, 'succeeded', { attempt: winner }),
    ])
    assert.deepEqual(told, [
      `${winner} so far`,
      `${3 - winner} it does not answer; it had shipped nothing, so what it wrote is there only`,
    ])
  }
})
