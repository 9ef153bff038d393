/**
 * The swarm key that an agent starts with: the one of its key file, or, once the mesh has gone over to
 * another, the one that it keeps in its data directory. Whoever puts another key into the file means
 * that one: so a host that was away while the old key was dropped is given the new one.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { swarmKeyUnusable } from '../../agent/life/refusals.ts'
import { replaceFile } from '../../agent/ports/replace-file.ts'
import { type Secrets, swarmKeyFile } from '../../agent/ports/secrets.ts'
import { swarmKeyBytes } from '../../protocol/identity/limits.ts'
import { formatSwarmKey, parseSwarmKey } from '../../protocol/identity/swarm-key.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, field, message, optional, uint } from '../../protocol/wire/schema.ts'
import { type HeldSwarmKey, swarmStepOf, swarmSteps } from '../swarm/steps.ts'

const digestBytes = 32
/** Of a draft’s name, so that no two are the same. */
const draftLetters = 16

const KeptSwarmKey = message('KeptSwarmKey', {
  madeMs: field(1, uint()),
  step: field(2, uint()),
  key: field(3, bytes(swarmKeyBytes)),
  was: optional(4, bytes(swarmKeyBytes)),
  /** Of the key that the file had when this was kept. */
  file: field(5, bytes(digestBytes)),
})

export interface OwnSwarmKey {
  readonly held: HeldSwarmKey
  /** Resolves when it is on disk; a crash leaves what was held before, or this. */
  keep(held: HeldSwarmKey): Promise<void>
}

/** Throws a `Problem` where the file has none. */
export async function ownSwarmKey(file: string, secrets: Secrets, log: Log): Promise<OwnSwarmKey> {
  const inFile = swarmKeyIn(file)
  const kept = keptIn(await secrets.read(swarmKeyFile))
  const isMeant = kept && (isSame(kept.held.key, inFile) || isSame(kept.file, digestOf(inFile)))
  const first: HeldSwarmKey = { madeMs: 0, step: 'alone', key: inFile }
  return {
    held: isMeant ? kept.held : first,
    keep: async (held) => {
      const { madeMs, step, key, was } = held
      const row = { madeMs, step: swarmSteps[step], key, file: digestOf(swarmKeyIn(file)) }
      const value = encode(KeptSwarmKey, { ...row, ...(was === undefined ? {} : { was }) })
      await secrets.write(swarmKeyFile, value)
      if (step === 'alone') await renewFile(file, key, log)
    },
  }
}

/** For people and programs that look there; the agent itself has what it needs. */
async function renewFile(file: string, key: Uint8Array, log: Log): Promise<void> {
  try {
    if (isSame(swarmKeyIn(file), key)) return
    const content = Buffer.from(formatSwarmKey(key))
    const name = basename(file)
    // The agents of a local mesh share the file, and may all replace it at once.
    const draft = `.${name}.${randomBytes(draftLetters / 2).toString('hex')}.draft`
    await replaceFile(dirname(file), name, content, statSync(file).mode & 0o777, draft)
  } catch (error) {
    log.warn('the swarm key file still has the old key', { file, why: String(error) })
  }
}

export function swarmKeyIn(file: string): Uint8Array {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw swarmKeyUnusable(file, isMissing ? 'there is no such file' : String(error))
  }
  const parsed = parseSwarmKey(text)
  if (!parsed.ok) throw swarmKeyUnusable(file, 'it is not a swarm key')
  return parsed.key
}

function keptIn(
  value: Uint8Array | undefined,
): { held: HeldSwarmKey; file: Uint8Array } | undefined {
  const read = value && decode(KeptSwarmKey, value)
  const step = read?.ok ? swarmStepOf(read.value.step) : undefined
  if (!read?.ok || step === undefined) return undefined
  const { madeMs, key, was, file } = read.value
  if (key.length !== swarmKeyBytes || (was !== undefined && was.length !== swarmKeyBytes)) {
    return undefined
  }
  return { held: { madeMs, step, key, ...(was === undefined ? {} : { was }) }, file }
}

function digestOf(key: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update('skein swarm key file ').update(key).digest())
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
