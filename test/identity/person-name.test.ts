/** Whoever may be called something can be certified by that name, and nobody else is called so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { grantIn, issueCertificate } from '../../protocol/identity/certificate.ts'
import { certificateLimits } from '../../protocol/identity/limits.ts'
import { faultOfPersonName } from '../../protocol/identity/person-name.ts'
import { ada, grantOf, issuer } from './parties.ts'

test('a name that is good is read from a certificate as it was written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (name) => {
      if (faultOfPersonName(name) !== undefined) return
      const certificate = issueCertificate(grantOf(ada, { kind: 'person', name }), issuer)
      assert.equal(grantIn(certificate)?.name, name)
    }),
  )
})

test('names that nobody can see, tell apart or keep are none, and it is said why', () => {
  const { nameBytesMax } = certificateLimits
  const cases: [string, RegExp | undefined][] = [
    ['ada', undefined],
    ['Ада Лавлейс', undefined],
    ['a b;$(x)', undefined],
    ['x'.repeat(nameBytesMax), undefined],
    ['', /empty/],
    [' \t', /empty/],
    ['ada ', /space/],
    ['ada\nbob', /cannot be seen/],
    ['ada\u001b[31m', /cannot be seen/],
    ['ada\u202ebob', /cannot be seen/],
    ['ada\u200b', /cannot be seen/],
    ['é'.repeat(nameBytesMax), /has 256 bytes, and can have 128/],
  ]
  for (const [name, why] of cases) {
    const fault = faultOfPersonName(name)
    if (why === undefined) assert.equal(fault, undefined, name)
    else assert.match(fault ?? '', why, JSON.stringify(name))
  }
})
