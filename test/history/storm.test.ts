/**
 * Agents die, lose power, stand still and run out of room, while runs end and leave the ledger:
 * a run is always in the ledger, or safe on two disks.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { Mesh } from './stage.ts'

const seeds = 12
const steps = 40

for (let seed = 1; seed <= seeds; seed++) {
  test(`whatever befalls the agents, no run is lost on its way to the histories (seed ${seed})`, async () => {
    const mesh = await Mesh.of(`storm ${seed}`, 5, { afterMs: 10_000 })
    const chance = mesh.world.entropy.stream('storm')
    const ended = new Map<string, number>()
    for (let step = 0; step < steps; step++) {
      const member = mesh.members[below(chance, mesh.members.length)]!
      const down = mesh.members.filter(({ host }) => host.state !== 'up').length
      switch (below(chance, 6)) {
        case 0:
          if (down < 2 && member.host.state === 'up') {
            member.host.crash(below(chance, 2) === 0 ? 'kill' : 'powerLoss')
          }
          break
        case 1:
          if (down < 2) member.host.pause()
          break
        case 2:
          member.isFull = !member.isFull
          break
        case 3:
          for (const { host } of mesh.members) {
            host.resume()
            if (host.state === 'stopped' || host.state === 'off') host.restart()
          }
          break
        default:
          await end(mesh, `r${step}`, ended)
      }
      await mesh.world.runFor(below(chance, 8_000))
      for (const [run, endedAt] of ended) lookAfter(mesh, run, endedAt)
    }
    await calm(mesh)
    const gone = () => [...ended.keys()].every((run) => mesh.hot(run) === undefined)
    await mesh.until(gone, 'in the end all have left the ledger', 300_000)
    for (const [run, endedAt] of ended) lookAfter(mesh, run, endedAt)
    const { agent } = mesh.follower
    for (const run of ended.keys())
      assert.equal((await mesh.answer(agent.history.run(run)))?.run, run)
    const { items } = await mesh.answer(
      agent.history.list(agent.ledger.state, { filter: {}, limit: 1_000 }),
    )
    const listed = items.map(({ run }) => run)
    assert.deepEqual(
      [...ended.keys()].filter((run) => !listed.includes(run)),
      [],
    )
  })
}

/** A run that is known to have ended, with the entry that ended it; or none, when nobody can say. */
async function end(mesh: Mesh, run: string, ended: Map<string, number>): Promise<void> {
  try {
    if (mesh.leader === undefined) return
    await mesh.ended(run)
    ended.set(run, mesh.endedAt)
  } catch (error) {
    // Between leaders nothing is decided, and what was asked may yet come about.
    if (!(error instanceof assert.AssertionError)) throw error
  }
}

function lookAfter(mesh: Mesh, run: string, endedAt: number): void {
  const kept = mesh.kept(run).length
  for (const { host, agent } of mesh.members) {
    const { state } = agent.ledger
    if (host.state === 'off' || host.state === 'stopped' || state.index < endedAt) continue
    const isHot = wholeRun(state, { run }) !== undefined
    assert.ok(isHot || kept >= 2, `${run} is not in the ledger, and kept by ${kept}`)
  }
}

async function calm(mesh: Mesh): Promise<void> {
  for (const member of mesh.members) {
    member.isFull = false
    member.host.resume()
    if (member.host.state !== 'up') member.host.restart()
  }
  await mesh.until(() => mesh.leader !== undefined, 'somebody leads', 120_000)
  await mesh.world.runFor(30_000)
  await mesh.ok({ kind: 'configSet', value: { key: 'calm', value: '1' } })
}
