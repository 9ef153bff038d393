/**
 * `skein keys rotate secrets`: has the mesh seal its secrets under another key, and tells how far it
 * is, and what it cannot do: what was read stays read. It goes on without this command.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { SecretsKey } from '../api/secret-key-routes.ts'
import { confirm } from './confirm.ts'
import { type Context, document, sleep } from './context.ts'
import { plain } from './table.ts'

export interface RotateSecretsFlags {
  timeout: string
}

const LOOK_MS = 300

export async function rotateSecrets(context: Context, flags: RotateSecretsFlags): Promise<number> {
  const { secrets: before } = await context.client.call('keys')
  await confirm(context, touched(before))
  const { was } = await context.client.call('rotateSecretsKey')
  const key = await followed(context, was, 1_000 * Number(flags.timeout))
  const isDone = key !== undefined && isOver(key)
  if (context.json) document(context, { schemaVersion: 1, done: isDone, secrets: key })
  else if (!context.quiet) {
    for (const line of isDone ? advice(key) : [left(key)]) context.io.err(`${line}\n`)
  }
  if (context.interrupted.aborted) return exitCodes.interrupted
  if (isDone) return exitCodes.done
  return key === undefined ? exitCodes.noAnswer : exitCodes.partly
}

function touched(key: SecretsKey | undefined): string {
  const kept = key === undefined ? 'all that' : `${count(key.kept, 'value')} that`
  return `${kept} only voters open (secrets, issuing key, swarm key) are sealed anew, under a key that only the voters of now have`
}

/** The last that was seen of the new key; undefined where nobody has made it yet. */
async function followed(
  context: Context,
  was: string,
  timeoutMs: number,
): Promise<SecretsKey | undefined> {
  const untilMs = performance.now() + timeoutMs
  let told = ''
  let known: SecretsKey | undefined
  while (!context.interrupted.aborted) {
    const { secrets } = await patiently(context)
    if (secrets !== undefined && secrets.id !== was) known = secrets
    const said = known === undefined ? 'waiting for whoever leads' : inWords(known)
    if (said !== told && !context.quiet && !context.json) context.io.err(`${said}\n`)
    told = said
    if ((known !== undefined && isOver(known)) || performance.now() >= untilMs) break
    await sleep(LOOK_MS, context.interrupted)
  }
  return known
}

/** An agent that is asked in the middle of an election may have nothing to say for a moment. */
async function patiently({ client }: Context): Promise<{ secrets?: SecretsKey | undefined }> {
  try {
    return await client.call('keys')
  } catch (error) {
    if (error instanceof Problem && error.exitCode === exitCodes.noAnswer) return {}
    throw error
  }
}

function isOver({ was }: SecretsKey): boolean {
  return was === undefined
}

function left(key: SecretsKey | undefined): string {
  if (key !== undefined) return 'it goes on by itself; see how far it is with: skein keys ls'
  return 'nobody who leads has made it yet: skein health says why; it is made as soon as somebody can'
}

export function inWords({ id, was, left: under, kept }: SecretsKey): string {
  if (was === undefined)
    return `everything is sealed under ${plain(id)}, and the key before is forgotten`
  return `${kept - under} of ${count(kept, 'value')} are sealed under the new key of secrets, ${plain(id)}`
}

/** What another key is no help against. */
export function advice({ read }: SecretsKey): string[] {
  const lines: string[] = []
  if (read.secrets.length > 0) {
    lines.push(
      `whoever had the key before may have read these: ${read.secrets.map(plain).join(', ')}`,
      'change them where they are used, then set them: skein secret set NAME',
    )
  }
  if (read.issuing) {
    lines.push('it may have the issuing key, too: skein keys rotate issuing, where the root key is')
  }
  if (read.swarm) lines.push('and the swarm key, as every host: skein keys rotate swarm')
  return lines
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
