import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { predictionModel, stepModel } from '../../models/nets/graphs.ts'
import { modelIn } from '../../models/onnx/read.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { anyModel } from './samples.ts'

/** ONNX's own words for it, as far as it goes; protobufjs is the judge of our bytes. */
const oracle = protobuf
  .parse(
    `syntax = "proto3"; package onnx;
message AttributeProto { string name=1; float f=2; int64 i=3; bytes s=4; repeated float floats=7; repeated int64 ints=8; repeated bytes strings=9; int32 type=20; }
message NodeProto { repeated string input=1; repeated string output=2; string name=3; string op_type=4; repeated AttributeProto attribute=5; string domain=7; }
message TensorProto { repeated int64 dims=1; int32 data_type=2; string name=8; bytes raw_data=9; }
message Dim { int64 dim_value=1; string dim_param=2; } message Shape { repeated Dim dim=1; }
message TT { int32 elem_type=1; Shape shape=2; } message TypeProto { TT tensor_type=1; }
message ValueInfoProto { string name=1; TypeProto type=2; }
message GraphProto { repeated NodeProto node=1; string name=2; repeated TensorProto initializer=5; repeated ValueInfoProto input=11; repeated ValueInfoProto output=12; }
message OperatorSetIdProto { string domain=1; int64 version=2; }
message ModelProto { int64 ir_version=1; string producer_name=2; GraphProto graph=7; repeated OperatorSetIdProto opset_import=8; }`,
    { keepCase: true },
  )
  .root.lookupType('onnx.ModelProto')

test('what is written is read the same', () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      assert.deepEqual(modelIn(bytesOf(model)), { kind: 'read', model })
    }),
  )
})

test('what is written says to others what it says to us', () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      const theirs = oracle.toObject(oracle.decode(bytesOf(model)), { longs: Number, arrays: true })
      const { graph } = theirs
      assert.equal(theirs.ir_version ?? 0, model.irVersion)
      assert.deepEqual(
        graph.node.map((node: Record<string, unknown>) => [
          node.op_type ?? '',
          node.input,
          node.output,
        ]),
        model.graph.nodes.map(({ operator, inputs, outputs }) => [operator, inputs, outputs]),
      )
      const attributes = graph.node.flatMap(({ attribute }: { attribute: object[] }) => attribute)
      assert.deepEqual(attributes.map(theirValue), model.graph.nodes.flatMap(ourValues))
      assert.deepEqual(
        graph.initializer.map((one: { dims: number[]; raw_data?: Uint8Array }) => [
          one.dims,
          Buffer.from(one.raw_data ?? []).toString('hex'),
        ]),
        model.graph.weights.map(({ dims, data }) => [
          dims,
          Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
        ]),
      )
    }),
  )
})

function theirValue(attribute: Record<string, unknown>): unknown {
  const texts = (attribute.strings as Uint8Array[]).map(textOf)
  const kinds: Record<number, unknown> = {
    1: attribute.f ?? 0,
    2: attribute.i ?? 0,
    3: textOf((attribute.s ?? []) as Uint8Array),
    6: attribute.floats,
    7: attribute.ints,
    8: texts,
  }
  return kinds[attribute.type as number]
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

function ourValues(node: ReturnType<typeof Object>): unknown[] {
  return node.attributes.map(({ value }: { value: unknown }) => value)
}

const ours = [
  bytesOf(predictionModel({ features: 3, hidden: [4] }, new Float32Array(31))),
  bytesOf(stepModel({ features: 3, hidden: [4, 2] })),
]

test('no bytes make the reading fail or go on for ever', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void modelIn(bytes)))
  for (const bytes of ours) {
    for (let length = 0; length < bytes.length; length++) {
      const read = modelIn(bytes.slice(0, length))
      // Only where a field ends, and what is before it says all that there is.
      if (read.kind === 'read') assert.equal(bytesOf(read.model).length, length)
    }
  }
})

test('a byte that is changed is refused, or makes another model that is read whole', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ours),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (bytes, at, by) => {
        const changed = bytes.slice()
        const place = at % bytes.length
        changed[place] = (changed[place] as number) ^ by
        const read = modelIn(changed)
        if (read.kind === 'read') assert.deepEqual(modelIn(bytesOf(read.model)), read)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('fields that models here never have are refused, and not skipped', () => {
  const [model] = ours as [Uint8Array]
  const metadata = Buffer.from([0x72, 0x02, 0x0a, 0x00])
  for (const [extra, words] of [
    [metadata, /field 14/],
    // A second graph, which protobuf would mix with the first.
    [Buffer.from([0x3a, 0x00]), /more than 1 of field 7/],
    [Buffer.from([0x08, 0x0a]), /more than 1 of field 1/],
  ] as const) {
    const read = modelIn(Buffer.concat([model, extra]))
    assert.ok(read.kind === 'refused')
    assert.match(read.why, words)
  }
})

test('data that lie outside of the model are refused', () => {
  // TensorProto with external_data (13) and data_location (14).
  const inner = Buffer.from([0x10, 0x01, 0x42, 0x01, 0x77, 0x6a, 0x00, 0x70, 0x01])
  const graph = Buffer.from([0x2a, inner.length, ...inner])
  const read = modelIn(Buffer.from([0x3a, graph.length, ...graph]))
  assert.deepEqual(read, {
    kind: 'refused',
    why: 'weights has a field 13, which models here do not have',
  })
})

test('a model that is too long is refused before it is looked at', () => {
  const read = modelIn(new Uint8Array((16 << 20) + 1))
  assert.ok(read.kind === 'refused')
  assert.match(read.why, /may have 16777216/)
})
