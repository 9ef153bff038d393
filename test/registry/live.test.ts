/** A version in use while work goes on: it stays as long as it is good, and the mesh takes it back by itself when it is not any more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packed } from '../../models/registry/blob.ts'
import { promotingLimits } from '../../models/registry/promoting.ts'
import { together } from '../../models/registry/standing.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { Learning, trained } from './stage.ts'

/** What each takes, by a number from 0 to 1 that is as good as drawn. */
type Takes = (lot: number) => number

const golden = 0.618_033_988_7
let begun = 0
let takes: Takes = () => 1_000
const build: Program = (self) => {
  self.after(takes((begun++ * golden) % 1), () => self.exit(0))
}

const items = Array.from({ length: 48 }, (_, i) => i)
const workflow = (name: string) => `apiVersion: skein/v1
kind: Workflow
name: ${name}
stages:
  it: { forEach: { items: [${items}] }, run: [build] }
`

/** About as long as a version waits for what has ended to be judged. */
const untilJudgedMs = 130_000

class Live extends Learning {
  active = ''

  /** With a version that knows how long such work takes. */
  static async after(seed: string, such: Takes): Promise<Live> {
    const live = new Live((await Learning.of(seed, 3, { build })).mesh)
    takes = such
    await live.run('known', 3, workflow('known'))
    live.active = await live.add(packed(await trained(live.mesh)))
    const moved = await live.mesh.answer(live.registry.move(live.active, 'active', 'for the test'))
    assert.ok(moved.ok)
    const isThere = () =>
      live.mesh.members.every(({ agent }) => agent.learning.models.has(live.active))
    await live.mesh.until(isThere, 'all have it')
    await live.mesh.world.runFor(20_000)
    return live
  }

  get standing(): string | undefined {
    return this.registry.view().versions.find(({ hash }) => hash === this.active)?.state
  }

  /** As all hosts say together, of the latest attempts. */
  get said() {
    const all = this.mesh.members.flatMap(({ agent }) => agent.learning.advisor.standings())
    return together(all)
  }

  /** Such work, so many times, each judged before the next: as long as the version is active. */
  async goOn(times: number, such: Takes, name = 'known'): Promise<void> {
    takes = such
    for (let i = 0; i < times && this.standing === 'active'; i++) {
      await this.run(name, 2, workflow(name))
      await this.mesh.world.runFor(untilJudgedMs)
    }
  }
}

const usual: Takes = (lot) => 800 + 400 * lot
const tenfold: Takes = (lot) => 10 * usual(lot)
const widely: Takes = (lot) => 300 * 100 ** lot

test('a good version stays, while work goes on as it was, takes ten times as long, and is of a new kind', async () => {
  const live = await Live.after('stays', usual)
  await live.goOn(3, usual)
  await live.goOn(3, tenfold)
  await live.goOn(3, tenfold, 'new')
  assert.equal(live.standing, 'active', live.registry.view().versions[0]?.why)
  assert.ok(live.said.n >= promotingLimits.activeAttempts)
})

test('a version that was good is taken back when work changes, and it says so far worse than history does', async () => {
  const live = await Live.after('grows', widely)
  await live.goOn(2, widely)
  assert.equal(live.standing, 'active')
  // History soon knows that it takes three seconds, and the version goes on to say that it may take anything.
  await live.goOn(12, (lot) => 3_000 + 30 * lot)
  assert.equal(live.standing, 'rolledBack')
  const { versions } = await live.mesh.call(live.mesh.follower, 'models')
  assert.equal(versions[0]?.hash, live.active)
  assert.match(versions[0]?.why ?? '', /^of late .* worse than history alone for the median host/)
  assert.deepEqual(
    live.events().filter((kind) => kind === 'model.rolledBack'),
    ['model.rolledBack'],
  )
})
