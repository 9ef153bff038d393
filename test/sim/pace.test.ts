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
  paces.stirred(overMs)
  assert.equal(paces.at(overMs + afterMs - 1, nothing).thinkMs, thinkMs)
  assert.equal(paces.at(overMs + afterMs, nothing).thinkMs, calmMs)
})

test('a rush hurries them, whatever else goes on', () => {
  const paces = new Paces([rush, kill])
  assert.equal(paces.at(rush.atMs + 1, new Set([kill, rush])).thinkMs, hurryMs)
})

test('in a rush they do not hurry while nobody but the next leader is waited for', () => {
  const ambush: Fault = {
    kind: 'ambush',
    on: 'leads',
    blow: 'isolate',
    share: 1,
    afterMs: 10,
    holdMs: 8_000,
    atMs: rush.atMs,
    forMs: rush.forMs,
  }
  const cut: Fault = { kind: 'cut', from: ['n1'], to: ['n2'], both: true, atMs: 0, forMs: 8_000 }
  const paces = new Paces([rush])
  paces.stirred(rush.atMs)
  const waiting = new Set([rush, ambush])
  assert.equal(paces.at(rush.atMs + afterMs - 1, waiting).thinkMs, hurryMs)
  assert.equal(paces.at(rush.atMs + afterMs, waiting).thinkMs, thinkMs)
  // Whoever leads is struck, or another ambush lies in wait for what traffic brings about.
  assert.equal(paces.at(rush.atMs + afterMs, new Set([...waiting, cut])).thinkMs, hurryMs)
  const other: Fault = { ...ambush, on: 'acknowledges' }
  assert.equal(paces.at(rush.atMs + afterMs, new Set([...waiting, other])).thinkMs, hurryMs)
  paces.stirred(rush.atMs + afterMs)
  assert.equal(paces.at(rush.atMs + afterMs, waiting).thinkMs, hurryMs)
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
