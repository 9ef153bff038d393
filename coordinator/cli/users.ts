/** `skein users`: who people are, what they may, and taking it back. */
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { notWritable } from '../../agent/life/refusals.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import { formatKeyFile, type KeyFile, keyFileNames } from '../../protocol/identity/key-file.ts'
import { seedBytes } from '../../protocol/identity/limits.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { faultOfPersonName } from '../../protocol/identity/person-name.ts'
import { isPersonRole, type PersonRole, type Role } from '../../protocol/identity/roles.ts'
import { isVerb, mayDo, verbs } from '../../protocol/identity/verbs.ts'
import { nearest } from '../../protocol/nearest.ts'
import { Problem } from '../../protocol/problem.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { RouteResponse } from '../api/routes.ts'
import { certifierIn } from '../host/certifier.ts'
import { lockedBy } from '../host/mesh-keys.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { publicKeyIn } from './public-key.ts'
import { plain, table } from './table.ts'
import { wrongUse } from './usage.ts'

type User = RouteResponse<'users'>['users'][number]

export interface AddFlags {
  role: string[]
  issuer?: string
  issuerPassphraseFile?: string
  newPassphraseFile?: string
  /** As a line of SSH, or the file that holds it. */
  publicKey?: string
  out?: string
}

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('users')
  const { io, quiet } = context
  if (context.json) document(context, answer)
  else if (answer.users.length === 0) {
    if (!quiet)
      io.err(
        'nobody was added yet beside whoever made the mesh; skein users add NAME --role ROLE adds one\n',
      )
  } else {
    const columns = [
      { title: 'NAME' },
      { title: 'ROLES' },
      { title: 'UNTIL' },
      { title: 'STATE' },
      { title: 'KEY', cutTo: 8, leave: 1 },
      { title: 'CERTIFICATE', cutTo: 8, leave: 2 },
    ]
    const rows = answer.users.map((user) => [
      plain(user.name),
      plain(user.roles.join(', ')),
      new Date(user.notAfterMs).toISOString().slice(0, 'YYYY-MM-DD'.length),
      stateOf(user),
      plain(user.id.slice(-8)),
      plain(user.serial),
    ])
    io.out(`${table(columns, rows, io.columns())}\n`)
  }
  return exitCodes.done
}

export async function add(context: Context, name: string, flags: AddFlags): Promise<number> {
  const roles = flags.role.map((role) => {
    if (isPersonRole(role)) return role
    const fix = 'take viewer, operator, approver, admin or master'
    throw wrongUse(`${plain(role)} is no role of people`, fix)
  })
  return certify(context, name, roles, flags, false)
}

/** A new key and certificate with the roles of before, which are taken back. */
export async function rotate(
  context: Context,
  name: string,
  flags: Omit<AddFlags, 'role'>,
): Promise<number> {
  const { users } = await context.client.call('users')
  const before = userNamed(users, name)
  const touches = `this makes a new key for ${plain(name)}, and the one of now is good no more`
  await confirm(context, touches)
  return certify(context, name, before.roles.filter(isPersonRole), flags, true)
}

async function certify(
  context: Context,
  name: string,
  roles: readonly PersonRole[],
  flags: Omit<AddFlags, 'role'>,
  replaces: boolean,
): Promise<number> {
  const { client, io, quiet } = context
  const { issuer, out, publicKey } = flags
  const fault = faultOfPersonName(name)
  if (fault !== undefined) {
    throw wrongUse(`nobody can be called ${JSON.stringify(plain(name))}: ${fault}`, NAME_SO)
  }
  const file = resolve(out ?? `${name.replaceAll(/[^\w.-]/g, '_')}.key`)
  if (existsSync(file)) {
    throw new Problem({
      code: 'alreadyThere',
      why: `${file} exists, and may be somebody’s key`,
      fix: 'write the new key elsewhere with --out',
      exitCode: exitCodes.conflict,
    })
  }
  const theirs = publicKey === undefined ? undefined : ownKey(publicKey)
  const { from, holder } = await client.signIn.key()
  const isMaster = roles.includes('master')
  const keyFile = issuer ?? join(dirname(from), keyFileNames[isMaster ? 'root' : 'issuer'])
  const certifier = await certifierIn(keyFile, flags.issuerPassphraseFile)
  if (certifier.mesh !== holder.mesh) {
    const [theirs, ours] = [shortMeshId(certifier.mesh), shortMeshId(holder.mesh)]
    const why = `${keyFile} is of mesh ${theirs}, and you sign in to ${ours}`
    throw wrongUse(why, 'name the key of that mesh with --issuer')
  }
  if (isMaster && !certifier.isRoot) {
    const why = `masters are certified by the root key alone, and ${keyFile} is an issuing key`
    throw wrongUse(why, 'name the root key with --issuer')
  }
  const { subject, key } = theirs ?? (await newKey(context, name, flags.newPassphraseFile))
  const credential = certifier.certify({ subject, name, roles, labels: {} })
  const { mesh } = certifier
  // First the key: a person whom the ledger knows and who has none could only be rotated.
  try {
    const content = formatKeyFile({ use: 'operator', mesh, name, id: subject, key, credential })
    writeFileSync(file, content, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw notWritable(file, '--out', error)
  }
  const text = Buffer.from(encode(Credential, credential)).toString('base64url')
  const answer = await client
    .call('addUser', { body: { credential: text, replaces } })
    .catch((error: unknown) => {
      // Where nobody knows what came of it, the key may be somebody's.
      const isRefused = error instanceof Problem && error.exitCode !== exitCodes.noAnswer
      if (isRefused) rmSync(file)
      throw error
    })
  if (context.json) document(context, { ...answer, keyFile: file })
  else if (!quiet) {
    const what = theirs === undefined ? 'the key' : 'the certificate of their own key'
    io.err(`${plain(name)} is ${roles.join(' and ')}; ${what} is in ${file}\n`)
    io.err(`${theirs === undefined ? handOver : handOverOwn}\n`)
  }
  return exitCodes.done
}

const NAME_SO = 'take a name that people can read, such as grace or grace@example.org'
const handOver = 'give it to them on a way that nobody else reads, and keep no copy'
const handOverOwn = 'give it to them on any way; it is of use to nobody but their ssh-agent'

type NewKey = Pick<KeyFile, 'key'> & { subject: PeerId }

/** One that they keep themselves. */
function ownKey(said: string): NewKey {
  return { subject: publicKeyIn(said), key: { kind: 'agent' } }
}

async function newKey({ io }: Context, name: string, file: string | undefined): Promise<NewKey> {
  const seed = new Uint8Array(randomBytes(seedBytes))
  const { askNewPassphrase, passphraseIn } = await import('./passphrase.ts')
  const asked = () => (io.terminal ? askNewPassphrase(`the key of ${name}`) : undefined)
  const passphrase = file === undefined ? await asked() : passphraseIn(file)
  return { subject: signerFromSeed(seed).id, key: lockedBy(passphrase)('operator', seed) }
}

export async function revoke(context: Context, user: string, reason: string): Promise<number> {
  await confirm(context, `this takes back the certificate of ${plain(user)}`)
  const answer = await context.client.call('revokeUser', {
    parameters: { user },
    body: { reason },
  })
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err(`${plain(user)} is turned away from now on\n`)
  return exitCodes.done
}

const VERBS_ARE = 'take one as skein audit ls shows them, such as run.start, node.drain or user.add'

/** Whether somebody may do something, and why not; exit 4 if not. */
export async function can(
  context: Context,
  name: string,
  verb: string,
  object: string | undefined,
): Promise<number> {
  if (!isVerb(verb)) {
    const guess = nearest(verb, Object.keys(verbs))
    const fix = guess === undefined ? VERBS_ARE : `did you mean ${guess}?`
    throw wrongUse(`there is no verb ${plain(verb)}`, fix)
  }
  const user = await whoIs(context, name)
  const needed = verbs[verb].roles.join(' or ')
  const roles = user.roles as Role[]
  const why =
    user.revoked || Date.now() >= user.notAfterMs
      ? `the certificate is ${stateOf(user)}`
      : mayDo(roles, verb)
        ? undefined
        : `it takes the role ${needed}, and ${plain(name)} is ${user.roles.join(' and ')}`
  const may = why === undefined
  if (context.json) document(context, { schemaVersion: 1, user: name, verb, object, may, why })
  else {
    const what = object === undefined ? verb : `${verb} on ${plain(object)}`
    const because = why ?? `${user.roles.join(' and ')} is enough, on any object`
    context.io.out(`${may ? 'yes' : 'no'}: ${plain(name)}, ${what}: ${because}\n`)
  }
  return may ? exitCodes.done : exitCodes.refused
}

/** Whoever asks may not be in the ledger: the first operator of a mesh never had to be added. */
async function whoIs(context: Context, name: string): Promise<User> {
  const { users } = await context.client.call('users')
  const own = await context.client.signIn.holder()
  if (users.every((user) => user.name !== name) && own.name === name) {
    const { subject: id, roles, serial, notAfterMs } = own
    return { name, id, roles: [...roles], serial, notAfterMs, revoked: false }
  }
  return userNamed(users, name)
}

function userNamed(users: readonly User[], name: string): User {
  const found = users.find((user) => user.name === name)
  if (found !== undefined) return found
  throw new Problem({
    code: 'notFound',
    why: `there is nobody called ${JSON.stringify(plain(name))}`,
    fix: 'skein users ls shows who there is',
    exitCode: exitCodes.notFound,
  })
}

function stateOf({ revoked, notAfterMs }: User): string {
  if (revoked) return 'revoked'
  return Date.now() < notAfterMs ? 'good' : 'expired'
}
