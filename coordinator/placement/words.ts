/** Figures as explanations say them. */
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Exact where it is short, else to a tenth. */
export function size(bytes: number): string {
  let unit = 0
  let scaled = Math.max(0, bytes)
  while (scaled >= 1_024 && unit < units.length - 1) {
    scaled /= 1_024
    unit++
  }
  return `${unit === 0 ? Math.round(scaled) : Number(scaled.toFixed(1))} ${units[unit]}`
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${Number(number.toFixed(2))} ${number === 1 ? one : many}`
}

export function share(part: number): string {
  return `${Math.round(100 * part)}%`
}

export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`
}

/** `a`, `a or b`, `a, b or c`. */
export function anyOf(words: readonly string[], wordsMax = 8): string {
  const shown = words.slice(0, wordsMax).map((word) => JSON.stringify(word))
  if (words.length > wordsMax) return `${shown.join(', ')} or ${words.length - wordsMax} more`
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`
}
