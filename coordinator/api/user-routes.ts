/** The routes of people: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)

const User = z.object({
  name: z.string(),
  id: z.string().describe('The public key, as an id'),
  roles: z.array(z.string()),
  serial: z.string().describe('Of the certificate'),
  notAfterMs: z.number().describe('Its end, by the calendar'),
  revoked: z.boolean(),
})

export const UserList = z.object({ schemaVersion, users: z.array(User) })

export const UserAdd = z
  .strictObject({
    credential: z
      .string()
      .min(1)
      .max(16 * 1024)
      .describe('Certificate of the person and of the issuing key, encoded, in base64url'),
    replaces: z
      .boolean()
      .default(false)
      .describe('It takes the place of the one that the person had, which is revoked'),
  })
  .meta({ examples: [{ credential: 'CgA', replaces: false }] })

export const UserRevoke = z
  .strictObject({ reason: z.string().max(200).default('') })
  .meta({ examples: [{ reason: 'left' }] })

const userParameter = z.strictObject({
  user: z
    .string()
    .min(1)
    .max(128)
    .meta({ description: 'Name, or the serial of a certificate', examples: ['ada'] }),
})

export const userRoutes = {
  users: {
    ...routePaths.users,
    summary: 'People whose certificates the ledger holds',
    response: UserList,
  },
  addUser: {
    ...routePaths.addUser,
    summary: 'Record a person whom an issuing key, or the root, has certified',
    body: UserAdd,
    response: UserList,
  },
  revokeUser: {
    ...routePaths.revokeUser,
    summary: 'Take a certificate back: every agent that hears of it turns its holder away',
    parameters: userParameter,
    body: UserRevoke,
    response: UserList,
  },
} as const
