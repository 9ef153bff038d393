/** Which parts of a benchmark are wanted: some, by their names, or all. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

/** In the order of `all`. Throws where there is none of a name; `what` they are all called. */
export function wantedIn<Name extends string>(
  only: string,
  all: readonly Name[],
  what: string,
): readonly Name[] {
  const wanted = only
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const unknown = wanted.find((name) => !all.some((known) => known === name))
  if (unknown !== undefined) {
    throw new Problem({
      code: 'unknownName',
      why: `there is no ${what} named ${unknown}`,
      fix: `name some of: ${all.join(', ')}`,
      exitCode: exitCodes.usage,
    })
  }
  return all.filter((name) => wanted.length === 0 || wanted.includes(name))
}
