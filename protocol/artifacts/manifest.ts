/**
 * What a stage hands on: a list of files, itself named by its content. Whoever has the name of a
 * manifest can check everything that it leads to, whoever it comes from.
 */
import { decode, encode } from '../wire/codec.ts'
import {
  bool,
  bytes,
  field,
  type Infer,
  message,
  nested,
  repeated,
  text,
  uint,
} from '../wire/schema.ts'
import { type Blob, blobOf, chunkCount } from './hashes.ts'
import { digestBytes, artifactLimits as limits } from './limits.ts'
import { comparePaths, directoriesOf, faultOfPath } from './paths.ts'

const chunksPerFileMax = chunkCount(limits.fileBytesMax)

export const ArtifactFile = message('ArtifactFile', {
  path: field(1, text(limits.pathBytesMax)),
  sizeBytes: field(2, uint()),
  executable: field(3, bool()),
  /** The digests of its chunks, one after the other. */
  chunks: field(4, bytes(chunksPerFileMax * digestBytes)),
})
export type ArtifactFile = Infer<typeof ArtifactFile>

/** Files in the order of their paths, so that the same files have the same name. */
export const ArtifactManifest = message('ArtifactManifest', {
  files: repeated(1, nested(ArtifactFile), limits.filesPerStageMax),
})
export type ArtifactManifest = Infer<typeof ArtifactManifest>

export function manifestOf(files: readonly ArtifactFile[]): ArtifactManifest {
  return { files: [...files].sort((a, b) => comparePaths(a.path, b.path)) }
}

/** The canonical form: what its name is the hash of. */
export function encodeManifest(manifest: ArtifactManifest): Uint8Array {
  return encode(ArtifactManifest, manifest)
}

/** Bytes of a stranger: an answer that is a text says, as a clause, why they are no manifest. */
export function decodeManifest(encoded: Uint8Array): ArtifactManifest | string {
  if (encoded.length > limits.manifestBytesMax) {
    return `it is larger than ${limits.manifestBytesMax} bytes`
  }
  const decoded = decode(ArtifactManifest, encoded)
  if (!decoded.ok) return `it cannot be read (${decoded.why})`
  return faultOfManifest(decoded.value) ?? decoded.value
}

/** Why it may not be, as a clause; undefined when it may. */
export function faultOfManifest({ files }: ArtifactManifest): string | undefined {
  const paths = new Set<string>()
  const directories = new Set<string>()
  let [before, totalBytes] = ['', 0]
  for (const file of files) {
    const { path, sizeBytes, chunks } = file
    const fault = faultOfPath(path)
    if (fault !== undefined) return `the path ${JSON.stringify(path)}: ${fault}`
    if (before !== '' && comparePaths(before, path) >= 0) return `${path} is out of order`
    if (sizeBytes > limits.fileBytesMax) {
      return `${path} is larger than ${limits.fileBytesMax} bytes`
    }
    if (chunks.length !== chunkCount(sizeBytes) * digestBytes) {
      return `${path} has ${chunks.length} bytes of digests for ${sizeBytes} bytes`
    }
    for (const directory of directoriesOf(path)) directories.add(directory)
    paths.add(path)
    before = path
    totalBytes += sizeBytes
  }
  if (totalBytes > limits.bytesPerStageMax)
    return `it is of more than ${limits.bytesPerStageMax} bytes`
  for (const path of paths) if (directories.has(path)) return `${path} is a file and a directory`
  return undefined
}

export function bytesOf({ files }: ArtifactManifest): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** The contents, each once. */
export function blobsOf({ files }: ArtifactManifest): Blob[] {
  const blobs = new Map<string, Blob>()
  for (const { sizeBytes, chunks } of files) {
    const blob = blobOf(sizeBytes, chunks)
    blobs.set(blob.hash, blob)
  }
  return [...blobs.values()]
}
