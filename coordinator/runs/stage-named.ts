/** The stage that somebody names: one that the workflow does not have is a slip, and told at once. */
import { nearest } from '../../protocol/nearest.ts'
import { ApiRefusal } from '../api/refusal.ts'

export function stageNamed<S extends { readonly name: string }>(
  name: string,
  stages: readonly S[],
): S {
  const found = stages.find((stage) => stage.name === name)
  if (found !== undefined) return found
  const guess = nearest(
    name,
    stages.map((stage) => stage.name),
  )
  const fix = guess === undefined ? 'skein runs show lists the stages' : `did you mean ${guess}?`
  throw new ApiRefusal('notFound', `the workflow has no stage ${JSON.stringify(name)}`, fix)
}
