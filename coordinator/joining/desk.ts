/**
 * Who lets hosts in. Any agent may be asked by a host; whoever leads the ledger judges it by the
 * token that stands there, takes one use of it by a write that nobody can have made besides, and only
 * then issues the certificate. Who is let in and who is not, and why, is in the audit log.
 */
import type { Agent } from '../../agent/agent.ts'
import { nodeName } from '../../agent/config/kind.ts'
import type { JoinAsked, JoinDecision } from '../../agent/joining/doorway.ts'
import { doorwayLimits } from '../../agent/joining/limits.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { BadQuestion } from '../../agent/requests/calls.ts'
import { TokenBucket } from '../../agent/token-bucket.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { issuePeer, serialFrom } from '../../protocol/identity/issuing.ts'
import { certificateLimits, lifetimes } from '../../protocol/identity/limits.ts'
import { type PeerId, parsePeerId } from '../../protocol/identity/peer-id.ts'
import { isPeerRole } from '../../protocol/identity/roles.ts'
import { type JoinFault, judgeJoin, type TokenUse } from '../../protocol/joining/judging.ts'
import { type JoinRefusal, joinRefusals } from '../../protocol/joining/messages.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { Candidacy } from '../../protocol/ledger/ledger.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { formatTimestamp } from '../../protocol/workflow/expressions/calendar.ts'
import { type AuditNote, fitted } from '../audit/deed.ts'
import type { AuditDesk } from '../audit/desk.ts'
import { freshState } from '../runs/fresh.ts'
import { isRetiring, issuerBehind, mayBeRenewed } from './issuers.ts'
import type { IssuingKey } from './issuing-key.ts'
import { letInLimits } from './limits.ts'
import { Renewal } from './renewal.ts'
import { type HeldToken, heldToken, recordUse } from './tokens.ts'
import { Upkeep } from './upkeep.ts'
import { LettingAnswer, type LettingQuestion, Question, SERVICE } from './wire.ts'

/** As people see it in the audit log. */
type Refused = JoinFault | 'badName' | 'badKey'

type Seated = { use: TokenUse; token: HeldToken } | { why: JoinRefusal }

const idLettersShown = 8

export class JoinDesk {
  readonly #agent: Agent
  readonly #audit: AuditDesk
  readonly #issuing: IssuingKey
  readonly #entropy: Entropy
  readonly #told: TokenBucket
  readonly #renewal: Renewal
  readonly #upkeep: Upkeep

  /** `keep`: puts a renewed certificate of this host on its disk. */
  constructor(
    agent: Agent,
    audit: AuditDesk,
    issuing: IssuingKey,
    keep: (credential: Credential) => Promise<void>,
  ) {
    this.#agent = agent
    this.#audit = audit
    this.#issuing = issuing
    this.#entropy = agent.ports.entropy.stream('joining')
    this.#renewal = new Renewal(agent, { keep, ask: () => this.#askToRenew() })
    this.#upkeep = new Upkeep(agent, issuing, (leader, question) => this.#ask(leader, question))
    const { refusalsToldPerSecond, refusalsToldAtOnce } = letInLimits
    this.#told = new TokenBucket(refusalsToldPerSecond, refusalsToldAtOnce, agent.ports.clock.now())
  }

  module(): ModuleSpec {
    let candidacy: Candidacy | undefined
    let looking: { cancel(): void } | undefined
    return {
      name: 'joining',
      priority: 6,
      needs: ['ledger'],
      start: () => {
        const agent = this.#agent
        agent.calls.serve(SERVICE, (from, body) => this.#serve(from, body))
        agent.doorway.open((asked) => this.#decide(asked))
        candidacy = agent.ledger.lead((turn) => this.#upkeep.lead(turn))
        this.#renewal.start()
        if (this.#issuing.hasCopy) {
          looking = agent.ports.clock.every(letInLimits.lookMs, () => this.#upkeep.handOver())
        }
      },
      stop: () => {
        looking?.cancel()
        this.#renewal.stop()
        candidacy?.withdraw()
        this.#agent.doorway.close()
      },
    }
  }

  // ── At the agent that a host has asked ────────────────────────────────────────────────────────

  async #decide({ joiner, nonce, ...request }: JoinAsked): Promise<JoinDecision> {
    const { leader, id } = this.#agent.ledger
    const value = { joiner, nonce, request }
    if (leader === undefined) return { why: 'unavailable' }
    if (leader === id) return decisionIn(await this.#letIn(id, value))
    const answer = await this.#ask(leader, { kind: 'letIn', value })
    return answer === undefined ? { why: 'unavailable' } : decisionIn(answer)
  }

  async #askToRenew(): Promise<LettingAnswer | undefined> {
    const { leader, id } = this.#agent.ledger
    if (leader === undefined) return undefined
    return leader === id ? this.#renew(id) : this.#ask(leader, { kind: 'renew', value: {} })
  }

  async #ask(leader: PeerId, question: LettingQuestion): Promise<LettingAnswer | undefined> {
    const body = encode(Question, { question })
    const asked = await this.#agent.calls.ask(leader, SERVICE, body, doorwayLimits.decideMs)
    const answer = asked.ok ? decode(LettingAnswer, asked.body) : undefined
    return answer?.ok ? answer.value : undefined
  }

  // ── At whoever leads ──────────────────────────────────────────────────────────────────────────

  async #serve(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const read = decode(Question, body)
    if (!read.ok) throw new BadQuestion(`no question about letting in: ${read.why}`)
    const answer = this.#agent.ledger.leads
      ? await this.#answer(from, read.value.question)
      : { why: 'unavailable' }
    return encode(LettingAnswer, answer)
  }

  async #answer(from: PeerId, question: LettingQuestion): Promise<LettingAnswer> {
    switch (question.kind) {
      case 'letIn':
        return this.#letIn(from, question.value)
      case 'renew':
        return this.#renew(from)
      case 'offer': {
        const isCoordinator = this.#agent.peers.isCoordinator(from)
        const kept = isCoordinator && (await this.#issuing.keep(question.value.issuer))
        return kept ? {} : { why: 'unavailable' }
      }
    }
  }

  async #letIn(
    from: PeerId,
    question: Extract<LettingQuestion, { kind: 'letIn' }>['value'],
  ): Promise<LettingAnswer> {
    const joiner = question.joiner as PeerId
    const issuer = await this.#issuing.get()
    if (issuer === undefined) {
      this.#agent.ports.log.child('joining').warn('nobody can be let in: no issuing key is here')
      return { why: 'unavailable' }
    }
    const seated = await this.#seat(from, joiner, question)
    if ('why' in seated) return seated
    const { token, use } = seated
    const { role, labels } = token
    const subject = this.#agent.settings.keyOf(joiner)
    const holder = { subject, name: use.name, roles: [role], labels }
    return { credential: issuePeer(issuer, holder, use.serial, this.#agent.ports.clock.wall()) }
  }

  /** Takes a use of the token for this host, unless it has one. */
  async #seat(
    from: PeerId,
    joiner: PeerId,
    { nonce, request }: Extract<LettingQuestion, { kind: 'letIn' }>['value'],
  ): Promise<Seated> {
    const { trust, settings, ports } = this.#agent
    const key = settings.keyOf(joiner)
    const { token: id, name, signature } = request
    const claim = { mesh: trust.mesh, token: id, joiner, asked: from, nonce, name }
    for (let round = 0; round < letInLimits.roundsMax; round++) {
      const { state, fresh } = await freshState(this.#agent, new AbortController().signal)
      if (!fresh) return { why: 'unavailable' }
      const token = heldToken(state, id)
      const nowMs = ports.clock.wall()
      const isTurnedAway = (use: TokenUse | undefined) =>
        trust.isRevoked(key) || (use !== undefined && trust.isRevoked(use.serial))
      const verdict = judgeJoin(token, claim, signature, nowMs, isTurnedAway)
      const refuse = (why: Refused): Seated => this.#refuse(from, joiner, token, name, why)
      if (!verdict.ok || token === undefined)
        return refuse(verdict.ok ? 'unknownToken' : verdict.why)
      if (verdict.again !== undefined) return { use: verdict.again, token }
      const why = this.#unfit(joiner, token.name ?? name)
      if (why !== undefined) return refuse(why)
      const serial = serialFrom(this.#entropy.bytes(certificateLimits.serialLength / 2))
      const use = { peer: joiner, name: token.name ?? name, serial, atMs: nowMs }
      const taken = await this.#take(recordUse(token, use), this.#noteOf(from, joiner, token, use))
      if (taken === 'unknown') return { why: 'unavailable' }
      if (taken === 'conflict') continue
      // Whoever has taken it back in the meantime is heard, before a certificate is made.
      if (heldToken(this.#agent.ledger.state, id)?.isRevoked) return refuse('revoked')
      this.#tell(
        'host.letIn',
        joiner,
        use.name,
        `${use.name} is let in as ${token.role}, by token ${shortOf(token)} of ${token.by}`,
      )
      return { use, token }
    }
    return { why: 'busy' }
  }

  async #take(command: SimpleCommand, note: AuditNote): Promise<'taken' | 'conflict' | 'unknown'> {
    const value = { commands: [command], audit: fitted(note) }
    const timeoutMs = letInLimits.appendMs
    const outcome = await this.#agent.ledger.append({ kind: 'batch', value }, { timeoutMs })
    if (outcome.kind !== 'applied') return 'unknown'
    return outcome.result.code === 'ok' ? 'taken' : 'conflict'
  }

  #unfit(joiner: PeerId, name: string): Refused | undefined {
    if (parsePeerId(this.#agent.settings.keyOf(joiner)) === undefined) return 'badKey'
    return nodeName.read(name).ok ? undefined : 'badName'
  }

  #refuse(
    from: PeerId,
    joiner: PeerId,
    token: HeldToken | undefined,
    name: string,
    why: Refused,
  ): Seated {
    const note = this.#noteOf(from, joiner, token, { name, serial: '' })
    const detail = [faults[why], note.detail].join('; ')
    void this.#audit.recordRefusal({ ...note, detail, outcome: why })
    this.#agent.ports.log.child('joining').warn('a host is not let in', { joiner, why })
    if (!this.#told.take(1, this.#agent.ports.clock.now())) return { why: 'refused' }
    const by = token === undefined ? 'a token that nobody knows' : `token ${shortOf(token)}`
    this.#tell('host.refused', joiner, undefined, `a host is not let in by ${by}: ${faults[why]}`)
    return { why: 'refused' }
  }

  #noteOf(
    from: PeerId,
    joiner: PeerId,
    token: HeldToken | undefined,
    { name, serial }: Pick<TokenUse, 'name' | 'serial'>,
  ): AuditNote {
    const known = serial === '' ? '' : `, certificate ${serial}`
    return {
      actor: token === undefined ? 'unknown' : `token ${shortOf(token)} of ${token.by}`,
      verb: 'host.join',
      object: name,
      from: this.#agent.membership.nameOf(from),
      detail: `${joiner}${known}`,
    }
  }

  #tell(kind: string, node: PeerId, name: string | undefined, text: string): void {
    const named = name === undefined ? {} : { name }
    this.#agent.journal.record({ kind, node, ...named, text, fields: {} })
  }

  /** Another certificate of the same serial: whoever takes that back takes back all of them. */
  async #renew(from: PeerId): Promise<LettingAnswer> {
    const { peers, trust, settings, ports, id } = this.#agent
    const isOwn = from === id
    const holder = isOwn ? grantIn(peers.credential.leaf) : peers.holderOf(from)
    const nowMs = ports.clock.wall()
    const behind = isOwn ? issuerBehind(peers.credential) : peers.issuerOf(from)
    const isOver = behind !== undefined && isRetiring(this.#agent.ledger.state, behind.serial)
    const isDue = isOver || (holder?.notAfterMs ?? 0) - nowMs <= lifetimes.peerRenewalMs
    if (holder === undefined || !isDue) return { why: 'refused' }
    if (isOver && !mayBeRenewed(this.#agent.ledger.state, behind.serial, holder)) {
      this.#tellUnlisted(from, holder.name)
      return { why: 'refused' }
    }
    if (trust.isRevoked(settings.keyOf(from)) || trust.isRevoked(holder.serial)) {
      return { why: 'refused' }
    }
    const issuer = await this.#issuing.get()
    if (issuer === undefined) return { why: 'unavailable' }
    const { subject, name, labels, serial, sealing } = holder
    const roles = holder.roles.filter(isPeerRole)
    const renewed = { subject, name, roles, labels, ...(sealing === undefined ? {} : { sealing }) }
    const credential = issuePeer(issuer, renewed, serial, nowMs)
    // As long as its issuing key lasts: then a new one is needed first.
    const notAfterMs = grantIn(credential.leaf)?.notAfterMs ?? 0
    if (notAfterMs <= holder.notAfterMs && !isOver) return { why: 'unavailable' }
    const note = {
      actor: `agent ${name}`,
      verb: 'host.renew',
      object: name,
      from: this.#agent.membership.nameOf(from),
      detail: `${subject}, certificate ${serial} until ${formatTimestamp(notAfterMs)}`,
    }
    void this.#audit.record({ ...note, outcome: 'ok' })
    return { credential }
  }

  #tellUnlisted(from: PeerId, name: string): void {
    if (!this.#told.take(1, this.#agent.ports.clock.now())) return
    const text = `${name} is not certified anew: it was not known here as it is now when the issuing key was replaced; revoke it if nobody knows it, else let it join again by a token`
    this.#tell('host.notRenewed', from, name, text)
  }
}

const faults: Readonly<Record<Refused, string>> = {
  unknownToken: 'it is not in the ledger',
  badSignature: 'what is shown for it is not proven',
  revoked: 'it was revoked',
  expired: 'it has expired',
  spent: 'all its uses are taken',
  hostRevoked: 'the host was revoked',
  badName: 'the name of the host is none for a node',
  badKey: 'the key of the host is none for a node',
}

function decisionIn({ credential, why }: LettingAnswer): JoinDecision {
  if (credential !== undefined) return { credential }
  return { why: joinRefusals.find((each) => each === why) ?? 'unavailable' }
}

function shortOf({ id }: HeldToken): string {
  return id.slice(0, idLettersShown)
}
