/** Reading the kernel's text files: lines, columns and numbers, with nothing assumed present. */

/** The lines that are complete: what follows the last line break may have been cut off. */
export function lines(text: string): string[] {
  const all = text.split('\n')
  all.pop()
  return all
}

export function columns(line: string): string[] {
  return line.trim().split(/\s+/)
}

/** A whole or decimal number, or undefined for anything else. */
export function number(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** Names like `0-3,8,10-11`, as cpusets are written. */
export function numberList(text: string): number[] {
  const found: number[] = []
  for (const part of text.trim().split(',')) {
    const [first, last = first] = part.split('-').map(number)
    if (first === undefined || last === undefined) continue
    for (let n = first; n <= last; n++) found.push(n)
  }
  return found
}
