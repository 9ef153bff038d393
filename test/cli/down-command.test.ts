import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  downCommand,
  layoutOf,
  meshDirectory,
  statusCommand,
} from '../../simulations/mesh/layout.ts'

test('how a local mesh is stopped is told as it has to be typed', () => {
  const usual = meshDirectory(undefined)
  assert.equal(downCommand(layoutOf(usual)), 'skein down')
  assert.equal(downCommand(layoutOf('/srv/mesh')), 'skein down --dir /srv/mesh')
  assert.equal(downCommand(layoutOf('/srv/my mesh')), "skein down --dir '/srv/my mesh'")
})

test('how a local mesh elsewhere is found is told as it has to be typed', () => {
  assert.equal(statusCommand(layoutOf(meshDirectory(undefined))), 'skein status')
  const told = statusCommand(layoutOf('/srv/my mesh'))
  assert.equal(told, "SKEIN_HOME='/srv/my mesh' skein status")
})
