import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { EngineError, type Tensor } from '../../models/engine.ts'
import { gradientModel, ports, predictionModel, stepModel } from '../../models/nets/graphs.ts'
import { firstParameters, layoutOf, type NetShape } from '../../models/nets/layout.ts'
import { Diverged, Net, type Training } from '../../models/nets/net.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { levels } from '../../models/rows.ts'
import { type Entropy, shuffle } from '../../protocol/ports/entropy.ts'

const engine = new ProcessEngine()
after(() => engine.close())

const seeded = (seed: number) => new SystemEntropy(Uint8Array.of(seed))

/** Of the normal distribution, by Box and Muller. */
function normal(entropy: Entropy): number {
  return Math.sqrt(-2 * Math.log(1 - entropy.unit())) * Math.cos(2 * Math.PI * entropy.unit())
}

interface Rows {
  readonly features: Float32Array
  readonly targets: Float32Array
}

/** The half is 2 + x², and what is told of it spreads with 0.2 + x; z says nothing. */
function spreading(count: number, entropy: Entropy): Rows {
  const features = new Float32Array(count * 2)
  const targets = new Float32Array(count)
  for (let row = 0; row < count; row++) {
    const [x, z] = [entropy.unit(), entropy.unit()]
    features.set([x, z], row * 2)
    targets[row] = 2 + x * x + (0.2 + x) * normal(entropy)
  }
  return { features, targets }
}

const shape: NetShape = { features: 2, hidden: [32, 32] }
const start = { centre: 0, spread: 1 }

test('each part of the gradient is what the loss changes by', async () => {
  const small: NetShape = { features: 3, hidden: [4, 5] }
  const entropy = seeded(1)
  const { blocks, length } = layoutOf(small)
  const parameters = firstParameters(small, entropy, { centre: 0.3, spread: 0.5 })
  // Biases as well, which begin at zero.
  for (let i = 0; i < length; i++) parameters[i] = (parameters[i] as number) + normal(entropy) / 5
  const rows = 7
  const features = Float32Array.from({ length: rows * 3 }, () => normal(entropy))
  const targets = Float32Array.from({ length: rows }, () => normal(entropy))
  const session = await engine.open(bytesOf(gradientModel(small)))
  const at = async (where: Float32Array) => {
    const outputs = await session.run({
      [ports.features]: { dims: [rows, 3], data: features },
      [ports.targets]: { dims: [rows, 1], data: targets },
      [ports.parameters]: { dims: [length], data: where },
    })
    return { loss: firstOf(outputs[ports.loss]), gradient: outputs[ports.gradient] }
  }
  const { gradient } = await at(parameters)
  assert.deepEqual(gradient?.dims, [length])
  for (const { name, from, length: size } of blocks) {
    let largest = 0
    for (let i = from; i < from + size; i++) {
      const step = 0.005
      const moved = (by: number) => parameters.with(i, (parameters[i] as number) + by)
      const change = (await at(moved(step))).loss - (await at(moved(-step))).loss
      const slope = Number(gradient.data[i])
      largest = Math.max(largest, Math.abs(slope))
      const error = Math.abs(slope - change / (2 * step))
      assert.ok(error < 2e-3, `${name}[${i - from}]: ${slope}, not ${change / (2 * step)}`)
    }
    // Or zeros everywhere would do.
    assert.ok(largest > 5e-3, `${name} has no gradient`)
  }
  await session.close()
})

function firstOf(tensor: Tensor | undefined): number {
  return Number(tensor?.data[0])
}

test('a network learns the quantiles of what spreads', async () => {
  const net = new Net(engine, shape)
  const { features, targets } = spreading(4_000, seeded(2))
  const begun = firstParameters(shape, seeded(3), start)
  const training = { epochs: 40, batch: 128, rate: 0.01, rateAtEnd: 0.0005, entropy: seeded(4) }
  const { parameters, loss, steps } = await net.train(begun, features, targets, training)
  assert.equal(steps, 40 * Math.ceil(4_000 / 128))
  assert.ok(loss > 0 && loss < 0.25, String(loss))
  const asked = Float32Array.of(0, 0.5, 0.5, 0.5, 1, 0.5)
  const told = await net.predict(parameters, asked)
  // The tenth of a normal distribution lies 1.2816 below its half.
  const right = [0, 0.5, 1].flatMap((x) =>
    [-1.2816, 0, 1.2816].map((deviations) => 2 + x * x + (0.2 + x) * deviations),
  )
  for (const [i, value] of right.entries()) {
    const error = Math.abs((told[i] as number) - value)
    assert.ok(error < 0.2, `${told[i]} is not ${value}`)
  }
  const fresh = spreading(4_000, seeded(5))
  const forFresh = await net.predict(parameters, fresh.features)
  for (const [k, share] of levels.entries()) {
    const below = fresh.targets.filter((target, row) => target <= (forFresh[row * 3 + k] as number))
    const found = below.length / fresh.targets.length
    assert.ok(Math.abs(found - share) < 0.03, `${found} lie below the ${share}`)
  }
  await net.close()
})

const short = (seed: number): Training => ({
  epochs: 2,
  batch: 100,
  rate: 0.01,
  entropy: seeded(seed),
})

test('what trains when a network is closed is given up, and whoever asks then is answered', async () => {
  const net = new Net(engine, shape)
  const { features, targets } = spreading(4_000, seeded(2))
  const begun = firstParameters(shape, seeded(3), start)
  const asked = Float32Array.of(0, 0.5)
  const told = await net.predict(begun, asked)
  const training = net.train(begun, features, targets, { ...short(7), epochs: 200 })
  const givenUp = assert.rejects(training, (error) => {
    return error instanceof EngineError && error.code === 'closed'
  })
  await net.predict(begun, asked)
  const closing = net.close()
  assert.deepEqual(await net.predict(begun, asked), told)
  await Promise.all([closing, givenUp])
  await net.close()
})

test('the same seed gives the same numbers, and another gives others', async () => {
  const { features, targets } = spreading(450, seeded(2))
  const begun = firstParameters(shape, seeded(3), start)
  const before = begun.slice()
  const learned: Float32Array[] = []
  for (const seed of [7, 7, 8]) {
    const net = new Net(engine, shape)
    learned.push((await net.train(begun, features, targets, short(seed))).parameters)
    await net.close()
  }
  assert.deepEqual(begun, before)
  assert.deepEqual(learned[0], learned[1])
  assert.notDeepEqual(learned[0], learned[2])
  assert.deepEqual(firstParameters(shape, seeded(3), start), begun)
})

test('steps that are asked for at once are those that are asked for one by one', async () => {
  const net = new Net(engine, shape)
  const rows = 45
  const { features, targets } = spreading(rows, seeded(2))
  const begun = firstParameters(shape, seeded(3), start)
  const to = begun.map((value) => value + 0.1)
  // 18 steps are more than are asked for at once, and the last of each epoch is a batch of its own.
  const training = { epochs: 6, batch: 20, rate: 0.01, rateAtEnd: 0.005, entropy: seeded(4) }
  const held = { strength: 0.2, to }
  const trained = await net.train(begun, features, targets, { ...training, held })
  const session = await engine.open(bytesOf(stepModel(shape)))
  const entropy = seeded(4)
  const order = Array.from({ length: rows }, (_, row) => row)
  const vector = (data: Float32Array): Tensor => ({ dims: [data.length], data })
  const number = (value: number): Tensor => ({ dims: [], data: Float32Array.of(value) })
  const zeros = vector(new Float32Array(begun.length))
  let [parameters, first, second] = [vector(begun), zeros, zeros] as [Tensor, Tensor, Tensor]
  let loss = vector(Float32Array.of(0))
  for (let step = 0; step < 18; step++) {
    if (step % 3 === 0) {
      shuffle(entropy, order)
      loss = vector(Float32Array.of(0))
    }
    const chosen = order.slice((step % 3) * 20, (step % 3) * 20 + 20)
    const x = Float32Array.from(
      chosen.flatMap((row) => [...features.subarray(2 * row, 2 * row + 2)]),
    )
    const y = Float32Array.from(chosen, (row) => targets[row] as number)
    const outputs = await session.run({
      [ports.features]: { dims: [chosen.length, 2], data: x },
      [ports.targets]: { dims: [chosen.length, 1], data: y },
      [ports.parameters]: parameters,
      [ports.first]: first,
      [ports.second]: second,
      [ports.lossSoFar]: loss,
      [ports.anchor]: vector(to),
      [ports.hold]: number(0.2),
      [ports.rate]: number(0.01 - (0.005 * step) / 17),
      [ports.firstFilled]: number(1 - 0.9 ** (step + 1)),
      [ports.secondFilled]: number(1 - 0.999 ** (step + 1)),
    })
    parameters = outputs[ports.nextParameters] as Tensor
    first = outputs[ports.nextFirst] as Tensor
    second = outputs[ports.nextSecond] as Tensor
    loss = outputs[ports.nextLoss] as Tensor
  }
  assert.deepEqual(trained.parameters, parameters.data)
  assert.equal(trained.loss, firstOf(loss) / rows)
  assert.equal(trained.steps, 18)
  await session.close()
  await net.close()
})

test('quantiles never cross, whatever was learned', async () => {
  const net = new Net(engine, shape)
  const entropy = seeded(9)
  for (const size of [0, 1, 30]) {
    const parameters = new Float32Array(net.layout.length).map(() => normal(entropy) * size)
    const features = Float32Array.from({ length: 2_000 }, () => normal(entropy) * 10)
    const told = await net.predict(parameters, features)
    for (let row = 0; row < 1_000; row++) {
      const [low = 0, half = 0, high = 0] = told.subarray(row * 3, row * 3 + 3)
      assert.ok(low <= half && half <= high, `${low}, ${half}, ${high}`)
    }
  }
  await net.close()
})

test('before it has learned, a network says about what it is begun with', async () => {
  const flat: NetShape = { features: 2, hidden: [4] }
  const net = new Net(engine, flat)
  const begun = firstParameters(flat, seeded(1), { centre: 9, spread: 1.5 })
  const told = await net.predict(begun, new Float32Array(2))
  assert.deepEqual(
    [...told].map((value) => Number(value.toFixed(4))),
    [7.5, 9, 10.5],
  )
  await net.close()
})

test('what is held stays near to what it is held to', async () => {
  const net = new Net(engine, shape)
  const { features, targets } = spreading(500, seeded(2))
  const begun = firstParameters(shape, seeded(3), start)
  const distances: number[] = []
  for (const strength of [0, 0.1, 10]) {
    const held = { strength, to: begun }
    const training = { ...short(1), epochs: 20, held }
    const { parameters } = await net.train(begun, features, targets, training)
    distances.push(Math.hypot(...parameters.map((value, i) => value - (begun[i] as number))))
  }
  const [free = 0, loose = 0, tight = 0] = distances
  assert.ok(tight < loose / 2 && loose < free, String(distances))
  await net.close()
})

test('a model that is handed on says what the network says', async () => {
  const net = new Net(engine, shape)
  const { features } = spreading(20, seeded(2))
  const parameters = firstParameters(shape, seeded(3), start)
  const session = await engine.open(bytesOf(predictionModel(shape, parameters)))
  const outputs = await session.run({ [ports.features]: { dims: [20, 2], data: features } })
  const theirs = outputs[ports.quantiles]?.data ?? []
  const ours = await net.predict(parameters, features)
  for (const [i, value] of ours.entries()) assert.ok(Math.abs(value - Number(theirs[i])) < 1e-5)
  await session.close()
  await net.close()
})

test('features that are no numbers spoil nothing but the training that they are in', async () => {
  const net = new Net(engine, shape)
  const { features, targets } = spreading(300, seeded(2))
  const begun = firstParameters(shape, seeded(3), start)
  await assert.rejects(
    net.train(begun, features.with(5, Number.NaN), targets, short(1)),
    (error) => error instanceof Diverged,
  )
  assert.ok((await net.train(begun, features, targets, short(1))).parameters.every(Number.isFinite))
  await net.close()
})

test('more rows than are asked for at once are all told', async () => {
  const net = new Net(engine, shape)
  const parameters = firstParameters(shape, seeded(3), start)
  const { features } = spreading(8_200, seeded(2))
  const all = await net.predict(parameters, features)
  assert.equal(all.length, 8_200 * 3)
  const last = await net.predict(parameters, features.slice(-2))
  for (const [i, value] of last.entries()) {
    assert.ok(Math.abs(value - (all.at(-3 + i) as number)) < 1e-5)
  }
  assert.equal((await net.predict(parameters, new Float32Array(0))).length, 0)
  await net.close()
})
