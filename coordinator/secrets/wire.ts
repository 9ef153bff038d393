/** What agents ask each other about secrets, and what the ledger keeps of them. */
import {
  bytes,
  field,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import { AttemptId } from '../../protocol/work/fence.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { secretLimits } from './limits.ts'
import { type MeshKeyId, meshKeyIdLength, unnamedKey } from './sealed.ts'

const { nameBytesMax, valueBytesMax } = secretLimits
const noteBytesMax = 1_024
/** What sealing adds: a key or its id, a nonce and a tag, with room. */
const sealedBytesMax = valueBytesMax + 128
const key = () => bytes(32)

export const SERVICE = 'secrets'

export const SecretQuestion = union('SecretQuestion', {
  /** To what a coordinator has its copy of the mesh key sealed. */
  publicKey: [1, message('PublicKeyQuestion', {})],
  /** From whoever leads and has no copy: the mesh key with that id, sealed to this. */
  meshKey: [
    2,
    message('MeshKeyQuestion', {
      sealing: field(1, key()),
      /** Absent: of a key from before keys had an id. */
      id: optional(2, text(meshKeyIdLength)),
    }),
  ],
  /** From the agent where a person has set a secret: to be sealed under the mesh key. */
  seal: [
    3,
    message('SealQuestion', {
      name: field(1, text(nameBytesMax)),
      value: field(2, bytes(valueBytesMax)),
    }),
  ],
  /** From an agent with an assignment. */
  open: [
    4,
    message('OpenQuestion', {
      id: field(1, nested(AttemptId)),
      names: repeated(2, text(nameBytesMax), workLimits.secretsMax),
      sealing: field(3, key()),
    }),
  ],
})
export type SecretQuestion = Infer<typeof SecretQuestion>

/** All that is secret in it is sealed to whoever asked. */
export const SecretAnswer = message('SecretAnswer', {
  why: optional(1, text(noteBytesMax)),
  /** Asked again, it will be the same. */
  final: optional(2, uint()),
  bytes: optional(3, bytes(sealedBytesMax)),
  opened: repeated(4, bytes(sealedBytesMax), workLimits.secretsMax),
})
export type SecretAnswer = Infer<typeof SecretAnswer>

export const NAMESPACE = 'secrets'
export const VALUE_PREFIX = 'value/'
/** Which the mesh key is, and whether one before is still in use. */
export const MADE_KEY = 'made'
/** Copies of a key, by its id, each sealed to a voter; of a key from before keys had an id. */
export const COPY_PREFIX = 'copy/'
export const KEY_PREFIX = 'key/'
/** Who had a copy, by the id of the key. */
export const ONCE_PREFIX = 'once/'
/** Changed with everything that is written under the mesh key, and with each other key. */
export const FENCE_KEY = 'under'

export const SecretRow = message('SecretRow', {
  /** Under the mesh key (`sealed.ts`). */
  sealed: field(1, bytes(sealedBytesMax)),
  by: field(2, text(noteBytesMax)),
  atMs: field(3, uint()),
})
export type SecretRow = Infer<typeof SecretRow>

export const aboutMeshKey = (id: MeshKeyId) =>
  id === unnamedKey ? 'mesh key of secrets' : `mesh key of secrets ${id}`
export const aboutValue = (name: string) => `secret ${name}`
export const aboutOpened = (name: string) => `opened ${name}`

export const Question = message('Question', { question: field(1, nested(SecretQuestion)) })
