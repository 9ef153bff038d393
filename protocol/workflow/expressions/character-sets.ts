/** Sets of characters, as ranges of code points, and those that patterns know by name. */
/** Pairs of first and last code point, sorted, without overlap. */
export type Ranges = readonly (readonly [number, number])[]

export const POINT_MAX = 0x10ffff
const digits: Ranges = [[0x30, 0x39]]
const words: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const spaces: Ranges = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
]
export const classes: Readonly<Record<string, Ranges>> = {
  d: digits,
  w: words,
  s: spaces,
  D: inverted(digits),
  W: inverted(words),
  S: inverted(spaces),
}
export const named: Readonly<Record<string, Ranges>> = {
  alnum: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  alpha: [
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  digit: digits,
  lower: [[0x61, 0x7a]],
  upper: [[0x41, 0x5a]],
  space: [
    [0x09, 0x0d],
    [0x20, 0x20],
  ],
  punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  word: words,
  xdigit: [
    [0x30, 0x39],
    [0x41, 0x46],
    [0x61, 0x66],
  ],
}
export function inverted(ranges: Ranges): Ranges {
  const result: [number, number][] = []
  let next = 0
  for (const [first, last] of merged(ranges)) {
    if (first > next) result.push([next, first - 1])
    next = last + 1
  }
  if (next <= POINT_MAX) result.push([next, POINT_MAX])
  return result
}

export function merged(ranges: Ranges): Ranges {
  const result: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = result.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else result.push([first, last])
  }
  return result
}

/** Both cases of the letters of ASCII; others stay as they are. */
export function anyCase(ranges: Ranges): Ranges {
  const more: [number, number][] = ranges.map(([first, last]) => [first, last])
  for (const [first, last] of ranges) {
    const upper = [Math.max(first, 0x41), Math.min(last, 0x5a)] as const
    const lower = [Math.max(first, 0x61), Math.min(last, 0x7a)] as const
    if (upper[0] <= upper[1]) more.push([upper[0] + 32, upper[1] + 32])
    if (lower[0] <= lower[1]) more.push([lower[0] - 32, lower[1] - 32])
  }
  return merged(more)
}
