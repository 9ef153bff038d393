/** The routes of the swarm key: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const madeMs = z.number().describe('Of the key that it was asked about; 0 for the first one')

const swarmStep = z.enum(['taken', 'dialled', 'alone'])

export const SwarmRotation = z.object({
  madeMs: z.number().describe('When the key was made, by the calendar; tells it from others'),
  step: swarmStep.describe(
    'taken: all hosts get to take the new key; dialled: they dial with it, and make their connections anew; alone: the old one is taken no more',
  ),
  sinceMs: z.number().describe('In this step, by the calendar'),
  by: z.string(),
  was: z.string().describe('Fingerprint of the old key'),
  now: z.string().describe('Fingerprint of the new key'),
  hosts: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      here: z.boolean().describe('Whether it can be reached'),
      has: z
        .union([swarmStep, z.enum(['none', 'unknown'])])
        .describe('How far it has come; `none`: it has not the new key'),
      older: z.number().describe('Connections that it has not made anew yet'),
      done: z.boolean().describe('Whether nothing is left for it to do in this step'),
    }),
  ),
})
export type SwarmRotation = z.infer<typeof SwarmRotation>

export const swarmKeyRoutes = {
  rotateSwarmKey: {
    ...routePaths.rotateSwarmKey,
    summary: 'Bring the mesh over to another swarm key; `keys` tells how far it is',
    response: z.object({ schemaVersion, was: madeMs }),
  },
  finishSwarmKey: {
    ...routePaths.finishSwarmKey,
    summary: 'Drop the old swarm key, without waiting for hosts that have not come over',
    response: z.object({ schemaVersion, madeMs }),
  },
  copySwarmKey: {
    ...routePaths.copySwarmKey,
    summary: 'The swarm key that every host takes now, sealed to whoever asks',
    body: z
      .strictObject({
        sealing: z
          .string()
          .regex(/^[A-Za-z0-9_-]{43}$/)
          .describe('Public key (X25519), in base64url, to which it is sealed'),
      })
      .meta({ examples: [{ sealing: 'A'.repeat(43) }] }),
    response: z.object({ schemaVersion, sealed: z.string().describe('In base64url') }),
  },
} as const
