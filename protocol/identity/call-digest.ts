/**
 * What a signed command says of the call that carries it: a hash over all of the call. Whoever gets
 * hold of the envelope can put no other call into it.
 */
import { createHash } from 'node:crypto'

export interface Call {
  method: string
  /** Percent-encoded, as it is sent. */
  path: string
  /** What is behind the question mark, or nothing. */
  query: string
  body: Uint8Array
}

const context = 'skein call v1\n'

/** Lengths stand before the parts, so that nothing can move from one into the next. */
export function callDigest({ method, path, query, body }: Call): Uint8Array {
  const hash = createHash('sha256').update(context)
  for (const part of [method, path, query]) {
    hash.update(`${Buffer.byteLength(part)}\n`).update(part)
  }
  return new Uint8Array(hash.update(`${body.length}\n`).update(body).digest())
}
