/** The routes of the mesh's own keys: a part of the table in `routes.ts`. None of them tells a secret. */
import * as z from 'zod'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)

const IssuingKey = z.object({
  serial: z.string().describe('Of the certificate by which the root made it one'),
  id: z.string().describe('The public key, as an id'),
  sinceMs: z.number().describe('By the calendar'),
  untilMs: z.number().describe('By the calendar'),
  revoked: z.boolean(),
  hosts: z.array(z.string()).describe('Names of those whose certificates hang on it'),
})

export const KeyList = z.object({
  schemaVersion,
  mesh: z.string().describe('The hash of the root’s public key'),
  root: z.string().optional().describe('The root’s public key, as an id'),
  issuers: z.array(IssuingKey),
  byRoot: z.array(z.string()).describe('Hosts whose certificates the root has signed itself'),
  unseen: z
    .array(z.string())
    .describe('Hosts that have not shown the answering agent a certificate since it began'),
  swarm: z.string().optional().describe('Fingerprint of the swarm key that this agent uses'),
})

export const keyRoutes = {
  keys: {
    ...routePaths.keys,
    summary: 'Which keys the mesh rests on, and which hosts hang on each',
    response: KeyList,
  },
} as const
