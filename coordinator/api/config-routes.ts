/** The routes of the mesh's configuration: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { configLimits } from '../config/limits.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const { keysMax, keyBytesMax, valueBytesMax, versionsMax } = configLimits
const timeMs = z.number().describe('By the calendar, in milliseconds since 1970')
const key = z.string().describe('As in the configuration of an agent: `log.level`')
const number = z.int().min(0).describe('Versions are counted from 1; 0: nothing was ever set')
const source = z
  .enum(['default', 'mesh', 'file', 'env', 'flag'])
  .describe('Where it is said: each goes before those to the left of it')
const applies = z
  .enum(['live', 'restart'])
  .describe('live: a running agent obeys at once; restart: when it starts the next time')

const Next = z.object({ value: z.string(), source })

const KeyOfNode = z.object({
  key,
  value: z.string().describe('In force'),
  source,
  where: z.string().describe('The very place'),
  applies: applies.optional().describe('Absent: each host’s own, and not set for the mesh'),
  next: Next.optional().describe('From its next start on'),
})

const Left = z
  .object({
    key,
    kind: z.enum(['unknown', 'refused', 'clash', 'failed']),
    why: z.string(),
  })
  .describe('Set for the mesh, and not taken by this host')

export const NodeConfig = z.object({
  schemaVersion,
  node: z.string().describe('Name of the host'),
  version: number.describe('That it has taken'),
  keys: z.array(KeyOfNode),
  left: z.array(Left),
  unkept: z.string().optional().describe('Why the version is not on its disk'),
})
export type NodeConfig = z.infer<typeof NodeConfig>

const HostConfig = z.object({
  id: z.string(),
  name: z.string(),
  state: z
    .enum(['inForce', 'behind', 'silent', 'away'])
    .describe(
      'behind: it has not taken the version yet; silent: it does not answer; away: it is not there, and takes it when it comes back',
    ),
  version: number.optional(),
  why: z.string().optional(),
  waiting: z
    .array(z.object({ key, value: z.string(), next: Next }))
    .describe('What it goes by until its next start, and what then'),
  own: z
    .array(z.object({ key, value: z.string(), source, where: z.string() }))
    .describe('Set for the mesh, and this host says otherwise itself'),
  left: z.array(Left),
})
export type HostConfig = z.infer<typeof HostConfig>

const Author = {
  by: z.string(),
  atMs: timeMs,
  reason: z.string().optional(),
}

export const MeshConfig = z.object({
  schemaVersion,
  version: number,
  by: Author.by.optional(),
  atMs: timeMs.optional(),
  reason: Author.reason,
  keys: z
    .array(
      z.object({
        key,
        value: z.string().describe('What hosts go by that say nothing themselves'),
        isSet: z.boolean().describe('For the mesh; otherwise it is the default'),
        applies: applies
          .optional()
          .describe('Absent of a key that the answering agent does not know'),
        about: z.string().optional(),
      }),
    )
    .describe('All that can be set for the mesh, and all that is'),
  hosts: z.array(HostConfig),
})
export type MeshConfig = z.infer<typeof MeshConfig>

export const ConfigVersion = z.object({
  number,
  ...Author,
  values: z.record(z.string(), z.string()).describe('All that it sets'),
  set: z.array(key).describe('Of them, what it has changed'),
  unset: z.array(key),
  rolledBackTo: number.optional().describe('The version that it is equal to'),
})
export type ConfigVersion = z.infer<typeof ConfigVersion>

const Changed = z.object({
  schemaVersion,
  version: number,
  changed: z.boolean().describe('False: it was so already'),
  set: z.array(key),
  unset: z.array(key),
  tookMs: z.number().describe('Until the last host that answered had said that it is in force'),
  hosts: z.array(HostConfig),
})
export type Changed = z.infer<typeof Changed>

const reason = z
  .string()
  .min(1)
  .max(stateLimits.noteBytesMax / 4)
  .describe('For whoever reads of it')
const basedOn = number
  .optional()
  .describe('The version that was looked at: where there is another by now, it is refused')

export const configRoutes = {
  meshConfig: {
    ...routePaths.meshConfig,
    summary: 'What is set for all hosts, and how far each of them goes by it',
    response: MeshConfig,
  },
  nodeConfig: {
    ...routePaths.nodeConfig,
    summary: 'What one host goes by: each value, and where it is from',
    parameters: z.strictObject({
      node: z
        .string()
        .min(1)
        .max(128)
        .meta({ description: 'Id or name; `self` is the answering agent', examples: ['self'] }),
    }),
    query: z.strictObject({
      version: z.coerce
        .number()
        .int()
        .min(0)
        .default(0)
        .describe('It answers when that one is in force, or after a short while'),
    }),
    response: NodeConfig,
  },
  configVersions: {
    ...routePaths.configVersions,
    summary: 'Versions of what is set for all hosts, newest first',
    query: z.strictObject({
      last: z.coerce.number().int().min(1).max(versionsMax).default(20).describe('So many'),
    }),
    response: z.object({ schemaVersion, versions: z.array(ConfigVersion) }),
  },
  setConfig: {
    ...routePaths.setConfig,
    summary: 'Set values for all hosts, and unset others, in one new version',
    body: z
      .strictObject({
        set: z
          .record(z.string().min(1).max(keyBytesMax), z.string().max(valueBytesMax))
          .refine((values) => Object.keys(values).length <= keysMax, `at most ${keysMax} keys`)
          .default({}),
        unset: z.array(z.string().min(1).max(keyBytesMax)).max(keysMax).default([]),
        basedOn,
        reason: reason.optional(),
      })
      .meta({ examples: [{ set: { 'log.level': 'debug' }, reason: 'a closer look' }] }),
    response: Changed,
  },
  rollBackConfig: {
    ...routePaths.rollBackConfig,
    summary: 'Make a new version that is equal to an earlier one',
    body: z
      .strictObject({ version: z.int().min(1), basedOn, reason })
      .meta({ examples: [{ version: 3, reason: 'it was quieter' }] }),
    response: Changed,
  },
} as const
