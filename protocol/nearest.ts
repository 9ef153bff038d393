/**
 * The word that somebody probably meant. Distance is Damerau–Levenshtein with adjacent swaps
 * (optimal string alignment), bounded so that only a likely slip is suggested: a wrong suggestion
 * is worse than none.
 */

/** Longer words are answered with no suggestion: the work grows with the product of the lengths. */
const wordLengthMax = 64

/** One slip in a short word, and one more for every four letters. */
function slipsAllowed(word: string): number {
  return 1 + Math.floor(word.length / 4)
}

/** The closest candidate, the first of equals, or nothing when none is close. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word === '' || word.length > wordLengthMax) return undefined
  const asked = word.toLowerCase()
  let best: string | undefined
  let bestDistance = slipsAllowed(word) + 1
  for (const candidate of candidates) {
    if (candidate.length > wordLengthMax) continue
    const distance = editDistance(asked, candidate.toLowerCase(), bestDistance - 1)
    // A distance that replaces the whole of a short word is no likeness.
    if (distance < bestDistance && distance < Math.max(word.length, candidate.length)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, substitutions and adjacent swaps from `a` to `b`; `max` + 1 when more. */
export function editDistance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1
  let twoBack: number[] = []
  let back = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(back[j]! + 1, row[j - 1]! + 1, back[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, twoBack[j - 2]! + 1)
      row.push(cost)
    }
    if (Math.min(...row) > max && Math.min(...back) > max) return max + 1
    twoBack = back
    back = row
  }
  return Math.min(back[b.length]!, max + 1)
}
