import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiDocument } from '../../coordinator/api/openapi.ts'
import { type RouteShape, routes } from '../../coordinator/api/routes.ts'
import { ask, documentOf, requestOf } from './stage.ts'

// biome-ignore lint/suspicious/noExplicitAny: the document is looked at as any reader of it would
const document = openApiDocument() as any

interface Operation {
  path: string
  method: string
  // biome-ignore lint/suspicious/noExplicitAny: see above
  operation: any
}

function operations(): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as object).map(([method, operation]) => ({ path, method, operation })),
  )
}

/** Every place in the document, with the path that leads there. */
function* places(value: unknown, at = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  yield [at, value as Record<string, unknown>]
  for (const [key, inner] of Object.entries(value)) yield* places(inner, `${at}/${key}`)
}

test('every route is in the document, and nothing else', () => {
  const said = operations().map(({ path, method, operation }) => [
    operation.operationId,
    method.toUpperCase(),
    path,
  ])
  const meant = Object.entries<RouteShape>(routes).map(([name, r]) => [name, r.method, r.path])
  assert.deepEqual(said.sort(), meant.sort())
})

test('the document has the structure of OpenAPI 3.1', () => {
  assert.match(document.openapi, /^3\.1\.\d+$/)
  assert.ok(document.info.title && document.info.version)
  for (const { path, operation } of operations()) {
    assert.ok(operation.summary)
    const inPath = operation.parameters.filter((p: { in: string }) => p.in === 'path')
    const braces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    assert.deepEqual(
      inPath.map((p: { name: string }) => p.name),
      braces,
    )
    for (const parameter of operation.parameters) {
      assert.ok(parameter.schema.type, `${path} ${parameter.name} has a type`)
      assert.equal(typeof parameter.required, 'boolean')
      if (parameter.in === 'path') assert.equal(parameter.required, true)
    }
    const [type] = Object.keys(operation.responses[200].content)
    const stream = Object.values<RouteShape>(routes).find((r) => r.path === path)?.stream
    assert.equal(type, stream ? 'application/x-ndjson' : 'application/json')
    assert.equal(operation.responses.default.$ref, '#/components/responses/Refusal')
  }
})

test('every reference leads somewhere, and no schema is there twice', () => {
  const known = new Set([...places(document)].map(([at]) => at))
  const refs = [...places(document)].flatMap(([, value]) =>
    typeof value.$ref === 'string' ? [value.$ref] : [],
  )
  assert.ok(refs.length > 10)
  for (const ref of refs) assert.ok(known.has(ref), ref)
  for (const [at, { $id, $defs }] of places(document)) {
    assert.equal($id, undefined, at)
    assert.equal($defs, undefined, at)
  }
  const bodies = Object.values(document.components.schemas).map((s) => JSON.stringify(s))
  const large = bodies.filter((body) => body.length > 200)
  assert.equal(new Set(large).size, large.length)
  // A node is described once and referred to wherever it appears.
  assert.deepEqual(document.components.schemas.NodeList.properties.nodes.items, {
    $ref: '#/components/schemas/Node',
  })
})

test('what is answered may gain keys, what is asked may not', () => {
  assert.equal('additionalProperties' in document.components.schemas.Status, false)
  assert.equal(document.components.schemas.LabelChange.additionalProperties, false)
  assert.equal(document.components.schemas.LabelChange.required, undefined)
})

test('a request built from the document alone is accepted', async () => {
  for (const { path, method, operation } of operations()) {
    let url = path
    const query = new URLSearchParams()
    for (const parameter of operation.parameters) {
      const value = parameter.example ?? parameter.schema.default ?? parameter.schema.minimum
      assert.notEqual(value, undefined, `${path} ${parameter.name} can be filled in`)
      if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, String(value))
      else query.set(parameter.name, String(value))
    }
    const body = operation.requestBody?.content['application/json'].example
    assert.equal(body === undefined, operation.requestBody === undefined)
    const reply = await ask(method.toUpperCase(), `${url}?${query}`, body)
    assert.equal(reply.status, 200, `${method} ${url}`)
  }
})

test('the document is served beside the API', async () => {
  const { path } = requestOf('GET', '/openapi.json')
  assert.deepEqual(documentOf(await ask('GET', path)), JSON.parse(JSON.stringify(document)))
})
