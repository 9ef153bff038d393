/** The routes of the key of secrets: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const names = z.array(z.string())

export const SecretsKey = z.object({
  id: z.string().describe('Of the key of now, made of the key itself; it tells nothing of it'),
  madeMs: z.number().describe('By the calendar; 0 where nobody has written it down'),
  by: z.string(),
  why: z.string(),
  was: z
    .string()
    .optional()
    .describe('Id of the key before, as long as something may stand under it'),
  left: z.number().describe('Values in the ledger that still stand under the key before'),
  kept: z.number().describe('Values in the ledger under either'),
  holders: names.describe('Hosts with a copy in the ledger, sealed to them'),
  former: names.describe('Hosts that had one and vote no more'),
  revoked: names.describe('Hosts that have or had one and were revoked: another key is on its way'),
  read: z
    .object({
      secrets: names.describe('By name'),
      issuing: z.boolean(),
      swarm: z.boolean(),
    })
    .describe(
      'What stood under a key before and was not set anew: whoever had that key may know it',
    ),
})
export type SecretsKey = z.infer<typeof SecretsKey>

export const secretKeyRoutes = {
  rotateSecretsKey: {
    ...routePaths.rotateSecretsKey,
    summary:
      'Seal all secrets under another key, which only voters of now have; `keys` tells how far it is',
    response: z.object({ schemaVersion, was: z.string().describe('Id of the key of now') }),
  },
} as const
