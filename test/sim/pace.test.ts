/** Clients take their time only where no fault is near. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from '../../simulations/sim/fault.ts'
import { clientLimits } from '../../simulations/sim/limits.ts'
import { Paces } from '../../simulations/sim/pace.ts'

const { thinkMs, calmMs, hurryMs, aheadMs, afterMs } = clientLimits
const kill: Fault = { kind: 'kill', host: 'n1', atMs: 60_000, forMs: 4_000 }
const rush: Fault = { kind: 'rush', atMs: 200_000, forMs: 10_000 }
const nothing = new Set<Fault>()

test('before, during and after a fault clients are as busy as ever', () => {
  const paces = new Paces([rush, kill])
  assert.equal(paces.at(kill.atMs - aheadMs, nothing).thinkMs, thinkMs)
  assert.equal(paces.at(kill.atMs + 1, new Set([kill])).thinkMs, thinkMs)
  const overMs = kill.atMs + kill.forMs
  paces.ended(overMs)
  assert.equal(paces.at(overMs + afterMs - 1, nothing).thinkMs, thinkMs)
  assert.equal(paces.at(overMs + afterMs, nothing).thinkMs, calmMs)
})

test('a rush hurries them, whatever else goes on', () => {
  const paces = new Paces([rush, kill])
  assert.equal(paces.at(rush.atMs + 1, new Set([kill, rush])).thinkMs, hurryMs)
})

test('who takes its time looks up when the next fault comes near, and not after it', () => {
  const paces = new Paces([kill])
  const { thinkMs: calm, forMs } = paces.at(20_000, nothing)
  assert.equal(calm, calmMs)
  assert.equal(20_000 + forMs, kill.atMs - aheadMs)
})

test('a fault that nobody foresaw ends the calm as well', () => {
  const paces = new Paces([])
  assert.equal(paces.at(1_000, nothing).thinkMs, calmMs)
  assert.equal(paces.at(1_000, new Set([kill])).thinkMs, thinkMs)
})
