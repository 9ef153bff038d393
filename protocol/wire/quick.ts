/**
 * For the few messages that come by the ten thousand a second: a way of one's own through those that
 * look as they nearly always do. The schema stays what says what a message is; whatever does not look
 * so is read by it, from the start, so that a quick way can be wrong in nothing but what it takes.
 */
import type { Reader } from './reader.ts'
import type { Schema } from './value-types.ts'

/**
 * `quickly` reads what `encode` writes of usual messages, field by field in the order of their
 * numbers, up to `reader.end`; anything else it answers with undefined.
 */
export function quick<T>(
  schema: Schema<T>,
  quickly: (reader: Reader) => NoInfer<T> | undefined,
): Schema<T> {
  return {
    ...schema,
    read(reader: Reader): T {
      const start = reader.at
      const value = quickly(reader)
      // What was refused on the way would be refused by the schema, for the same reason.
      if (reader.why !== undefined) return value as T
      if (value !== undefined && reader.at === reader.end) return value
      reader.at = start
      return schema.read(reader)
    },
  }
}

/** Of what `uintAt` gave for a `bool`: it is there, and is one. */
export function isBool(value: number): boolean {
  return value === 0 || value === 1
}
