/** Schemas that use every part of the language, and generators of messages for them. */
import fc from 'fast-check'
import {
  bool,
  bytes,
  field,
  float,
  type Infer,
  int,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'

function newLoad() {
  return message('Load', { cpu: field(1, float()), cores: field(2, uint()) })
}

function newPing(load: ReturnType<typeof newLoad>) {
  return message('Ping', {
    seq: field(1, uint()),
    target: field(2, text(128)),
    note: optional(3, text(64)),
    tags: repeated(4, text(64), 32),
    blob: field(5, bytes(4096)),
    load: optional(6, nested(load)),
    ratio: field(7, float()),
    delta: field(8, int()),
    ok: field(9, bool()),
    labels: map(10, text(64), text(256), 64),
    loads: repeated(11, nested(load), 8),
    counts: repeated(12, uint(), 300),
    deltas: repeated(13, int(), 300),
    shares: repeated(14, float(), 300),
    flags: repeated(15, bool(), 300),
    quiet: optional(16, bool()),
    byName: map(2047, text(64), nested(load), 8),
  })
}

export const Load = newLoad()
export type Load = Infer<typeof Load>

export const Ping = newPing(Load)
export type Ping = Infer<typeof Ping>

export const Ack = message('Ack', { seq: field(1, uint()) })

/** One that nothing was ever written or read with. */
export function newFrame(load = newLoad(), ping = newPing(load)) {
  return union('Frame', { ping: [1, ping], ack: [2, Ack], load: [300, load] })
}

export const Frame = newFrame(Load, Ping)
export type Frame = Infer<typeof Frame>

/**
 * The same, as a protobuf file describes them: the oracle reads this and nothing of ours. Fields
 * are `optional` there, which is protobuf's way of writing zeros.
 */
export const protoFile = `
  syntax = "proto3";
  message Load { optional double cpu = 1; optional uint64 cores = 2; }
  message Ack { optional uint64 seq = 1; }
  message Ping {
    optional uint64 seq = 1; optional string target = 2; optional string note = 3;
    repeated string tags = 4; optional bytes blob = 5; optional Load load = 6;
    optional double ratio = 7; optional sint64 delta = 8; optional bool ok = 9;
    map<string, string> labels = 10; repeated Load loads = 11; repeated uint64 counts = 12;
    repeated sint64 deltas = 13; repeated double shares = 14; repeated bool flags = 15;
    optional bool quiet = 16; map<string, Load> byName = 2047;
  }
  message Frame { oneof kind { Ping ping = 1; Ack ack = 2; Load load = 300; } }
`

const encoder = new TextEncoder()

/** Text within `bytesMax` bytes of UTF-8, of every script. */
export function textWithin(bytesMax: number): fc.Arbitrary<string> {
  return fc
    .oneof(
      fc.string({ unit: 'binary', maxLength: bytesMax }),
      fc.string({ unit: 'grapheme', maxLength: bytesMax }),
      fc.string({ unit: 'binary-ascii', minLength: 30, maxLength: bytesMax }),
    )
    .filter((value) => encoder.encode(value).length <= bytesMax)
}

export const wholeNumber = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
)
export const signedNumber = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(0, -1, 63, 64, -64, -65, 2 ** 53 - 1, -(2 ** 53 - 1)),
)
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })

export const anyLoad: fc.Arbitrary<Load> = fc.record(
  { cpu: finite, cores: wholeNumber },
  { noNullPrototype: true },
)

const records = <V>(key: fc.Arbitrary<string>, value: fc.Arbitrary<V>, max: number) =>
  fc.dictionary(key, value, { maxKeys: max, noNullPrototype: true })

export const anyPing: fc.Arbitrary<Ping> = fc.record(
  {
    seq: wholeNumber,
    target: textWithin(128),
    note: textWithin(64),
    tags: fc.array(textWithin(64), { maxLength: 32 }),
    blob: fc.uint8Array({ maxLength: 4096, size: '+1' }),
    load: anyLoad,
    ratio: finite,
    delta: signedNumber,
    ok: fc.boolean(),
    labels: records(
      fc.oneof(textWithin(64), fc.constantFrom('__proto__', 'constructor', '1')),
      textWithin(256),
      64,
    ),
    loads: fc.array(anyLoad, { maxLength: 8 }),
    counts: fc.array(wholeNumber, { maxLength: 300 }),
    deltas: fc.array(signedNumber, { maxLength: 300 }),
    shares: fc.array(finite, { maxLength: 300 }),
    flags: fc.array(fc.boolean(), { maxLength: 300 }),
    quiet: fc.boolean(),
    byName: records(fc.oneof(textWithin(64), fc.constant('__proto__')), anyLoad, 8),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'seq',
      'target',
      'tags',
      'blob',
      'ratio',
      'delta',
      'ok',
      'labels',
      'loads',
      'counts',
      'deltas',
      'shares',
      'flags',
      'byName',
    ],
  },
)

export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  anyPing.map((value): Frame => ({ kind: 'ping', value })),
  fc
    .record({ seq: wholeNumber }, { noNullPrototype: true })
    .map((value): Frame => ({ kind: 'ack', value })),
  anyLoad.map((value): Frame => ({ kind: 'load', value })),
)
