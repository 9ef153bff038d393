/**
 * Durations and sizes as people write them: `500ms`, `1h30m`, `64MiB`. A number without a unit is
 * refused, because nobody remembers whether it meant seconds. What `format…` writes, `parse…`
 * reads back to the same number.
 */
export type Parsed<T> = { ok: true; value: T } | { ok: false; why: string }

/** From long to short; a compound duration names them in this order. */
const durationUnits = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

/** Decimal units are read because disks are sold in them, but only binary ones are written. */
const sizeUnits = {
  TiB: 2 ** 40,
  GiB: 2 ** 30,
  MiB: 2 ** 20,
  KiB: 2 ** 10,
  B: 1,
  TB: 1e12,
  GB: 1e9,
  MB: 1e6,
  kB: 1e3,
} as const

/** Longer than any sensible value; keeps hostile text away from the pattern. */
const textLengthMax = 40

/** Whole milliseconds. */
export function parseDuration(text: string): Parsed<number> {
  const bare = refuseBareNumber(text, '500ms, 10s, 5m, 1h, 7d or 1h30m')
  if (bare) return bare
  const order = Object.keys(durationUnits)
  let totalMs = 0
  let last = -1
  let rest = text
  while (rest !== '' && text.length <= textLengthMax) {
    const part = /^(\d+(?:\.\d+)?)(ms|[dhms])/.exec(rest)
    const unit = order.indexOf(part?.[2] ?? '')
    if (part === null || unit <= last) break
    totalMs += Number(part[1]) * durationUnits[order[unit] as keyof typeof durationUnits]
    last = unit
    rest = rest.slice(part[0].length)
  }
  if (rest !== '' || text === '') {
    return { ok: false, why: `${show(text)} is no duration: write 500ms, 10s, 5m, 1h, 7d or 1h30m` }
  }
  return whole(text, totalMs, 'milliseconds')
}

/** Whole bytes. */
export function parseBytes(text: string): Parsed<number> {
  const bare = refuseBareNumber(text, '512B, 64MiB or 2GiB')
  if (bare) return bare
  const part = text.length > textLengthMax ? null : /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text)
  const unit = part?.[2] ?? ''
  if (part === null || !Object.hasOwn(sizeUnits, unit)) {
    const units = 'B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB for powers of ten'
    return { ok: false, why: `${show(text)} is no size: write a number and one of ${units}` }
  }
  return whole(text, Number(part[1]) * sizeUnits[unit as keyof typeof sizeUnits], 'bytes')
}

export function formatDuration(ms: number): string {
  let text = ''
  let rest = ms
  for (const [unit, size] of Object.entries(durationUnits)) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text === '' ? '0ms' : text
}

/** Exact: the largest binary unit that leaves no remainder. */
export function formatBytes(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    if (bytes >= sizeUnits[unit] && bytes % sizeUnits[unit] === 0) {
      return `${bytes / sizeUnits[unit]}${unit}`
    }
  }
  return `${bytes}B`
}

function refuseBareNumber(text: string, examples: string): { ok: false; why: string } | undefined {
  if (!/^\d{1,20}(\.\d{1,20})?$/.test(text)) return undefined
  return { ok: false, why: `${text} has no unit: write ${examples}` }
}

function whole(text: string, value: number, unit: string): Parsed<number> {
  // Fractions are for people (1.5h); what is left after the unit is applied must be whole, within
  // what binary fractions can be trusted with.
  const rounded = Math.round(value)
  if (Math.abs(value - rounded) > 1e-6) {
    return { ok: false, why: `${show(text)} is not a whole number of ${unit}` }
  }
  if (!Number.isSafeInteger(rounded)) return { ok: false, why: `${show(text)} is too large` }
  return { ok: true, value: rounded }
}

function show(text: string): string {
  return JSON.stringify(text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text)
}
