/**
 * `skein keys copy swarm`: the swarm key as the mesh has it now, in a file, for those who must reach
 * peers past their control APIs (`skein estop --direct`). On its way it is sealed to this command.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { seedBytes, swarmKeyBytes } from '../../protocol/identity/limits.ts'
import { sealingKeyFrom } from '../../protocol/identity/sealing.ts'
import {
  formatSwarmKey,
  meshFingerprint,
  parseSwarmKey,
} from '../../protocol/identity/swarm-key.ts'
import { Problem } from '../../protocol/problem.ts'
import { messageOf } from '../../protocol/thrown.ts'
import type { SwarmRotation } from '../api/swarm-key-routes.ts'
import { aboutCopy } from '../swarm/wire.ts'
import { type Context, document } from './context.ts'
import { SWARM_KEY_FILE, swarmKeyIn } from './estop-ways.ts'

export async function copySwarm(context: Context, { out }: { out?: string }): Promise<number> {
  const file = out === undefined ? await besideKey(context) : resolve(out)
  const key = await fetched(context)
  write(file, key)
  const swarm = meshFingerprint(key)
  if (context.json) document(context, { schemaVersion: 1, file, swarm })
  else if (!context.quiet) context.io.err(`the swarm key, ${swarm}, is in ${file}\n`)
  return exitCodes.done
}

/** The copy beside the key of whoever asks, where there is one with the old key. */
export async function renewCopy(
  context: Context,
  { was, now }: SwarmRotation,
): Promise<string | undefined> {
  const file = await besideKey(context)
  if (!existsSync(file) || fingerprintIn(file) !== was) return undefined
  const key = await fetched(context)
  // Somebody may have begun another one meanwhile.
  if (meshFingerprint(key) !== now) return undefined
  write(file, key)
  return file
}

async function besideKey({ client }: Context): Promise<string> {
  const { from } = await client.signIn.key()
  return join(dirname(from), SWARM_KEY_FILE)
}

function fingerprintIn(file: string): string | undefined {
  const parsed = parseSwarmKey(Buffer.from(swarmKeyIn(file)).toString('utf8'))
  return parsed.ok ? meshFingerprint(parsed.key) : undefined
}

async function fetched({ client }: Context): Promise<Uint8Array> {
  const own = sealingKeyFrom(new Uint8Array(randomBytes(seedBytes)))
  const sealing = Buffer.from(own.publicKey).toString('base64url')
  const { sealed } = await client.call('copySwarmKey', { body: { sealing } })
  const key = own.open(new Uint8Array(Buffer.from(sealed, 'base64url')), aboutCopy)
  if (key?.length === swarmKeyBytes) return key
  throw new Problem({
    code: 'badAnswer',
    why: 'what the agent answered is no swarm key that was sealed to this command',
    fix: 'ask another agent with --address',
    exitCode: exitCodes.failed,
  })
}

function write(file: string, key: Uint8Array): void {
  const draft = `${file}.${process.pid}.draft`
  try {
    writeFileSync(draft, formatSwarmKey(key), { mode: 0o600 })
    renameSync(draft, file)
  } catch (error) {
    const why = `cannot write ${file}: ${messageOf(error)}`
    const fix = 'name another file with --out'
    throw new Problem({ code: 'notWritable', why, fix, exitCode: exitCodes.failed }, error)
  }
}
