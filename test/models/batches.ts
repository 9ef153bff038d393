/** Rows of each stage on each host, one stage after the other, with numbers of any kind. */
import fc from 'fast-check'

const parts = ['stage', 'host', 'pair', 'same'] as const
type Part = (typeof parts)[number]

/** What each feature is of is said. */
export interface Batch {
  readonly stages: number
  readonly hosts: number
  readonly of: readonly Part[]
  readonly rows: Float32Array
}

const number = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(-1, -0.5, 0, 0.25, 0.5, 1) },
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -0),
  fc.float(),
)

export function anyBatch(features: number): fc.Arbitrary<Batch> {
  const size = fc.integer({ min: 1, max: 9 })
  const of = fc.array(fc.constantFrom(...parts), { minLength: features, maxLength: features })
  return fc.tuple(size, size, of, fc.infiniteStream(number)).map(([stages, hosts, parted, all]) => {
    const drawn = new Map<string, number>()
    const valueAt = (feature: number, stage: number, host: number): number => {
      const keys = { stage: `${stage} -`, host: `- ${host}`, pair: `${stage} ${host}`, same: '-' }
      const key = `${feature} ${keys[parted[feature] as Part]}`
      const known = drawn.get(key)
      if (known !== undefined) return known
      const value = all.next().value as number
      drawn.set(key, value)
      return value
    }
    const rows = Float32Array.from({ length: stages * hosts * features }, (_, i) => {
      const row = Math.floor(i / features)
      return valueAt(i % features, Math.floor(row / hosts), row % hosts)
    })
    return { stages, hosts, of: parted, rows }
  })
}
