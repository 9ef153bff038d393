/** Many names of stages in one text, with a slash between them: no name has one. */
export function joinStages(names: readonly string[]): string {
  return names.join('/')
}

export function stagesIn(names: string): string[] {
  return names.split('/')
}

/** How many there are, without taking them apart. */
export function countStages(names: string): number {
  let count = 1
  for (let at = names.indexOf('/'); at >= 0; at = names.indexOf('/', at + 1)) count++
  return count
}
