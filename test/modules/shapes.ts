/** Random graphs of parts without circles: each may need only parts of a lower number. */
import fc from 'fast-check'

export interface Shape {
  name: string
  priority: number
  needs: string[]
}

export const graphShapes: fc.Arbitrary<Shape[]> = fc
  .array(
    fc.record({
      priority: fc.integer({ min: 1, max: 4 }),
      needs: fc.array(fc.nat(), { maxLength: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((drafts) =>
    drafts.map(({ priority, needs }, i) => ({
      // Names run against the numbers, so that an order by name would not do by accident.
      name: nameOf(i),
      priority,
      needs: i === 0 ? [] : [...new Set(needs.map((n) => nameOf(n % i)))],
    })),
  )

const nameOf = (i: number) => String.fromCharCode('z'.charCodeAt(0) - i)
