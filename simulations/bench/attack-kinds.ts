/**
 * The attacks under which a mesh is measured: what the attacker does, by which strikes, and the
 * reasons under which the attacked agent counts it. Each kind is one way to keep an agent busy for
 * nothing; those that change something are proven in test/attack.
 */
import type { FuzzKind } from './fuzz-kinds.ts'

export type OwnStrike =
  | 'stopFlood'
  | 'heldConnections'
  | 'unsignedRequests'
  | 'forgedTokens'
  | 'heldRequests'

export interface Attack {
  readonly does: string
  readonly strikes: readonly (FuzzKind | OwnStrike)[]
  /** By agents of the mesh that were taken over: one for each strike, under one name. */
  readonly certified?: true
  /** Of `skein_refused` or `skein_turned_away`: at least one of them rises. */
  readonly counted: readonly string[]
}

export const attacks = {
  connections: {
    does: 'opens connections as fast as it can, and sends garbage or nothing',
    strikes: ['connectionBurst', 'doorGarbage', 'foreignSwarmKey'],
    counted: ['handshakeFailed', 'connectionRate', 'tooManyHandshakes'],
  },
  'held connections': {
    does: 'holds connections to the port of the mesh, a byte a second',
    strikes: ['heldConnections'],
    counted: ['handshakeFailed', 'connectionRate', 'tooManyHandshakes'],
  },
  strangers: {
    does: 'has the swarm key and no certificate, and speaks on every stream',
    strikes: ['speechlessStranger'],
    counted: ['trustNoCredential'],
  },
  certificates: {
    does: 'shows forged, expired, foreign, stolen and truncated certificates',
    strikes: [
      'forgedCredential',
      'expiredCredential',
      'foreignCredential',
      'stolenCredential',
      'truncatedCredential',
    ],
    counted: ['trustUnknownIssuer', 'trustBadSignature', 'trustExpired', 'trustForeignMesh'],
  },
  streams: {
    certified: true,
    does: 'is certified, and opens streams without end, with and without names',
    strikes: ['streamFlood', 'namelessStreams', 'unknownPurpose'],
    counted: ['tooManyStreams', 'unknownPurpose', 'streamRate'],
  },
  frames: {
    certified: true,
    does: 'is certified, and floods its streams with frames, good, random and too long',
    strikes: ['frameFlood', 'randomFrame', 'oversizedFrame', 'truncatedMessage'],
    counted: ['throttled', 'undecodable'],
  },
  requests: {
    certified: true,
    does: 'is certified, and asks what nobody serves and what makes no sense',
    strikes: ['unknownService', 'garbageQuestion', 'replayedRequest', 'notServed'],
    counted: ['unknownService', 'badQuestion', 'replayedRequest', 'notServed'],
  },
  lies: {
    certified: true,
    does: 'is certified, and lies: digests of others, claims, votes, assignments',
    strikes: [
      'forgedDigest',
      'garbledDigest',
      'replayedFrame',
      'falseClaim',
      'assigningAgent',
      'votingAgent',
    ],
    counted: ['forgedDigest', 'garbledDigest', 'trustMissingRole'],
  },
  stops: {
    certified: true,
    does: 'is certified, and releases and raises stops in the names of people',
    strikes: ['forgedStops', 'stopFlood'],
    counted: ['unsigned', 'badSignature', 'unknownIssuer', 'notAllowed'],
  },
  gossip: {
    certified: true,
    does: 'is certified, and floods gossip with messages, subscriptions and what is neither',
    strikes: ['gossipMessages', 'gossipSubscriptions', 'gossipMutated', 'gossipOversized'],
    counted: ['topicNotAllowed', 'gossipLimit', 'gossipGarbage'],
  },
  'API requests': {
    does: 'asks the control API as fast as it can, without a token and with forged ones',
    strikes: ['unsignedRequests', 'forgedTokens'],
    counted: ['noToken', 'malformed', 'badSignature', 'unknownIssuer'],
  },
  'held requests': {
    does: 'holds connections to the control API, a byte of a header a second',
    strikes: ['heldRequests'],
    counted: [],
  },
} as const satisfies Record<string, Attack>

export type AttackName = keyof typeof attacks

export const attackNames = Object.keys(attacks) as AttackName[]
