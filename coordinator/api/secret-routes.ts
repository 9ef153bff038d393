/** The routes of secrets: a part of the table in `routes.ts`. None of them tells a value. */
import * as z from 'zod'
import { secretLimits } from '../secrets/limits.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const secretParameter = z.strictObject({
  secret: z
    .string()
    .max(secretLimits.nameBytesMax)
    .regex(
      /^[A-Za-z][A-Za-z0-9_./-]*$/,
      'a name begins with a letter, and has letters, digits and _ . / - after it',
    )
    .meta({ description: 'As workflows name it', examples: ['registry'] }),
})

export const SecretList = z.object({
  schemaVersion,
  secrets: z.array(
    z.object({
      name: z.string(),
      by: z.string(),
      atMs: z.number().describe('Set for the last time'),
      resealed: z
        .boolean()
        .default(false)
        .describe('Stood under another key of secrets before: whoever had that one may know it'),
    }),
  ),
})

export const secretRoutes = {
  secrets: {
    ...routePaths.secrets,
    summary: 'Secrets by name; their values are told to nobody',
    response: SecretList,
  },
  setSecret: {
    ...routePaths.setSecret,
    summary: 'Set a secret, or change its value',
    parameters: secretParameter,
    body: z
      .strictObject({
        value: z
          .base64()
          .max(Math.ceil(secretLimits.valueBytesMax / 3) * 4)
          .describe('As base64: text in UTF-8 where a variable is to hold it, or anything'),
      })
      .meta({ examples: [{ value: 'c2VjcmV0IHZhbHVl' }] }),
    response: z.object({ schemaVersion, done: z.literal(true) }),
  },
  removeSecret: {
    ...routePaths.removeSecret,
    summary: 'Remove a secret; stages that name it fail from then on',
    parameters: secretParameter,
    response: z.object({ schemaVersion, done: z.literal(true) }),
  },
} as const
