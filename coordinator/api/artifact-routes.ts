/** The routes of files that stages hand on: a part of the table in `routes.ts`. */
import * as z from 'zod'
import { ArtifactFiles, ArtifactPiece, RunArtifacts } from './artifact-schemas.ts'
import { artifactFilesMax } from './limits.ts'
import { routePaths } from './route-paths.ts'

const node = z
  .string()
  .min(1)
  .meta({ description: 'Id or name; `self` is the answering agent', examples: ['self'] })
const name = (description: string) =>
  z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ description, examples: ['0'.repeat(64)] })

export const artifactRoutes = {
  runArtifacts: {
    ...routePaths.runArtifacts,
    summary: 'Lists of files that the stages of a run hand on, and who has them',
    parameters: z.strictObject({
      run: z
        .string()
        .min(1)
        .max(64)
        .meta({
          description:
            'Id or a unique start of it; `@latest` is the newest that no other has begun',
          examples: ['@latest'],
        }),
    }),
    query: z.strictObject({
      stage: z
        .string()
        .meta({ examples: ['build'] })
        .optional(),
      item: z.coerce.number().int().min(0).optional(),
    }),
    response: RunArtifacts,
  },
  artifactFiles: {
    ...routePaths.artifactFiles,
    summary: 'The files of one list, from that host',
    parameters: z.strictObject({ node, manifest: name('Name of the list') }),
    query: z.strictObject({
      after: z
        .string()
        .max(1_024)
        .meta({ description: 'Only paths that come after this one', examples: ['dist/a'] })
        .optional(),
      limit: z.coerce.number().int().min(1).max(artifactFilesMax).default(artifactFilesMax),
    }),
    response: ArtifactFiles,
  },
  artifactPiece: {
    ...routePaths.artifactPiece,
    summary: 'A piece of the content of a file, from that host',
    parameters: z.strictObject({ node, content: name('Name of the content') }),
    query: z.strictObject({
      from: z.coerce.number().int().min(0).default(0).describe('Bytes to pass over'),
    }),
    response: ArtifactPiece,
  },
} as const
