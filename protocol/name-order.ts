/**
 * Names as people order them: numbers in them by what they count, so that `n2` comes before `n10`,
 * and letters of either case together. Done here and not by the runtime's collation, because the
 * first comparison of that brings the tables of all languages into memory: three MiB on every host.
 */

/** A run of digits, or of anything else. */
const run = /\d+|\D+/g

export function compareNames(a: string, b: string): number {
  const ours = a.toLowerCase().match(run) ?? []
  const theirs = b.toLowerCase().match(run) ?? []
  for (const [i, part] of ours.entries()) {
    const other = theirs[i]
    // All that is before is the same, so the shorter name comes first.
    if (other === undefined) return 1
    const order = compareRuns(part, other)
    if (order !== 0) return order
  }
  if (ours.length < theirs.length) return -1
  return compareTexts(a, b)
}

function compareRuns(a: string, b: string): number {
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
    if (x.length !== y.length) return x.length - y.length
    return compareTexts(x, y)
  }
  return compareTexts(a, b)
}

function isNumber(run: string): boolean {
  return run[0]! >= '0' && run[0]! <= '9'
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
