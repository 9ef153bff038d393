/** The routes of the audit log: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { EntryWords, ExportLine, Mark } from '../audit/export-lines.ts'
import { auditPageMax } from './limits.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)
const by = z.array(z.string()).describe('Agents whose signed heads say so')

export const AuditFinding = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('changed').describe('This entry is not what was written'),
    sequence: z.number(),
    upheldBy: by,
  }),
  z.object({
    kind: z.literal('contradicted').describe('Changed after one entry and up to another'),
    after: z.number(),
    sequence: z.number(),
    by,
  }),
  z.object({
    kind: z.literal('cut').describe('These entries are gone'),
    from: z.number(),
    to: z.number(),
    by,
  }),
])

export const AuditVerdict = z.object({
  entries: z.number(),
  first: z.number(),
  last: z.number(),
  findings: z.array(AuditFinding),
  upheldTo: z.number().describe('The last entry that a head of some agent upholds; 0 for none'),
  upheldBy: by,
})

const Head = z.object({ peer: z.string(), ...Mark.shape, signature: z.string() })

export const AuditStanding = z.object({
  schemaVersion,
  node: z.string(),
  verdict: AuditVerdict.describe('Its own copy of the log against the heads that it keeps'),
  heads: z.array(Head).describe('The heads that it keeps'),
})

export const AuditCheck = z.object({
  schemaVersion,
  whole: z.boolean(),
  checks: z.array(
    z.object({
      node: z.string(),
      verdict: AuditVerdict.optional(),
      unanswered: z.string().optional().describe('Why it could not be asked'),
    }),
  ),
})

export const AuditPage = z.object({
  schemaVersion,
  entries: z.array(EntryWords).describe('Newest first'),
  kept: z
    .number()
    .describe('The first entry that the ledger still holds; those before were let go'),
  next: z.number().optional().describe('Ask again with `before` for what is older'),
})

export const auditRoutes = {
  audit: {
    ...routePaths.audit,
    summary: 'Who did what, newest first',
    query: z.strictObject({
      last: z.coerce.number().int().min(1).max(auditPageMax).default(50).describe('How many'),
      before: z.coerce.number().int().min(1).optional().describe('Only entries before this one'),
      sinceMs: z.coerce.number().int().min(0).optional(),
      actor: z
        .string()
        .optional()
        .meta({
          description: 'Who did it, by their signature or by what a host says of them',
          examples: ['ada'],
        }),
      verb: z
        .string()
        .optional()
        .meta({
          description: 'A verb, or the word before its dot for all of that kind',
          examples: ['run.start', 'run'],
        }),
      outcome: z
        .string()
        .optional()
        .meta({ examples: ['refused'] }),
    }),
    response: AuditPage,
  },
  auditExport: {
    ...routePaths.auditExport,
    summary: 'The whole log with its hashes and signed heads, to be checked anywhere',
    response: ExportLine,
    stream: true,
  },
  auditCheck: {
    ...routePaths.auditCheck,
    summary: 'Whether the log is whole, on every agent, by the heads that all of them keep',
    response: AuditCheck,
  },
  auditStanding: {
    ...routePaths.auditStanding,
    summary: 'One agent’s copy of the log, checked there, and the heads that it keeps',
    parameters: z.strictObject({
      node: z
        .string()
        .min(1)
        .meta({ description: 'Id or name; `self` is the answering agent', examples: ['self'] }),
    }),
    response: AuditStanding,
  },
} as const
