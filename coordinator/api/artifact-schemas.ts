/** What the control API says of files that stages hand on. */
import * as z from 'zod'
import { SCHEMA_VERSION } from './schemas.ts'

const schemaVersion = z.literal(SCHEMA_VERSION)

/** A list of files, as a stage or an item of it hands it on. */
export const HandedOn = z
  .object({
    item: z.number().optional().describe('Of a forEach, from 0'),
    manifest: z.string().describe('Name of the list: the hash of what is in it'),
    files: z.number(),
    bytes: z.number(),
    node: z.string().describe('Who has made them, and keeps them until the run is archived'),
    nodeName: z.string(),
  })
  .describe('Files that are handed on')

export const RunArtifacts = z.object({
  schemaVersion,
  run: z.string(),
  lists: z.array(
    HandedOn.extend({
      stage: z.string(),
      hosts: z
        .array(z.object({ node: z.string(), nodeName: z.string() }))
        .describe('Who has them: first who made them, then who may have kept a copy'),
    }),
  ),
})

export const ArtifactFiles = z.object({
  schemaVersion,
  known: z.boolean().describe('False: the host has no such list (any more)'),
  files: z.array(
    z.object({
      path: z.string(),
      bytes: z.number(),
      executable: z.boolean(),
      content: z.string().describe('Name of what is in it'),
    }),
  ),
  next: z.string().optional().describe('There are more: ask with `after` this'),
})

export const ArtifactPiece = z.object({
  schemaVersion,
  known: z.boolean().describe('False: the host has no such content, or not there'),
  base64: z.string(),
})

export type HandedOn = z.infer<typeof HandedOn>
export type RunArtifacts = z.infer<typeof RunArtifacts>
export type ArtifactFiles = z.infer<typeof ArtifactFiles>
export type ArtifactPiece = z.infer<typeof ArtifactPiece>
