import assert from 'node:assert/strict'
import { test } from 'node:test'
import { downCommand, layoutOf, meshDirectory } from '../../simulations/mesh/layout.ts'

test('how a local mesh is stopped is told as it has to be typed', () => {
  const usual = meshDirectory(undefined)
  assert.equal(downCommand(layoutOf(usual)), 'skein down')
  assert.equal(downCommand(layoutOf('/srv/mesh')), 'skein down --dir /srv/mesh')
  assert.equal(downCommand(layoutOf('/srv/my mesh')), "skein down --dir '/srv/my mesh'")
})
