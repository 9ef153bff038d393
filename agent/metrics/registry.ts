/**
 * What an agent counts about itself. Small on purpose: counters, gauges and histograms with fixed
 * bounds; no timer, no clock, no socket. Whoever scrapes causes the only work: gauges that mirror
 * something are read then (`onScrape`).
 *
 * Invariant: a family never holds more than `seriesPerFamilyMax` series, whatever its labels say.
 */
import { assert } from '../../protocol/assert.ts'
import { bucketsMax, familiesMax, labelValueLengthMax, seriesPerFamilyMax } from './limits.ts'

/** Base units, as OpenMetrics wants them. A name with a unit ends in it. */
export type Unit = 'seconds' | 'bytes' | 'ratio' | 'celsius'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface Described<L extends readonly string[]> {
  /** One sentence, without a full stop. */
  help: string
  unit?: Unit
  labels?: L
}

type Values<L extends readonly string[]> = { [I in keyof L]: string }

/** For label values beyond the limit. */
const other = 'other'

export class Counter {
  value = 0

  add(amount = 1): void {
    assert(amount >= 0, 'a counter never goes back', { amount })
    this.value += amount
  }
}

export class Gauge {
  value = 0

  set(value: number): void {
    this.value = value
  }
}

export class Histogram {
  /** Upper bounds, included, ascending; one more bucket takes what is above the last. */
  readonly bounds: readonly number[]
  /** Each bucket for itself, not cumulated. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    if (Number.isNaN(value)) return
    let bucket = 0
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++
    this.counts[bucket]!++
    this.sum += value
  }
}

/** All series of one name, told apart by their labels. */
export class Family<S, L extends readonly string[] = readonly string[]> {
  readonly kind: MetricKind
  readonly name: string
  readonly help: string
  readonly unit: Unit | undefined
  readonly labels: readonly string[]
  readonly #series = new Map<string, { values: readonly string[]; series: S }>()
  readonly #make: () => S
  readonly #overflowed: () => void

  constructor(
    kind: MetricKind,
    name: string,
    { help, unit, labels }: Described<L>,
    make: () => S,
    overflowed: () => void,
  ) {
    this.kind = kind
    this.name = name
    this.help = help
    this.unit = unit
    this.labels = labels ?? []
    this.#make = make
    this.#overflowed = overflowed
  }

  /** The series with these label values, in the order of the labels. Keep it where it is hot. */
  with(...values: Values<L>): S {
    const cut = (values as readonly string[]).map((value) => value.slice(0, labelValueLengthMax))
    assert(cut.length === this.labels.length, 'every label must have a value', { name: this.name })
    const key = JSON.stringify(cut)
    const known = this.#series.get(key)
    if (known !== undefined) return known.series
    // One place is kept for the series that takes what has none.
    if (this.labels.length > 0 && this.#series.size >= seriesPerFamilyMax - 1) {
      this.#overflowed()
      return this.#add(this.labels.map(() => other))
    }
    return this.#add(cut)
  }

  /** Forgets all series: for gauges whose labels come and go, before they are set again. */
  clear(): void {
    this.#series.clear()
  }

  series(): Iterable<{ values: readonly string[]; series: S }> {
    return this.#series.values()
  }

  #add(values: readonly string[]): S {
    const key = JSON.stringify(values)
    const entry = this.#series.get(key) ?? { values, series: this.#make() }
    this.#series.set(key, entry)
    return entry.series
  }
}

export type AnyFamily = Family<Counter> | Family<Gauge> | Family<Histogram>

const namePattern = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
/** Suffixes that OpenMetrics gives a meaning of their own. */
const reservedSuffix = /_(total|created|count|sum|bucket|info|gcount|gsum)$/

export class Metrics {
  readonly #families = new Map<string, AnyFamily>()
  readonly #scrapes: (() => void)[] = []
  readonly #overflow: Counter

  constructor() {
    const overflow = this.counter('skein_metric_series_refused', {
      help: 'Label values that were counted as other, because their metric has too many',
    })
    this.#overflow = overflow.with()
  }

  counter<const L extends readonly string[] = []>(
    name: string,
    described: Described<L>,
  ): Family<Counter, L> {
    return this.#add('counter', name, described, () => new Counter())
  }

  gauge<const L extends readonly string[] = []>(
    name: string,
    described: Described<L>,
  ): Family<Gauge, L> {
    return this.#add('gauge', name, described, () => new Gauge())
  }

  histogram<const L extends readonly string[] = []>(
    name: string,
    described: Described<L> & { bounds: readonly number[] },
  ): Family<Histogram, L> {
    const { bounds } = described
    const ascending = bounds.every(
      (bound, i) => Number.isFinite(bound) && !(bound <= bounds[i - 1]!),
    )
    assert(bounds.length > 0 && bounds.length <= bucketsMax && ascending, 'bounds must ascend', {
      name,
    })
    assert(!described.labels?.includes('le'), 'le is the label of the bounds', { name })
    return this.#add('histogram', name, described, () => new Histogram(bounds))
  }

  /** Called before every scrape, in the order given. For gauges that mirror something. */
  onScrape(read: () => void): void {
    this.#scrapes.push(read)
  }

  /** What there is to expose now, in the order of registration. */
  scrape(): Iterable<AnyFamily> {
    for (const read of this.#scrapes) read()
    return this.#families.values()
  }

  #add<S extends Counter | Gauge | Histogram, L extends readonly string[]>(
    kind: MetricKind,
    name: string,
    described: Described<L>,
    make: () => S,
  ): Family<S, L> {
    const { unit, labels = [] } = described
    assert(namePattern.test(name) && !reservedSuffix.test(name), 'a name must be lawful', { name })
    assert(!this.#families.has(name), 'a name must be used once', { name })
    assert(this.#families.size < familiesMax, 'there must be room for a family', { name })
    const unitLast = unit === undefined || name.endsWith(`_${unit}`)
    assert(unitLast, 'a name must end in its unit', { name, unit })
    const lawful = labels.every((label) => namePattern.test(label))
    assert(lawful && new Set(labels).size === labels.length, 'labels must be lawful', { name })
    const overflowed = () => this.#overflow.add()
    const family = new Family<S, L>(kind, name, described, make, overflowed)
    this.#families.set(name, family as unknown as AnyFamily)
    return family
  }
}
