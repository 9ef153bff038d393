/** The routes of emergency stops: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { EstopHeard, EstopState, EstopWord } from './estop-schemas.ts'
import { routePaths } from './route-paths.ts'

export const estopRoutes = {
  estop: {
    ...routePaths.estop,
    summary: 'Emergency stops in force, who has obeyed, and what a new word has to say',
    query: z.strictObject({
      scope: z
        .string()
        .max(256)
        .default('mesh')
        .meta({ examples: ['mesh'] }),
      word: z
        .string()
        .max(64)
        .optional()
        .meta({ examples: ['0'.repeat(32)] }),
    }),
    response: EstopState,
  },
  sayStop: {
    ...routePaths.sayStop,
    summary: 'Raise or release an emergency stop, by a word that a person has signed',
    body: EstopWord,
    response: EstopHeard,
  },
} as const
