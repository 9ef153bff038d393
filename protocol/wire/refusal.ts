/**
 * Why bytes are not the message they should be. Codes are stable: they are counted, shown to
 * people and compared across versions.
 */
export type RefusalReason =
  /** The bytes end in the middle of something. */
  | 'truncated'
  /** A whole number above 2^53 - 1, or a varint longer than any. */
  | 'numberTooLarge'
  /** A float that is infinite or not a number. */
  | 'notFinite'
  /** A field number of zero, or one that protobuf does not have. */
  | 'badTag'
  /** A known field in a form that its type does not have, or a form that nothing has. */
  | 'wrongWireType'
  /** A text that is not UTF-8. */
  | 'invalidUtf8'
  /** A text or byte string over its limit. */
  | 'tooLong'
  /** A list or map over its limit. */
  | 'tooMany'
  /** A field that must be there is not. */
  | 'missingField'
  /** A union whose kind this version does not know: most likely a newer peer. */
  | 'unknownKind'

export type Decoded<T> = { ok: true; value: T } | { ok: false; why: RefusalReason }
