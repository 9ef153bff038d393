/**
 * A person's own certificate, made new where an agent has said that another issuing key is in the
 * place of the one behind it: for the same key and as long as before, and kept in the same file. It
 * comes after the command that was asked for, and whatever comes of it, that command is done.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { replaceFile } from '../../agent/ports/replace-file.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { formatKeyFile, parseKeyFile } from '../../protocol/identity/key-file.ts'
import { Problem } from '../../protocol/problem.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Client } from './client.ts'

class NotRenewed extends Error {}

/** In words for whoever signed in. */
export async function renewOwn(client: Client): Promise<string> {
  const { from } = await client.signIn.key()
  try {
    await renewed(client, from)
    return `your certificate in ${from} is renewed: the mesh has another issuing key`
  } catch (error) {
    const { code, message: why } = error as NodeJS.ErrnoException
    if (!(error instanceof NotRenewed || error instanceof Problem) && code === undefined)
      throw error
    return `your certificate in ${from} is not renewed, and will be of no use when the rotation of the issuing key is finished: ${why}`
  }
}

async function renewed(client: Client, from: string): Promise<void> {
  const { credential, holder } = await client.signIn.key()
  const { leader } = await client.call('keys')
  if (leader === undefined) throw new NotRenewed('nobody leads the mesh now')
  const answer = await client.call('renewUser', {
    parameters: { node: leader },
    body: { credential: Buffer.from(encode(Credential, credential)).toString('base64url') },
  })
  const read = decode(Credential, new Uint8Array(Buffer.from(answer.credential, 'base64url')))
  const trust = { mesh: holder.mesh, isRevoked: () => false }
  const judged = read.ok ? believe(read.value, trust, Date.now()) : undefined
  if (!read.ok || !judged?.ok || judged.holder.subject !== holder.subject) {
    throw new NotRenewed('what the agent answered is no certificate of yours')
  }
  const file = parseKeyFile(readFileSync(from, 'utf8'))
  if (file?.id !== holder.subject) throw new NotRenewed('the file was changed in between')
  const content = formatKeyFile({ ...file, credential: read.value })
  await replaceFile(dirname(from), basename(from), Buffer.from(content), 0o600)
}
