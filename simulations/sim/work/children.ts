/**
 * Workflows that stages start by name. There is more than one text for each name, and people publish
 * now this and now that, while runs of the one before go on. What the work is, each is told.
 */
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import { PROGRAM } from './programs.ts'
import { expression } from './sketch.ts'

export const CHILD = 'child'
const GRANDCHILD = 'grandchild'

const told = [PROGRAM, expression('inputs.does'), expression('inputs.for')]
const work = { run: told, timeout: '20s', retry: { attempts: 2, initial: '100ms' } }

function text(name: string, stages: Json, more: Record<string, Json> = {}): string {
  return JSON.stringify({
    apiVersion: 'skein/v1',
    kind: 'Workflow',
    name,
    inputs: { does: 'string', for: 'string' },
    outputs: { v: expression('stages.work.outputs.v') },
    stages,
    ...more,
  })
}

/** By name; of each name the first is published before anybody starts anything. */
export const childTexts: Readonly<Record<string, readonly string[]>> = {
  [CHILD]: [
    text(CHILD, { work }),
    text(
      CHILD,
      { work, rests: { wait: '300ms', needs: ['work'] } },
      { finally: { tidies: { run: [PROGRAM, 'takes', '60'], timeout: '20s' } } },
    ),
    text(CHILD, {
      work: {
        workflow: GRANDCHILD,
        with: { does: expression('inputs.does'), for: expression('inputs.for') },
      },
    }),
  ],
  [GRANDCHILD]: [
    text(GRANDCHILD, { work }),
    text(GRANDCHILD, { work }, { concurrency: { key: 'brood', limit: 1 } }),
  ],
}
