/**
 * A frame of every kind that goes over a stream between agents, in good form, and whether only
 * coordinators say it. A kind without its line does not compile; a purpose without its row fails.
 */
import { sentSchema } from '../../agent/links/envelope.ts'
import { CallFrame } from '../../agent/requests/calls.ts'
import { introductionPurpose, joinPurpose } from '../../agent/trust/purposes.ts'
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import { ArtifactFrame } from '../../protocol/artifacts/messages.ts'
import { RaftFrame } from '../../protocol/consensus/messages.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import { visitPurpose } from '../../protocol/estop/visit.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { peerIdFromPublicKey } from '../../protocol/identity/peer-id.ts'
import { JoinFrame } from '../../protocol/joining/messages.ts'
import { MembershipFrame } from '../../protocol/membership/messages.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { Schema } from '../../protocol/wire/schema.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { WorkFrame } from '../../protocol/work/messages.ts'
import { raiseOf, signed } from '../estop/words.ts'
import { credentialOf, keyNumber } from '../identity/parties.ts'

export interface Said {
  readonly kind: string
  readonly bytes: Uint8Array
  readonly fromCoordinators: boolean
}

export interface PurposeRow {
  /** Only in this purpose is there no greeting before. */
  readonly greets: boolean
  readonly said: readonly Said[]
}

type Frame = { kind: string; value: unknown }
type Kinds<F extends Frame> = {
  readonly [K in F['kind']]: {
    value: Extract<F, { kind: K }>['value']
    from: 'agents' | 'coordinators'
  }
}

function saidIn<F extends Frame>(schema: Schema<F>, kinds: Kinds<F>, enveloped = true): Said[] {
  const all = Object.entries(kinds) as [string, { value: unknown; from: string }][]
  return all.map(([kind, { value, from }]) => {
    const frame = { kind, value } as F
    const bytes = enveloped ? encode(sentSchema(schema), { payload: frame }) : encode(schema, frame)
    return { kind, bytes, fromCoordinators: from === 'coordinators' }
  })
}

const agents = 'agents' as const
const coordinators = 'coordinators' as const
/** Of a leader that there is not. */
const term = 1_000
const stranger = peerIdFromPublicKey(new Uint8Array(32).fill(77))
const news = { claims: [], digests: [] }
const hash = 'a'.repeat(64) as ContentHash
const id = { run: 'forged', stage: 's', attempt: 1 }
const fence = { term, index: 1 }
const snapshot = {
  index: 5,
  term,
  config: { voters: [], outgoing: [], learners: [], nextLearners: [] },
  bytes: 3,
  checksum: '0'.repeat(64),
}

const credential = credentialOf(keyNumber(9), { kind: 'peer', roles: ['coordinator'] })
const nonce = new Uint8Array(32)

export const assignment: Assignment = {
  id,
  fence,
  step: { kind: 'program', value: { argv: ['/bin/true'] } },
  workflow: 'forged',
  env: {},
  secrets: {},
  secretFiles: {},
  artifacts: [],
  artifactsFrom: [],
  timeouts: {},
  resources: { custom: {} },
}

export const purposeRows: Readonly<Record<Purpose, PurposeRow>> = {
  // Its one message is the credential, of which test/trust knows all ways to be wrong.
  [introductionPurpose]: {
    greets: false,
    said: [{ kind: 'introduction', bytes: Uint8Array.of(1, 2, 3), fromCoordinators: false }],
  },
  [joinPurpose]: {
    greets: false,
    said: saidIn<JoinFrame>(
      JoinFrame,
      {
        knock: { value: { version: 1 }, from: agents },
        challenge: { value: { credential, nonce }, from: agents },
        request: {
          value: { token: 'ab', name: 'n9', signature: new Uint8Array(64) },
          from: agents,
        },
        answer: { value: { credential }, from: agents },
      },
      false,
    ),
  },
  '/skein/membership/1': {
    greets: true,
    said: saidIn<MembershipFrame>(MembershipFrame, {
      ping: { value: { seq: 1, news }, from: agents },
      ack: { value: { seq: 1, news }, from: agents },
      pingRequest: { value: { seq: 1, target: stranger, news }, from: agents },
      nack: { value: { seq: 1 }, from: agents },
      gossip: { value: { news }, from: agents },
      summary: { value: { first: '', end: '', entries: [] }, from: agents },
      repair: { value: { news, profiles: [], want: [] }, from: agents },
      fetch: { value: { profilesOf: [stranger] }, from: agents },
      profiles: { value: { profiles: [] }, from: agents },
    }),
  },
  '/skein/calls/1': {
    greets: true,
    said: saidIn<CallFrame>(CallFrame, {
      call: { value: { service: 'api', body: Uint8Array.of(1) }, from: agents },
      answer: { value: { body: Uint8Array.of(1) }, from: agents },
    }),
  },
  '/skein/artifacts/1': {
    greets: true,
    said: saidIn<ArtifactFrame>(
      ArtifactFrame,
      {
        askManifest: { value: { serial: 1, manifest: hash }, from: agents },
        askChunk: { value: { serial: 2, blob: hash, index: 0 }, from: agents },
        piece: { value: { serial: 3, bytes: Uint8Array.of(1), last: true }, from: agents },
        refused: { value: { serial: 4, code: 'busy' }, from: agents },
      },
      false,
    ),
  },
  '/skein/estop/1': {
    greets: true,
    said: saidIn<EstopFrame>(EstopFrame, {
      words: { value: { words: [signed(raiseOf())] }, from: agents },
      answers: { value: { answers: [] }, from: agents },
      print: { value: { print: new Uint8Array(16), asks: true }, from: agents },
    }),
  },
  [visitPurpose]: {
    greets: false,
    said: [
      { kind: 'word', bytes: encode(StopWord, signed(raiseOf())), fromCoordinators: false },
      { kind: 'no word', bytes: Uint8Array.of(1, 2, 3), fromCoordinators: false },
    ],
  },
  '/skein/consensus/1': {
    greets: true,
    said: saidIn<RaftFrame>(RaftFrame, {
      preVoteRequest: { value: { term, lastIndex: 1e6, lastTerm: term }, from: coordinators },
      preVoteAnswer: { value: { term, storage: 1, granted: true }, from: coordinators },
      voteRequest: {
        value: { term, lastIndex: 1e6, lastTerm: term, handover: true },
        from: coordinators,
      },
      voteAnswer: { value: { term, storage: 1, granted: true }, from: coordinators },
      append: {
        value: { term, prevIndex: 0, prevTerm: 0, commit: 1e6, entries: [] },
        from: coordinators,
      },
      appendAnswer: {
        value: {
          term: 1,
          storage: 1,
          accepted: true,
          index: 1e6,
          hintIndex: 0,
          hintTerm: 0,
          lost: false,
        },
        from: agents,
      },
      commitNotice: { value: { term, commit: 1e6 }, from: coordinators },
      heartbeat: { value: { term, commit: 1e6, round: 1 }, from: coordinators },
      heartbeatAnswer: { value: { term: 1, storage: 1, round: 1e6, verified: 1e6 }, from: agents },
      snapshotChunk: {
        value: { term, snapshot, offset: 0, data: Uint8Array.of(1, 2, 3) },
        from: coordinators,
      },
      chunkAnswer: {
        value: { term: 1, storage: 1, snapshotIndex: 5, nextOffset: 3, gap: false },
        from: agents,
      },
      timeoutNow: { value: { term }, from: coordinators },
      readRequest: { value: { term: 1, id: 1 }, from: agents },
      readAnswer: { value: { term, id: 1, index: 1e6 }, from: coordinators },
    }),
  },
  '/skein/work/1': {
    greets: true,
    said: saidIn<WorkFrame>(WorkFrame, {
      assign: { value: { term, assignments: [assignment] }, from: coordinators },
      cancel: {
        value: { term, attempts: [{ id, fence, reason: 'forged', atOnce: true }] },
        from: coordinators,
      },
      committed: { value: { term, attempts: [{ id, fence }] }, from: coordinators },
      keep: { value: { term, run: 'forged', manifests: [hash] }, from: coordinators },
      inventoryRequest: { value: { term, serial: 1 }, from: coordinators },
      inventory: { value: { term, serial: 1, held: [], last: true }, from: agents },
      reports: { value: { reports: [] }, from: agents },
    }),
  },
}
