/**
 * Namespaces of the ledger's keys and values that agents themselves look into: they are told as soon
 * as something is put there.
 */

/** What was taken back: by serial, or by key. Its rows are those of `identity/revocation.ts`. */
export const revokedNamespace = 'revoked'

/** What is set for all hosts of the mesh. Its rows are those of `coordinator/config/rows.ts`. */
export const configNamespace = 'config'

const heeded: ReadonlySet<string> = new Set([revokedNamespace, configNamespace])

export function isHeeded(namespace: string): boolean {
  return heeded.has(namespace)
}
