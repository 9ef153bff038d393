import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Share, secretIn, sharesOf } from '../../models/federation/masking/shamir.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const dealt = fc
  .record({ needed: fc.integer({ min: 1, max: 9 }), more: fc.integer({ min: 0, max: 6 }) })
  .chain(({ needed, more }) =>
    fc.record({
      needed: fc.constant(needed),
      count: fc.constant(needed + more),
      secret: bytes(32),
      chance: bytes(32 * (needed - 1)),
      order: fc.infiniteStream(fc.integer({ min: 0, max: 1_000 })),
    }),
  )

test('any shares that are enough give the secret back', () => {
  fc.assert(
    fc.property(dealt, ({ needed, count, secret, chance, order }) => {
      const shares = sharesOf(secret, needed, count, chance)
      const shuffled = shares
        .map((share) => [order.next().value as number, share] as const)
        .sort(([a], [b]) => a - b)
        .map(([, share]) => share)
      assert.deepEqual(secretIn(shuffled.slice(0, needed)), secret)
      assert.deepEqual(secretIn(shuffled), secret)
    }),
  )
})

test('one share too few fits every secret equally well', () => {
  // Two of three needed shares are fixed: for each secret of one byte there is one third share.
  const chance = Uint8Array.of(17, 201)
  const [first, second] = sharesOf(Uint8Array.of(99), 3, 3, chance) as [Share, Share, Share]
  const secrets = new Set<number>()
  for (let value = 0; value < 256; value++) {
    secrets.add(secretIn([first, second, { at: 3, bytes: Uint8Array.of(value) }])[0] as number)
  }
  assert.equal(secrets.size, 256)
})

test('a false share among more than enough gives another secret, so that it can be found out', () => {
  const secret = new Uint8Array(32).fill(5)
  const shares = sharesOf(secret, 3, 5, new Uint8Array(64).fill(9))
  const [first, ...rest] = shares as [Share, ...Share[]]
  const changed = { ...first, bytes: first.bytes.with(0, (first.bytes[0] as number) ^ 1) }
  assert.notDeepEqual(secretIn([changed, ...rest]), secret)
})
