/** What each route of people does. */
import type { Agent } from '../../agent/agent.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { certificateLimits } from '../../protocol/identity/limits.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { isSuperseded } from '../joining/issuers.ts'
import {
  type Person,
  people,
  personNamed,
  recordPerson,
  recordRevocation,
} from '../people/register.ts'
import { freshState } from '../runs/fresh.ts'
import { applied } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { keysOf } from './key-handlers.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'

type UserRoute = 'users' | 'addUser' | 'revokeUser'
type Answer = Promise<RouteResponse<'users'>>

export class UserApi {
  private readonly agent: Agent

  constructor(agent: Agent) {
    this.agent = agent
  }

  handlers(): Pick<Handlers, UserRoute> {
    return {
      users: ({ signal }) => this.list(signal),
      addUser: (it) => this.add(it),
      revokeUser: (it) => this.revoke(it),
    }
  }

  private async list(signal: AbortSignal): Answer {
    const { state } = await freshState(this.agent, signal)
    return { schemaVersion: 1, users: [...people(state)].map(shown) }
  }

  private async add({ body, signal, trail }: Request<'addUser'>): Answer {
    const credential = credentialIn(body.credential)
    const { trust } = this.agent
    const believed = believe(credential, trust, this.agent.ports.clock.wall())
    if (!believed.ok || believed.holder.kind !== 'person') {
      throw new ApiRefusal(
        'badRequest',
        'that is no certificate of a person in this mesh',
        'sign it with an issuing key of this mesh, or with its root',
      )
    }
    const { holder } = believed
    const { state } = await freshState(this.agent, signal)
    if (isSuperseded(state, credential)) {
      const why = 'it is signed by an issuing key in whose place another is'
      throw new ApiRefusal('conflict', why, 'sign it with the issuer.key that took its place')
    }
    const before = personNamed(state, holder.name)
    for (const other of people(state)) {
      if (other.holder.subject !== holder.subject || other.holder.name === holder.name) continue
      const why = `that key is ${other.holder.name}’s: nobody has two names`
      throw new ApiRefusal('conflict', why, 'make another key for another person')
    }
    if (before !== undefined && !body.replaces && !before.isRevoked) {
      const why = `there is a ${holder.name} already`
      const fix = 'take another name, or give the same person another key with skein users rotate'
      throw new ApiRefusal('conflict', why, fix)
    }
    const commands = [recordPerson(credential, before?.revision ?? 0)]
    if (before !== undefined && before.holder.serial !== holder.serial) {
      commands.push(recordRevocation(before.holder.serial, 'replaced'))
    }
    if (trail !== undefined) {
      const object = `${holder.name} (${holder.roles.join(', ')})`
      trail.note = { ...trail.note, object, detail: `${holder.subject} ${holder.serial}` }
    }
    await this.write(commands, trail, signal)
    return this.list(signal)
  }

  private async revoke({ parameters, body, signal, trail }: Request<'revokeUser'>): Answer {
    const { state } = await freshState(this.agent, signal)
    const { user } = parameters
    const known = personNamed(state, user)
    const isSerial = user.length === certificateLimits.serialLength && /^[0-9a-f]+$/.test(user)
    const serial = known?.holder.serial ?? (isSerial ? user : undefined)
    if (serial === undefined) {
      const fix = 'skein users ls shows who there is; others go by the serial of their certificate'
      throw new ApiRefusal('notFound', `there is nobody called ${JSON.stringify(user)}`, fix)
    }
    if (known?.isRevoked) {
      throw new ApiRefusal('conflict', `${user} is revoked already`, 'see skein users ls')
    }
    if (known === undefined && keysOf(this.agent).issuers.some((key) => key.serial === serial)) {
      const why =
        'that is the certificate of no person but of an issuing key, and others hang on it'
      throw new ApiRefusal('conflict', why, 'put another in its place: skein keys rotate issuing')
    }
    await this.write([recordRevocation(serial, body.reason)], trail, signal)
    return this.list(signal)
  }

  private async write(
    commands: readonly SimpleCommand[],
    trail: Request<'addUser'>['trail'],
    signal: AbortSignal,
  ): Promise<void> {
    const { code } = await applied(this.agent, commands, signal, trail)
    if (code === 'ok') return
    const why = code === 'conflict' ? 'somebody else has just changed it' : `it said ${code}`
    throw new ApiRefusal('conflict', `the ledger did not take it: ${why}`, 'look, and try again')
  }
}

function shown({ holder, isRevoked }: Person): RouteResponse<'users'>['users'][number] {
  const { name, subject, roles, serial, notAfterMs } = holder
  return { name, id: subject, roles: [...roles], serial, notAfterMs, revoked: isRevoked }
}

function credentialIn(text: string): Credential {
  const read = decode(Credential, new Uint8Array(Buffer.from(text, 'base64url')))
  if (read.ok) return read.value
  throw new ApiRefusal('badRequest', 'that is no credential', 'send what skein users add makes')
}
