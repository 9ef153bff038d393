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

const { nameBytesMax, valueBytesMax } = secretLimits
const noteBytesMax = 1_024
/** What sealing adds: a key, a nonce and a tag, with room. */
const sealedBytesMax = valueBytesMax + 128
const key = () => bytes(32)

export const SERVICE = 'secrets'

export const SecretQuestion = union('SecretQuestion', {
  /** To what a coordinator has its copy of the mesh key sealed. */
  publicKey: [1, message('PublicKeyQuestion', {})],
  /** From a coordinator that has none: the mesh key, sealed to this. */
  meshKey: [2, message('MeshKeyQuestion', { sealing: field(1, key()) })],
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
export const KEY_PREFIX = 'key/'
export const VALUE_PREFIX = 'value/'
/** Written once, by whoever makes the mesh key, so that nobody makes another. */
export const MADE_KEY = 'made'

export const SecretRow = message('SecretRow', {
  /** Under the mesh key. */
  sealed: field(1, bytes(sealedBytesMax)),
  by: field(2, text(noteBytesMax)),
  atMs: field(3, uint()),
})
export type SecretRow = Infer<typeof SecretRow>

export const aboutMeshKey = 'mesh key of secrets'
export const aboutValue = (name: string) => `secret ${name}`
export const aboutOpened = (name: string) => `opened ${name}`

export const Question = message('Question', { question: field(1, nested(SecretQuestion)) })
