/** What a stage says goes out without the secrets that it was given, however it says them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formsOf, Masker, maskedText } from '../../agent/work/secrets/masker.ts'

/** The same, of a text that is whole, and as dumb as can be: which letters stand in any secret. */
function oracle(forms: readonly Uint8Array[], bytes: Buffer): string {
  const owner = new Array<number>(bytes.length).fill(0)
  const places: [number, number][] = []
  for (let at = 0; at < bytes.length; at++) {
    let longest = 0
    for (const form of forms) {
      const there = bytes.subarray(at, at + form.length)
      if (there.equals(Buffer.from(form))) longest = Math.max(longest, form.length)
    }
    if (longest === 0) continue
    const last = places.at(-1)
    if (last !== undefined && at < last[1]) last[1] = Math.max(last[1], at + longest)
    else places.push([at, at + longest])
  }
  for (const [i, [from, to]] of places.entries()) owner.fill(i + 1, from, to)
  let text = ''
  for (let at = 0; at < bytes.length; at++) {
    if (owner[at] === 0) text += String.fromCharCode(bytes[at] as number)
    else if (owner[at] !== owner[at - 1]) text += '***'
  }
  return text
}

function streamed(forms: readonly Uint8Array[], pieces: readonly Uint8Array[]): string {
  const masker = new Masker(forms)
  const out = pieces.map((piece) => masker.push(piece))
  return Buffer.concat([...out, masker.end()]).toString('latin1')
}

test('however a stream is cut, the same goes out, and no byte of where a secret stands', () => {
  // Few letters, so that secrets overlap, touch and begin in one another.
  const word = fc
    .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 6 })
    .map((letters) => Buffer.from(letters.join('')))
  const pieces = fc.array(
    fc
      .array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 })
      .map((letters) => Buffer.from(letters.join(''))),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), pieces, (forms, cut) => {
      assert.equal(streamed(forms, cut), oracle(forms, Buffer.concat(cut)))
    }),
    { numRuns: 2_000 },
  )
})

test('a secret is found as it is, and in base64 wherever that begins, cut anywhere', () => {
  const value = fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme-ascii' })
  const around = fc.string({ maxLength: 9 })
  fc.assert(
    fc.property(value, around, around, fc.nat(200), (secret, before, after, cut) => {
      fc.pre(secret.trim().length >= 8)
      const forms = formsOf([Buffer.from(secret)])
      const inBase64 = Buffer.from(before + secret + after).toString('base64')
      for (const text of [before + secret + after, inBase64, encodeURIComponent(secret)]) {
        const bytes = Buffer.from(text)
        const said = streamed(forms, [bytes.subarray(0, cut), bytes.subarray(cut)])
        assert.ok(said.includes('***'), text)
        assert.ok(!said.includes(secret))
      }
    }),
  )
})

test('a line of a secret of several lines is masked by itself, and so is it in JSON', () => {
  const key = '-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END KEY-----'
  const forms = formsOf([Buffer.from(key)])
  assert.equal(maskedText(forms, 'line: MC4CAQAwBQYDK2VwBCIEIA!'), 'line: ***!')
  assert.equal(maskedText(forms, JSON.stringify({ key })), '{"key":"***"}')
})

test('a secret that is no text is masked, as it is and in base64', () => {
  const key = Buffer.from([0, 255, 254, 10, 13, 7, 9, 200, 201, 128, 0, 10])
  const forms = formsOf([key])
  const said = Buffer.concat([Buffer.from('it is '), key, Buffer.from('.')])
  assert.equal(streamed(forms, [said.subarray(0, 9), said.subarray(9)]), 'it is ***.')
  assert.match(maskedText(forms, said.toString('base64')), /\*\*\*/)
})

test('the end of its last line is no part of what is masked', () => {
  const forms = formsOf([Buffer.from('correct-horse\n')])
  assert.equal(maskedText(forms, 'correct-horse, correct-horse\n'), '***, ***\n')
})

test('what holds no secret goes out as it came, all of it', () => {
  const forms = formsOf([Buffer.from('correct horse battery')])
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 10 }), (pieces) => {
      const whole = Buffer.concat(pieces)
      fc.pre(forms.every((form) => !whole.includes(Buffer.from(form))))
      assert.equal(streamed(forms, pieces), whole.toString('latin1'))
    }),
  )
})
