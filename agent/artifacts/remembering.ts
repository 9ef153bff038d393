/**
 * What an earlier life has left, put together: a manifest counts when everything that it leads to is
 * there and as large as it says. That it also is what it says shows when it is read.
 */
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import { blobsOf, decodeManifest } from '../../protocol/artifacts/manifest.ts'
import type { Blobs } from '../../protocol/ports/blobs.ts'
import type { Catalogue } from './catalogue.ts'
import type { ArtifactRows } from './rows.ts'

/** Fills an empty catalogue. Returns the number of the last use. */
export async function remember(
  catalogue: Catalogue,
  rows: ArtifactRows,
  blobs: Blobs,
): Promise<number> {
  const sizes = new Map<ContentHash, number>()
  for (const { hash, sizeBytes, whole } of await blobs.list()) {
    catalogue.found(hash, sizeBytes)
    if (whole) sizes.set(hash, sizeBytes)
  }
  const gone = new Map<ContentHash, string[]>()
  for await (const { hash, bytes } of rows.manifests()) {
    const manifest = decodeManifest(bytes)
    const contents = typeof manifest === 'string' ? undefined : blobsOf(manifest)
    if (contents?.every((blob) => sizes.get(blob.hash) === blob.sizeBytes) !== true) {
      gone.set(hash, [])
      continue
    }
    catalogue.add(hash, contents)
    for (const blob of contents) catalogue.becomes(blob.hash, 'whole')
  }
  for (const { manifest, run } of await rows.pins()) {
    const known = catalogue.manifest(manifest)
    if (known !== undefined) catalogue.pin(known, run)
    else gone.set(manifest, [...(gone.get(manifest) ?? []), run])
  }
  for (const [hash, runs] of gone) await rows.forget(hash, runs)
  return await orderByUse(catalogue, rows)
}

async function orderByUse(catalogue: Catalogue, rows: ArtifactRows): Promise<number> {
  const uses = [...(await rows.uses())].sort(([, a], [, b]) => a - b)
  for (const [hash] of uses) {
    const known = catalogue.manifest(hash)
    if (known !== undefined) catalogue.used(known)
  }
  return uses.at(-1)?.[1] ?? 0
}
