/** The stage that somebody names: one that the workflow does not have is a slip, and told at once. */
import { nearest } from '../../protocol/nearest.ts'
import { ApiRefusal } from '../api/refusal.ts'

export function stageNamed<S extends { readonly name: string }>(
  name: string,
  stages: readonly S[],
): S {
  const found = stages.find((stage) => stage.name === name)
  if (found !== undefined) return found
  const names = stages.map((stage) => stage.name)
  const fix = itemFix(name, names) ?? guessFix(nearest(name, names))
  throw new ApiRefusal('notFound', `the workflow has no stage ${JSON.stringify(name)}`, fix)
}

/** Items have no name of their own, though they are shown as if they had. */
function itemFix(name: string, names: readonly string[]): string | undefined {
  const [, stem = '', item] = /^(.+)\[(\d+)\]$/.exec(name) ?? []
  if (!names.includes(stem)) return undefined
  return `name its stage, ${stem}: logs and explain take --item ${item}, and a retry does all its items again`
}

function guessFix(guess: string | undefined): string {
  return guess === undefined ? 'skein runs show lists the stages' : `did you mean ${guess}?`
}
