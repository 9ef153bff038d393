/** Schemas of envelopes: one of each in a process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelopeSchema, sentSchema } from '../../agent/links/envelope.ts'
import { Hello } from '../../protocol/wire/versions.ts'

test('all links that say the same share one schema, which the engine learns once', () => {
  assert.equal(envelopeSchema(1000), envelopeSchema(1000))
  assert.notEqual(envelopeSchema(1000), envelopeSchema(1001))
  assert.equal(sentSchema(Hello), sentSchema(Hello))
})
