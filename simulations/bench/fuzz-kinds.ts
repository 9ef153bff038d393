/**
 * The kinds of abuse that the fuzzer knows, and for each the reasons under which an agent should
 * count it. A kind without a reason is not refused but answered, as the note beside it says.
 */
export const fuzzKinds = {
  // At the door: before anybody has said who they are.
  doorGarbage: ['handshakeFailed'],
  foreignSwarmKey: ['handshakeFailed'],
  connectionBurst: ['connectionRate', 'tooManyHandshakes'],
  bannedReturn: ['bannedPeer'],
  // In the swarm, and not of the mesh, or not what they claim.
  speechlessStranger: ['trustNoCredential'],
  forgedCredential: ['trustUnknownIssuer', 'trustBadSignature'],
  expiredCredential: ['trustExpired'],
  foreignCredential: ['trustForeignMesh'],
  stolenCredential: ['trustNotItsOwn'],
  truncatedCredential: ['trustMalformed'],
  assigningAgent: ['trustMissingRole'],
  votingAgent: ['trustMissingRole'],
  forgedStops: ['unsigned', 'badSignature', 'unknownIssuer', 'notAllowed', 'foreignMesh'],
  // Between the door and the streams.
  cipherGarbage: ['cipherGarbage'],
  muxerGarbage: ['muxerGarbage'],
  muxerOversized: ['muxerFrameTooLarge'],
  unknownPurpose: ['unknownPurpose'],
  streamFlood: ['tooManyStreams'],
  namelessStreams: ['tooManyStreams'],
  // The first words on a stream.
  noHello: ['noHello'],
  randomStream: ['noHello', 'garbageFrame', 'frameTooLarge'],
  wrongVersion: ['wrongVersion'],
  // Frames that are no frames, or not these.
  truncatedStream: ['frameCutShort'],
  truncatedMessage: ['undecodable'],
  oversizedHeader: ['frameTooLarge'],
  oversizedFrame: ['tooLarge'],
  emptyFrame: ['garbageFrame'],
  randomFrame: ['undecodable'],
  wrongType: ['undecodable'],
  unknownKind: ['unknownKind'],
  mutatedFrame: ['undecodable', 'unknownKind', 'forgedDigest', 'garbledDigest', 'oldDigest'],
  unexpectedFrame: ['unexpectedFrame'],
  frameFlood: ['throttled'],
  // Membership: well-formed, and not true.
  replayedFrame: ['oldDigest', 'repeatedDigest'],
  forgedDigest: ['forgedDigest'],
  garbledDigest: ['garbledDigest'],
  forgedProfile: ['profileOutOfDate'],
  strangeClaim: ['claimAboutStranger', 'claimOfUnknownRank'],
  /** Refuted: the accused says that it is alive, under a higher incarnation. */
  falseClaim: [],
  extremeNumbers: ['impossibleNumber', 'claimAheadOfDigest'],
  // Questions and answers.
  notServed: ['notServed'],
  unknownService: ['unknownService'],
  replayedRequest: ['replayedRequest'],
  garbageQuestion: ['badQuestion'],
  unaskedMessage: ['unaskedMessage'],
  unaskedAnswer: ['replayedResponse'],
  garbageAnswer: ['undecodable', 'unknownKind', 'badAnswer'],
  // Gossipsub.
  gossipSubscriptions: ['topicNotAllowed'],
  gossipMessages: ['topicNotAllowed'],
  gossipGarbage: ['gossipGarbage'],
  gossipOversized: ['gossipLimit'],
  gossipMutated: ['topicNotAllowed', 'gossipLimit', 'gossipGarbage'],
} as const satisfies Record<string, readonly string[]>

export type FuzzKind = keyof typeof fuzzKinds

export const fuzzKindNames = Object.keys(fuzzKinds) as FuzzKind[]
