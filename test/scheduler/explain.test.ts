import assert from 'node:assert/strict'
import test from 'node:test'
import { stageDocuments } from '../../coordinator/runs/documents.ts'
import { endedExplanation } from '../../coordinator/runs/ended.ts'
import { Choices } from '../../coordinator/scheduler/core/choices.ts'
import { choiceLimits } from '../../coordinator/scheduler/core/limits.ts'
import { parsed, withStages } from '../workflow/stage.ts'
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

test('of a run that is let in it is told that the ledger is waited for', () => {
  const mesh = new Mesh({ commitMs: 20 })
  const group = { key: 'prod', limit: 1, policy: 'queue' }
  const run = mesh.start(withStages('  s: { run: x }\n'), {}, { group })
  mesh.run(10)
  const { phase, why, stages } = mesh.scheduler.explain(run)!
  assert.deepEqual([phase, why], ['admitted', 'it is let in, and begins when the ledger has that'])
  assert.deepEqual(
    stages.map((each) => each.why),
    ['its run has not begun yet'],
  )
})

test('why an attempt went where it went is told as it was then, also when its run is over', () => {
  const mesh = new Mesh({
    hosts: ['a', 'b', 'c'].map((id) => host(id)),
    fates: ({ id }) =>
      id.attempt === 1 && id.stage !== 'quick' ? fails() : succeeds(undefined, 10),
  })
  const run = mesh.start(
    withStages(`  one: { run: x, where: { host: b }, retry: { attempts: 2, initial: 1s, jitter: none } }
  any: { run: x, retry: 2 }
  quick: { function: skein:noop }
`),
  )
  mesh.run(100)
  const chosen = (stage: string) => mesh.scheduler.chosen({ run, stage })
  assert.match(chosen('one') ?? '', /^try 1 went to b by the policy \w+ \(\d\.\d\d\): \w/)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.equal(mesh.scheduler.explain(run), undefined, 'nobody has it in mind any more')
  assert.match(chosen('one') ?? '', /^try 2 went to b by the policy \w+ [^;]*(; [^;]+)*$/)
  assert.doesNotMatch(chosen('one') ?? '', /the next of/, 'no other could take it')
  const { node } = mesh.unit(run, 'any')!
  const went = new RegExp(`^try 2 went to ${node} .*; the next of 3 was [abc] \\(\\d`)
  assert.match(chosen('any') ?? '', went)
  assert.equal(chosen('quick'), undefined, 'of what takes no time nobody asks')
})

test('of choices the newest are remembered, and of a flood some', () => {
  const choices = new Choices()
  let made = 0
  const id = (number: number) => ({ run: 'r', stage: `s${number}`, attempt: 1 })
  const words = () => `words ${++made}`
  for (let i = 0; i < 10 * choiceLimits.perSecondMax; i++) choices.note(id(i), 5_000, words)
  assert.equal(made, choiceLimits.perSecondMax)
  assert.equal(choices.of(id(0)), 'words 1')
  choices.note({ ...id(0), attempt: 2 }, 5_001, words)
  assert.equal(choices.of(id(0)), undefined, 'of a later try nothing is better than the old words')
  for (let i = 0; i < 2 * choiceLimits.keptMax; i++) choices.note(id(i), 10_000 * (i + 1), words)
  assert.equal(choices.of(id(0)), undefined)
  assert.equal(choices.of(id(choiceLimits.keptMax - 1)), undefined)
  assert.ok(choices.of(id(choiceLimits.keptMax)))
})

test('of a stage with items that is over it is told how many succeeded, and of each where', () => {
  const mesh = new Mesh({ fates: ({ id }) => (id.item === 1 ? fails() : succeeds(undefined, 10)) })
  const run = mesh.start(
    withStages(`  many: { run: x, retry: 1, forEach: { items: [1, 2, 3], onFailure: continue } }
  pause: { wait: 1ms }
`),
  )
  mesh.run()
  const why = (stage: string) =>
    endedExplanation(mesh.view(run), undefined, stage, (node) => node).stages.map(
      (told) => told.why,
    )
  const [whole, first, second] = why('many')
  assert.match(whole!, /of its 3 items 2 succeeded$/)
  assert.match(first!, /^try 1 on [abc] succeeded/)
  assert.match(second!, /it broke.*; try 1 on [abc] failed/)
  assert.deepEqual(why('pause'), ['no host was needed for it'])
})

test('of a stage that chooses it is told which others it took', () => {
  const mesh = new Mesh()
  const text =
    withStages(`  first: { choose: { cases: [{ when: '1 == 2', then: a }, { when: '1 == 1', then: [b, c] }] } }
  other: { choose: { cases: [{ when: '1 == 2', then: a }], otherwise: b } }
  none: { choose: { cases: [{ when: '1 == 2', then: a }] } }
  a: { run: x }
  b: { run: x }
  c: { run: x }
`)
  const run = mesh.start(text)
  mesh.run()
  const why = (stage: string) =>
    endedExplanation(mesh.view(run), parsed(text), stage, (node) => node).stages[0]!.why
  assert.equal(why('first'), 'its case 2 held: b, c')
  assert.equal(why('other'), 'none of its cases held: b')
  assert.equal(why('none'), 'none of its cases held: nothing was chosen')
})

test('of a stage that was skipped it is told which of three reasons it was', () => {
  const mesh = new Mesh()
  const text =
    withStages(`  pick: { choose: { cases: [{ when: '1 == 1', then: b }], otherwise: [a, never] } }
  a: { run: x }
  after: { needs: [a], run: x }
  b: { run: x, if: 1 == 2 }
  alone: { run: x, if: '2 == 3' }
  never: { choose: { cases: [{ when: '1 == 1', then: under }] } }
  under: { run: x }
  joined: { needs: [a, alone, ok], run: x }
  ok: { run: x }
`)
  const run = mesh.start(text)
  mesh.run()
  const view = mesh.view(run)
  const { stages } = endedExplanation(view, parsed(text), undefined, (node) => node)
  const whys = {
    a: 'pick chose b',
    after: 'all that it needs was skipped',
    alone: 'its condition did not hold: 2 == 3',
    b: 'its condition did not hold: 1 == 2',
    never: 'pick chose b',
    under: 'all that it needs was skipped',
  }
  assert.deepEqual(Object.fromEntries(stages.map(({ stage, why }) => [stage, why])), whys)
  const shown = stageDocuments(view, parsed(text), (node) => node)
  const skipped = shown.filter(({ state }) => state === 'skipped')
  assert.deepEqual(Object.fromEntries(skipped.map(({ name, why }) => [name, why])), whys)
  const pick = shown.find(({ name }) => name === 'pick')
  assert.deepEqual(pick?.chose, { case: 1, when: '1 == 1', stages: ['b'] })
})

test('stages that undo are shown after those that they undo', () => {
  const mesh = new Mesh({ fates: ({ id }) => (id.stage === 'c' ? fails('bug') : succeeds()) })
  const text = withStages(`  a: { run: x, compensate: aa }
  aa: { run: x }
  b: { needs: [a], run: x, compensate: ab }
  ab: { run: x }
  c: { needs: [b], run: x }
`)
  const run = mesh.start(text)
  mesh.run()
  const shown = stageDocuments(mesh.view(run), parsed(text), (node) => node)
  assert.deepEqual(
    shown.map(({ name }) => name),
    ['a', 'b', 'c', 'aa', 'ab'],
  )
})
