import assert from 'node:assert/strict'
import test from 'node:test'
import { withStages } from '../workflow/stage.ts'
import { fails, host, Mesh, succeeds } from './mesh.ts'

function whyOf(mesh: Mesh, run: string, stage: string): string {
  return mesh.scheduler.explain(run, stage)!.stages[0]!.why
}

test('it is told why a stage waits, whatever it waits for', () => {
  const mesh = new Mesh({
    hosts: [host('a', { attemptsMax: 1 })],
    fates: ({ id }) => (id.stage === 'again' ? fails() : succeeds(undefined, 60_000)),
  })
  mesh.publish('apiVersion: skein/v1\nkind: Workflow\nname: child\nstages: { c: { wait: 1h } }\n')
  const again = mesh.start(
    withStages('  again: { run: x, retry: { attempts: 2, initial: 30s, jitter: none } }\n'),
  )
  mesh.run(100)
  const run = mesh.start(
    withStages(`  busy: { run: x }
  full: { run: x }
  nowhere: { run: x, where: { labels: { zone: mars } } }
  after: { needs: [busy, agree], run: x }
  pause: { wait: 1h }
  agree: { approve: { count: 2 } }
  hear: { await: { event: go, key: k } }
  sub: { workflow: child }
  many: { wait: 1h, forEach: [1, 2, 3] }
  first: { wait: 1h, concurrency: one }
  second: { wait: 1h, concurrency: one }
  helped: { run: x, fallback: help }
  help: { run: x }
finally:
  clean: { run: x }
`),
  )
  mesh.run(100)
  mesh.vote(run, 'agree', 'bob')
  const why = (stage: string) => whyOf(mesh, run, stage)
  assert.match(why('busy'), /^it runs on a/)
  assert.match(why('full'), /^it is ready, and no host takes it now: a: /)
  assert.match(why('nowhere'), /^no host can take it as they are: a: .*zone/)
  const isStuck = (stage: string) => mesh.scheduler.explain(run, stage)!.stages[0]!.stuck === true
  assert.deepEqual(['nowhere', 'full', 'busy', 'after'].map(isStuck), [true, false, false, false])
  assert.equal(why('after'), 'it needs busy, agree')
  assert.equal(why('pause'), 'it waits for its time')
  assert.match(why('agree'), /^1 of 2 have approved; skein approve \S+ agree says yes$/)
  assert.equal(why('hear'), 'it waits for the event go with the key k')
  assert.match(why('sub'), /^it waits for the run [0-9a-f]{26}, which it has started$/)
  assert.equal(why('many'), 'of its 3 items 0 succeeded, 0 failed, and 3 go on')
  assert.match(why('second'), /^its concurrency group one is full with .*\/first$/)
  assert.equal(why('help'), 'it is a fallback, and runs when it is called')
  assert.equal(why('clean'), 'finally comes after what is going on now')
  assert.match(whyOf(mesh, again, 'again'), /^it is tried again, after: it broke/)
  const { stages, more, phase } = mesh.scheduler.explain(run)!
  assert.equal(phase, 'stages')
  assert.equal(stages.length + more, 14 + 3)
})

test('of each host it is told what speaks for it, or what is missing there', () => {
  const mesh = new Mesh({
    hosts: [host('a'), host('b', { labels: { zone: 'mars' } }), host('c', { state: 'dead' })],
    fates: () => succeeds(undefined, 60_000),
  })
  const run = mesh.start(withStages('  s: { run: x, where: { labels: { zone: mars } } }\n'))
  mesh.run(100)
  const [told] = mesh.scheduler.explain(run, 's')!.stages
  assert.equal(told?.node, 'b')
  assert.equal(told?.policy, 'balanced')
  const refusals = Object.fromEntries(
    told!.hosts!.map((each) => [each.host.id, each.refusals.map(({ code }) => code)]),
  )
  assert.deepEqual(refusals, { a: ['label'], b: [], c: ['gone', 'label'] })
})

test('of a run that waits for its group it is told for whom', () => {
  const mesh = new Mesh({ fates: () => succeeds(undefined, 60_000) })
  const put = mesh.put(withStages('  s: { run: x }\n'))
  const group = { key: 'prod', limit: 1, policy: 'queue' }
  const first = mesh.start(put, {}, { group })
  const second = mesh.start(put, {}, { group })
  mesh.run(100)
  assert.equal(
    mesh.scheduler.explain(second)?.why,
    `its concurrency group prod is full with ${first}`,
  )
  assert.equal(mesh.scheduler.explain('nobody'), undefined)
})
