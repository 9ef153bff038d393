/** The routes of the mesh's own keys: a part of the table in `routes.ts`. None of them tells a secret. */
import * as z from 'zod'
import { certificateLimits, sealingLimits } from '../../protocol/identity/limits.ts'
import { routePaths } from './route-paths.ts'
import { SecretsKey } from './secret-key-routes.ts'
import { SwarmRotation } from './swarm-key-routes.ts'

const schemaVersion = z.literal(1)

/** With its certificate, sealed. */
const sealedLettersMax = 2 * (certificateLimits.bodyBytesMax + 8 * sealingLimits.chanceBytes)
const credentialLettersMax = 16 * 1024

const IssuingKey = z.object({
  serial: z.string().describe('Of the certificate by which the root made it one'),
  id: z.string().describe('The public key, as an id'),
  sinceMs: z.number().describe('By the calendar'),
  untilMs: z.number().describe('By the calendar'),
  revoked: z.boolean(),
  retiring: z
    .boolean()
    .default(false)
    .describe('Another is in its place; what it has made is believed until it is revoked'),
  hosts: z.array(z.string()).describe('Names of those whose certificates hang on it'),
  people: z
    .array(z.string())
    .default([])
    .describe('People in the ledger whose certificates hang on it'),
})

export const KeyList = z.object({
  schemaVersion,
  mesh: z.string().describe('The hash of the root’s public key'),
  root: z.string().optional().describe('The root’s public key, as an id'),
  leader: z.string().optional().describe('Id of the node that makes certificates now'),
  issuers: z.array(IssuingKey),
  byRoot: z.array(z.string()).describe('Hosts whose certificates the root has signed itself'),
  unseen: z
    .array(z.string())
    .describe('Hosts that have not shown the answering agent a certificate since it began'),
  swarm: z.string().optional().describe('Fingerprint of the swarm key that this agent dials with'),
  rotation: SwarmRotation.optional().describe(
    'The last rotation of the swarm key, as whoever leads tells it; absent where there was none, or nobody leads',
  ),
  secrets: SecretsKey.optional().describe(
    'The key under which secrets are sealed, and what else only voters open; absent before the first',
  ),
})

const nodeParameter = z.strictObject({
  node: z
    .string()
    .min(1)
    .max(128)
    .meta({ description: 'Who leads, by id', examples: ['n1'] }),
})

export const Reception = z.object({
  schemaVersion,
  credential: z.string().describe('Of the node, encoded, in base64url'),
  sealing: z.string().describe('Public key (X25519), in base64url'),
  signature: z.string().describe('Of the node, over that key, in base64url'),
})

const NewIssuer = z
  .strictObject({
    sealed: z
      .string()
      .min(1)
      .max(sealedLettersMax)
      .describe('The key with its certificate, sealed to the node, in base64url'),
  })
  .meta({ examples: [{ sealed: 'AAAA' }] })

const Retirement = z
  .strictObject({
    reason: z.string().max(200).default(''),
    force: z
      .boolean()
      .default(false)
      .describe('Also where hosts or people hang on it, who are turned away from then on'),
  })
  .meta({ examples: [{ reason: 'rotated' }] })

const serialParameter = z.strictObject({
  serial: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .meta({ description: 'Of the issuing key’s certificate', examples: ['0'.repeat(32)] }),
})

export const Renewed = z.object({
  schemaVersion,
  credential: z.string().describe('In the place of the one of now, encoded, in base64url'),
})

export const keyRoutes = {
  keys: {
    ...routePaths.keys,
    summary: 'Which keys the mesh rests on, and who hangs on each',
    response: KeyList,
  },
  issuingReception: {
    ...routePaths.issuingReception,
    summary: 'To what a new issuing key is sealed for that node, signed by it',
    parameters: nodeParameter,
    response: Reception,
  },
  rotateIssuer: {
    ...routePaths.rotateIssuer,
    summary: 'Put another issuing key in the place of the one of now, at whoever leads',
    parameters: nodeParameter,
    body: NewIssuer,
    response: KeyList,
  },
  retireIssuer: {
    ...routePaths.retireIssuer,
    summary: 'Take back the certificate of an issuing key in whose place another is',
    parameters: serialParameter,
    body: Retirement,
    response: KeyList,
  },
  renewUser: {
    ...routePaths.renewUser,
    summary: 'Your own certificate by the issuing key of now, where yours hangs on one before',
    parameters: nodeParameter,
    body: z
      .strictObject({
        credential: z.string().min(1).max(credentialLettersMax).describe('As it is now'),
      })
      .meta({ examples: [{ credential: 'CgA' }] }),
    response: Renewed,
  },
} as const
