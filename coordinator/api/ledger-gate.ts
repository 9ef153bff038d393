/**
 * What people decide is decided by people also where it takes effect: a leader appends such a command
 * of another host only with what the person has signed for it, fresh, for that verb, in that name,
 * and once. A host that lies can so decide nothing in anybody's name. What it could do is to put
 * another deed of the same verb in the place of the one that it was given; that is written in the
 * audit log beside the name of the host. What it tells for the audit log is written as its word
 * (`coordinator/audit/hearsay.ts`).
 */
import type { Agent } from '../../agent/agent.ts'
import type { Admitted, AppendGuard } from '../../agent/ledger/append-guard.ts'
import { modelsNamespace } from '../../models/registry/versions.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { revokedKey } from '../../protocol/identity/revocation.ts'
import type { VerbName } from '../../protocol/identity/verbs.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { configNamespace, revokedNamespace } from '../../protocol/ledger/namespaces.ts'
import type { AuditNote, SignedDeed } from '../audit/deed.ts'
import { asTold, isVouchedFor, type Teller } from '../audit/hearsay.ts'
import { versionFrom } from '../config/rows.ts'
import { isIssuers } from '../joining/issuers.ts'
import { grantedIn, REVOKED_PREFIX, TOKEN_PREFIX, TOKENS } from '../joining/tokens.ts'
import { ISSUING } from '../joining/wire.ts'
import { CONFIG_KEY, choiceFrom } from '../learning/rounds/rows.ts'
import { NAMESPACE as FEDERATION } from '../learning/rounds/wire.ts'
import { isStop, WISH_KEY, wishFrom } from '../learning/rounds/wish.ts'
import { MODEL_WISH_PREFIX, rollbackWishFrom } from '../learning/wishes.ts'
import { registerNamespaces } from '../people/register.ts'
import { WISH_PREFIX as KEY_WISH_PREFIX, wishFrom as keyWishFrom } from '../secrets/key-rows.ts'
import { FENCE_KEY, NAMESPACE as SECRETS, VALUE_PREFIX } from '../secrets/wire.ts'
import { wishFrom as swarmWishFrom } from '../swarm/rows.ts'
import { NAMESPACE as SWARM, WISH_PREFIX } from '../swarm/wire.ts'
import type { Decided, SignedDoor } from './door.ts'

/**
 * Of each kind of command: the verbs that it may come from; `leader` for what only the leader gives,
 * which no other host may; undefined for what any agent gives by itself.
 */
export const origins: { readonly [K in Command['kind']]: Origin<K> } = {
  kvPut: keptFor,
  /** A key that was taken back stays so. */
  kvDelete: (value) => (takesKeyBack(value.namespace, value.key) ? 'leader' : keptFor(value)),
  configSet: ['node.vote'],
  configUnset: ['node.vote'],
  nodeLabelSet: ['node.label'],
  nodeLabelUnset: ['node.label'],
  nodeDrain: ['node.drain'],
  nodeUndrain: ['node.drain'],
  nodeForget: ['node.leave'],
  /** Each agent has judged the word for itself; what is written of it, the leader writes. */
  estopRaise: 'leader',
  estopReset: 'leader',
  /** Of itself, and of what people have signed; else it is written that the agent says so. */
  auditAppend: undefined,
  /** A text is named by its hash, and does nothing before it is started or published. */
  workflowPut: undefined,
  workflowPublish: ['workflow.publish'],
  runStart: ['run.start', 'run.retry'],
  runAgain: ['run.start', 'run.retry'],
  runCancel: ['run.cancel'],
  runKill: ['run.kill'],
  runVote: ['run.vote'],
  signalSend: ['signal.send'],
  sessionOpen: undefined,
  sessionClose: undefined,
  sessionsExpire: 'leader',
  versionRaise: 'leader',
  runArchive: 'leader',
  workAdvance: 'leader',
  workWave: 'leader',
  workRace: 'leader',
  /** As what is in it. */
  batch: undefined,
}

type ValueOf<K extends Command['kind']> = Extract<Command, { kind: K }>['value']
type Verbs = readonly VerbName[] | 'leader' | undefined
type Origin<K extends Command['kind']> = Verbs | ((value: ValueOf<K>) => Verbs)

interface Kept {
  namespace: string
  key: string
  value?: Uint8Array
}

function keptFor(kept: Kept): Verbs {
  const { namespace, key } = kept
  if (takesKeyBack(namespace, key)) return ['certificate.revoke']
  if (namespace === SECRETS) return keptOfSecrets(kept)
  if (namespace === SWARM) return key.startsWith(WISH_PREFIX) ? ['swarm.rotate'] : 'leader'
  if (namespace === FEDERATION) return keptOfFederation(kept)
  if (namespace === modelsNamespace) return keptOfModels(kept)
  // A version gives way to another, and is never taken away.
  if (namespace === configNamespace) return kept.value === undefined ? 'leader' : ['config.set']
  return namespace === TOKENS ? keptOfToken(kept) : reserved[namespace]
}

/** The key of secrets stands beside them, and is for the leader to write; each is set beside a fence. */
function keptOfSecrets({ key, value }: Kept): Verbs {
  if (key.startsWith(VALUE_PREFIX)) return ['secret.set', 'secret.remove']
  if (value === undefined) return 'leader'
  if (key === FENCE_KEY) return ['secret.set']
  return key.startsWith(KEY_WISH_PREFIX) ? ['secret.rotate'] : 'leader'
}

/** What people wish of rounds; what came of them is for the leader to write. */
function keptOfFederation({ key, value }: Kept): Verbs {
  if (value === undefined) return 'leader'
  if (key === CONFIG_KEY) return ['federate.config']
  if (key !== WISH_KEY) return 'leader'
  const wish = wishFrom(value)
  return wish !== undefined && isStop(wish) ? ['federate.stop'] : ['federate.round']
}

/** Rolling back is a person's to wish; what comes of it, and all else, is the leader's. */
function keptOfModels({ key, value }: Kept): Verbs {
  const isWish = key.startsWith(MODEL_WISH_PREFIX) && value !== undefined
  return isWish ? ['model.rollback'] : 'leader'
}

/** Whom a token has let in, and when it is forgotten, is for the leader to write. */
function keptOfToken({ key, value }: Kept): Verbs {
  if (value === undefined) return 'leader'
  if (key.startsWith(REVOKED_PREFIX)) return ['token.revoke']
  if (!key.startsWith(TOKEN_PREFIX)) return 'leader'
  return grantedIn(value)?.role === 'agent' ? ['token.create'] : ['token.coordinator']
}

const reserved: Readonly<Record<string, Verbs>> = {
  ...Object.fromEntries(registerNamespaces.map((name) => [name, ['user.add', 'user.revoke']])),
  [ISSUING]: 'leader',
}

type GateDoor = Pick<SignedDoor, 'vouch' | 'whoSigned' | 'countUnsignedDeed'>

/** As every agent has it. */
export function gateOf(agent: Agent, door: GateDoor): LedgerGate {
  const { peers, ledger } = agent
  return new LedgerGate(
    door,
    (peer) => peers.holderOf(peer)?.name ?? 'a host',
    (serial) => isIssuers(ledger.state, peers.credential, serial),
  )
}

export class LedgerGate implements AppendGuard {
  readonly #door: GateDoor
  readonly #nameOf: (peer: PeerId) => string
  readonly #isIssuers: (serial: string) => boolean

  /**
   * `nameOf`: by the certificate that the host has shown. `isIssuers`: whether the certificate with
   * that serial is an issuing key's.
   */
  constructor(
    door: GateDoor,
    nameOf: (peer: PeerId) => string,
    isIssuers: (serial: string) => boolean,
  ) {
    this.#door = door
    this.#nameOf = nameOf
    this.#isIssuers = isIssuers
  }

  admit(
    command: Command,
    proof: Uint8Array | undefined,
    from: PeerId,
  ): Promise<Admitted> | undefined {
    const parts: readonly Command[] = command.kind === 'batch' ? command.value.commands : [command]
    const decided: Decided[] = []
    for (const part of parts) {
      const verbs = originOf(part)
      if (verbs === 'leader') return Promise.resolve(leadersOwn)
      const issuer = this.#issuerIn(part)
      if (issuer !== undefined && part.kind === 'kvDelete') return Promise.resolve(leadersOwn)
      if (issuer !== undefined) decided.push(issuer)
      else if (verbs !== undefined) decided.push({ verbs, ...saidBy(part), object: objectOf(part) })
    }
    if (decided.length === 0 && notesIn(command).length === 0) return undefined
    return this.#admitted(command, proof, decided, from)
  }

  /** With it all go whose certificates hang on it: that takes the word for just this one. */
  #issuerIn({ kind, value }: Command): Decided | undefined {
    if (kind !== 'kvPut' && kind !== 'kvDelete') return undefined
    const { namespace, key: object } = value
    if (namespace !== revokedNamespace || !this.#isIssuers(object)) return undefined
    return { verbs: ['issuer.retire'], by: undefined, object }
  }

  async #admitted(
    command: Command,
    proof: Uint8Array | undefined,
    decided: readonly Decided[],
    from: PeerId,
  ): Promise<Admitted> {
    const vouched = decided.length === 0 ? free : await this.#door.vouch(proof, decided)
    if (!vouched.ok) return vouched
    if (notesIn(command).length === 0) return { ...vouched, command }
    const signed = this.#door.whoSigned(proof)
    const by = { id: from, name: this.#nameOf(from) }
    // Who was turned away has signed nothing, and is told of all the same.
    const deeds = notesIn(command).filter(
      ({ outcome }) => outcome === 'ok' || outcome === undefined,
    )
    if (deeds.some((note) => !isVouchedFor(note, by, signed))) this.#door.countUnsignedDeed()
    return { ...vouched, command: told(command, by, signed) }
  }
}

const free = { ok: true, settle: () => {} } as const

/** What it writes into the audit log; what comes of a batch is not known before. */
function notesIn(command: Command): (AuditNote & { outcome?: string })[] {
  if (command.kind === 'auditAppend') return [command.value]
  if (command.kind !== 'batch') return []
  const { audit, commands } = command.value
  return [...commands.flatMap(notesIn), ...(audit === undefined ? [] : [audit])]
}

/** The same, with all that it has written into the audit log as that host's word. */
function told(command: Command, by: Teller, signed: SignedDeed | undefined): Command {
  if (command.kind !== 'batch') return entryTold(command, by, signed)
  const { audit, commands } = command.value
  const value = {
    commands: commands.map((part) => entryTold(part, by, signed)),
    ...(audit === undefined ? {} : { audit: asTold(audit, by, signed) }),
  }
  return { kind: 'batch', value }
}

function entryTold<C extends Command>(command: C, by: Teller, signed: SignedDeed | undefined): C {
  if (command.kind !== 'auditAppend') return command
  return { ...command, value: asTold(command.value, by, signed) }
}

const leadersOwn: Admitted = { ok: false, detail: 'only whoever leads decides this' }

function originOf({ kind, value }: Command): Verbs {
  const origin = origins[kind] as Verbs | ((value: unknown) => Verbs)
  return typeof origin === 'function' ? origin(value) : origin
}

function takesKeyBack(namespace: string, key: string): boolean {
  return namespace === revokedNamespace && revokedKey(key) !== undefined
}

/** A key is taken back by the word for that key: agents look into it again, and would not obey. */
function objectOf({ kind, value }: Command): string | undefined {
  if (kind !== 'kvPut') return undefined
  return takesKeyBack(value.namespace, value.key) ? value.key : undefined
}

/** In whose name it is, and of when, where it says so. */
function saidBy({ kind, value }: Command): Saying {
  if (kind === 'kvPut') return wishedBy(value)
  const { by } = value as { by?: unknown }
  return { by: typeof by === 'string' ? by : undefined }
}

/** Who stands in a row that people write. What cannot be read is in nobody's name. */
function wishedBy({ namespace, key, value }: Required<Kept>): Saying {
  const wisher = wishers[namespace]
  const said = wisher === undefined ? false : (wisher(key, value) ?? nobodys)
  return said === false ? { by: undefined } : { by: said.by, atMs: said.atMs }
}

type Saying = Pick<Decided, 'by' | 'atMs'>

/** No person is called so. */
const nobodys: Saying = { by: '' }

/** False of what says nothing of anybody; undefined of what nobody can read. */
type Wisher = (key: string, value: Uint8Array) => Saying | undefined | false

const wishers: Readonly<Record<string, Wisher>> = {
  [FEDERATION]: (key, value) => (key === CONFIG_KEY ? choiceFrom(value) : wishFrom(value)),
  [modelsNamespace]: (_, value) => rollbackWishFrom(value),
  [SWARM]: (_, value) => swarmWishFrom(value),
  [configNamespace]: (_, value) => versionFrom(value),
  [SECRETS]: (key, value) => key.startsWith(KEY_WISH_PREFIX) && keyWishFrom(value),
}
