/** What an agent may be asked by another on behalf of its client: each route, with a command and without. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandHeader } from '../../coordinator/api/door.ts'
import { isForPeers } from '../../coordinator/api/other-nodes.ts'
import { acts, routePaths } from '../../coordinator/api/route-paths.ts'

const NODES = '/api/v1/nodes/'
const signed = { [commandHeader]: 'whatever it says' }

function isFor(method: string, path: string, headers: Record<string, string>): boolean {
  return isForPeers({ method, path, headers, query: {}, body: new Uint8Array() } as never)
}

for (const [name, route] of Object.entries(routePaths)) {
  const { method } = route
  const at = (node: string) => route.path.replace('{node}', node).replace(/\{\w+\}/g, 'x')
  const isAboutNode = route.path.startsWith(`${NODES}{node}`)

  test(`${name} is answered to a peer ${isAboutNode ? 'about this agent itself' : 'never'}`, () => {
    assert.equal(isFor(method, at('self'), {}), isAboutNode)
    assert.equal(isFor(method, at('self'), signed), isAboutNode)
  })

  test(`${name} about another node is taken from a peer only where it is an act that was signed`, () => {
    assert.equal(isFor(method, at('another'), {}), false)
    assert.equal(isFor(method, at('another'), signed), isAboutNode && acts(route))
  })
}

test('no other method, and no path that is none, comes in by a command', () => {
  for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'get', ''])
    for (const path of [`${NODES}another`, `${NODES}another/labels`, `${NODES}another/nothing`])
      assert.equal(isFor(method, path, signed), false, `${method} ${path}`)
})
