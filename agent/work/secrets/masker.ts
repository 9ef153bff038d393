/**
 * Takes secrets out of what a stage says: wherever one stands, as it is or in base64, there are
 * asterisks instead. What comes is a stream: what may be the beginning of a secret is held back until
 * more has come.
 *
 * Invariant: what goes out is the same however the stream was cut into pieces, and no byte of any
 * place where a secret stands goes out.
 */

import { FormIndex } from './form-index.ts'
import { textOf, withoutLineEnd } from './values.ts'

const MASK = Buffer.from('***')
/** Shorter ones would turn up by chance in what has nothing to do with them. */
const FORM_BYTES_MIN = 4

/** The forms in which values are looked for; none is empty. */
export function formsOf(values: Iterable<Uint8Array>): Uint8Array[] {
  const forms = new Map<string, Buffer>()
  const add = (bytes: Buffer): void => {
    if (bytes.length >= FORM_BYTES_MIN) forms.set(bytes.toString('latin1'), bytes)
  }
  for (const value of values) {
    const text = textOf(withoutLineEnd(value))
    const bytes = text === undefined ? Buffer.from(value) : Buffer.from(text)
    add(bytes)
    if (text !== undefined) for (const form of textForms(text)) add(Buffer.from(form))
    for (const form of base64Forms(bytes)) add(form)
  }
  return [...forms.values()]
}

function* textForms(text: string): Generator<string> {
  yield JSON.stringify(text).slice(1, -1)
  yield encodeURIComponent(text)
  // Of a text of several lines, programs tend to show one.
  if (!text.includes('\n')) return
  for (const line of text.split(/\r?\n/)) if (line.trim().length >= 8) yield line
}

/** It may stand anywhere in what is encoded: without the letters that its neighbours share. */
function base64Forms(bytes: Buffer): Buffer[] {
  const forms: Buffer[] = []
  for (let before = 0; before < 3; before++) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor((whole.length * 8) / 6)
    const letters = whole.toString('base64').slice(from, to)
    if (letters.length < 2 * FORM_BYTES_MIN) continue
    const url = letters.replaceAll('+', '-').replaceAll('/', '_')
    forms.push(Buffer.from(letters), Buffer.from(url))
  }
  return forms
}

export class Masker {
  readonly #forms: FormIndex
  #held: Buffer = Buffer.alloc(0)
  /** So many bytes at the beginning of what is held stand in a secret whose mask has gone out. */
  #masked = 0

  constructor(forms: Iterable<Uint8Array>) {
    this.#forms = new FormIndex([...forms].map((form) => Buffer.from(form)))
  }

  /** What may go out now. */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = Buffer.concat([this.#held, chunk])
    // From there on it may be the beginning of a secret.
    return this.#out(bytes, this.#forms.begunFrom(bytes))
  }

  /** The rest, when no more comes. */
  end(): Uint8Array {
    return this.#out(this.#held, this.#held.length)
  }

  #out(bytes: Buffer, end: number): Uint8Array {
    const pieces: Buffer[] = []
    let at = 0
    let masked = this.#masked
    for (const [from, to] of this.#places(bytes, masked)) {
      if (from >= end) break
      if (from > at) pieces.push(bytes.subarray(at, from))
      // One that goes on from what was masked before has its mask already.
      if (from > 0 || masked === 0) pieces.push(MASK)
      at = Math.max(at, Math.min(to, end))
      masked = to > end ? to : 0
    }
    if (at < end) pieces.push(bytes.subarray(at, end))
    this.#held = Buffer.from(bytes.subarray(end))
    this.#masked = Math.max(0, masked - end)
    return Buffer.concat(pieces)
  }

  /** Where secrets stand, in order; those that overlap are one. */
  #places(bytes: Buffer, masked: number): [from: number, to: number][] {
    const places: [number, number][] = masked > 0 ? [[0, masked]] : []
    for (const [from, to] of this.#forms.found(bytes)) {
      const last = places.at(-1)
      if (last !== undefined && from < last[1]) last[1] = Math.max(last[1], to)
      else places.push([from, to])
    }
    return places
  }
}

/** Of a text that is whole. */
export function maskedText(forms: readonly Uint8Array[], text: string): string {
  const masker = new Masker(forms)
  const pieces = [masker.push(Buffer.from(text)), masker.end()]
  return Buffer.concat(pieces).toString()
}
