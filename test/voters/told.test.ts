/** Who votes is told of when it changes, and each time it is another thing that is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Mesh } from '../history/stage.ts'

test('while voters are added, every word of it says something new, learners among it', async () => {
  const mesh = await Mesh.of('voters told', 3)
  await mesh.world.runFor(30_000)
  for (const { agent } of mesh.members) {
    const told = agent.journal
      .past(0, 1_000)
      .filter(({ kind }) => kind === 'ledger.config')
      .map(({ text }) => text)
    assert.ok(told.length > 0)
    for (const [at, text] of told.entries()) assert.notEqual(text, told[at - 1])
    assert.match(told.at(-1) ?? '', /^voters: \w+, \w+, \w+$/)
  }
  const leaders = mesh.leader?.agent.journal.past(0, 1_000) ?? []
  assert.ok(leaders.some(({ text }) => /; learners: /.test(text)))
})
