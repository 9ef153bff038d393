/** What a host does in rounds when the process dies that its models run in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Oracle } from '../../agent/learning/oracle.ts'
import { type Engine, EngineError, type Session } from '../../models/engine.ts'
import { Net } from '../../models/nets/net.ts'
import { commonShape, firstCommon } from '../../models/registry/common.ts'
import { registryIn } from '../../models/registry/versions.ts'
import { SimulatedEngine } from '../../simulations/world/engine.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { hostOf, learners, oneRound } from './learners.ts'

const deathsMax = 2

/** As `agent/ports/inference` has it: a session that has ended so many processes is run no more. */
function mortal(session: Session, dies: () => boolean): Session {
  let deaths = 0
  const ran = async <T>(run: () => Promise<T>): Promise<T> => {
    if (deaths >= deathsMax) throw new EngineError('refused', 'it is run no more')
    if (!dies()) return run()
    deaths++
    throw new EngineError('died', 'the process with the models is gone')
  }
  return {
    run: (inputs) => ran(() => session.run(inputs)),
    runInTurn: (steps, carried) => ran(() => session.runInTurn(steps, carried)),
    close: () => session.close(),
  }
}

test('a host whose engine has died in two rounds learns again in the next one', async () => {
  const mesh = await learners('engines die')
  const { open } = SimulatedEngine.prototype
  const left = new Map<Engine, number>()
  let areDying = true
  SimulatedEngine.prototype.open = async function (bytes) {
    const session = await open.call(this, bytes)
    return mortal(session, () => {
      const more = left.get(this) ?? deathsMax
      left.set(this, more - 1)
      return areDying && more > 0
    })
  }
  try {
    for (let i = 0; i < deathsMax; i++) {
      const round = await oneRound(mesh)
      assert.equal(round.state, 'failed')
      for (const member of mesh.members) assert.match(hostOf(round, member)?.why ?? '', /is gone/)
    }
    areDying = false
    const round = await oneRound(mesh)
    assert.equal(round.state, 'kept', round.why)
    assert.equal(round.hosts.filter(({ counted }) => counted).length, 5)
  } finally {
    SimulatedEngine.prototype.open = open
  }
})

/** What it has learned in a row of steps is no number. */
function wild(session: Session, isWild: () => boolean): Session {
  return {
    run: (inputs) => session.run(inputs),
    runInTurn: async (steps, carried) => {
      const outputs = await session.runInTurn(steps, carried)
      if (!isWild()) return outputs
      for (const { data } of Object.values(outputs)) {
        if (data instanceof Float32Array) data.fill(Number.NaN)
      }
      return outputs
    },
    close: () => session.close(),
  }
}

test('a host that learns what is no number says nothing in the round, and where all do the last good version stays', async () => {
  const mesh = await learners('engines go wild')
  const { open } = SimulatedEngine.prototype
  let first: Engine | undefined
  let areAllWild = false
  SimulatedEngine.prototype.open = async function (bytes) {
    const session = await open.call(this, bytes)
    return wild(session, () => {
      first ??= this
      return areAllWild || this === first
    })
  }
  try {
    const round = await oneRound(mesh)
    assert.equal(round.state, 'kept', round.why)
    const out = round.hosts.filter(({ counted }) => !counted)
    assert.deepEqual(
      out.map(({ why }) => why),
      ['when it was to train: training went nowhere on its rows'],
    )
    areAllWild = true
    const failed = await oneRound(mesh)
    assert.equal(failed.state, 'failed')
    assert.match(failed.why, /^0 of 5 hosts have trained; 3 are needed$/)
    const { head, shadow } = registryIn(mesh.leader!.agent.ledger.state)
    assert.deepEqual([head, shadow?.hash], [round.candidate, round.candidate])
    areAllWild = false
    assert.equal((await oneRound(mesh)).base, round.candidate)
  } finally {
    SimulatedEngine.prototype.open = open
  }
})

const features = new Float32Array(commonShape.features)

test('what hosts are advised by is asked again when its engine has died twice', async () => {
  let dying = deathsMax
  const session: Session = {
    run: async () => ({ quantiles: { dims: [1, 3], data: Float32Array.of(1, 2, 3) } }),
    runInTurn: () => Promise.reject(new EngineError('refused', 'nothing is trained here')),
    close: async () => {},
  }
  const engine: Engine = { open: async () => mortal(session, () => dying-- > 0) }
  const oracle = new Oracle({
    ...{ clock: { after: () => ({ cancel: () => {} }) }, engine, name: 'n1' },
    host: () => ({}) as ReturnType<ConstructorParameters<typeof Oracle>[0]['host']>,
  })
  const parameters = firstCommon(new SeededEntropy('oracle'))
  const learned = { family: 'net', parameters } as const
  for (let i = 0; i < deathsMax; i++) {
    await assert.rejects(oracle.told(learned, features), /is gone/)
  }
  assert.equal((await oracle.told(learned, features)).length, 1)
})

test('an opening that fails after all was closed takes nothing of what was opened since', async () => {
  const first = Promise.withResolvers<Session>()
  let closed = 0
  const session: Session = {
    run: async () => ({ quantiles: { dims: [1, 3], data: Float32Array.of(1, 2, 3) } }),
    runInTurn: () => Promise.reject(new EngineError('refused', 'nothing is trained here')),
    close: async () => {
      closed++
    },
  }
  let opened = 0
  const engine: Engine = {
    open: () => (opened++ === 0 ? first.promise : Promise.resolve(session)),
  }
  const net = new Net(engine, commonShape)
  const parameters = firstCommon(new SeededEntropy('net'))
  const early = net.predict(parameters, features)
  const closing = net.close()
  await net.predict(parameters, features)
  first.reject(new EngineError('closed', 'it was closed'))
  await assert.rejects(early, /it was closed/)
  await closing
  await net.close()
  assert.deepEqual([opened, closed], [2, 1])
})
