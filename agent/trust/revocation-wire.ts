/** What agents say to each other about what was taken back. */
import { certificateLimits, revocationLimits } from '../../protocol/identity/limits.ts'
import {
  bool,
  bytes,
  field,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  union,
} from '../../protocol/wire/schema.ts'
import { trustLimits } from './limits.ts'

const { wordsMax, wordsPerCallMax } = trustLimits
const what = () => text(certificateLimits.keyBytesMax)
const word = () => bytes(revocationLimits.wordBytesMax)

const Saying = union('RevocationSaying', {
  compare: [1, message('CompareRevocations', { fingerprint: field(1, bytes(32)) })],
  give: [2, message('GiveRevocations', { words: repeated(1, word(), wordsPerCallMax) })],
  want: [3, message('WantRevocations', { whats: repeated(1, what(), wordsPerCallMax) })],
})
export type SpreadSaying = Infer<typeof Saying>

export const SpreadQuestion = message('RevocationQuestion', { question: field(1, nested(Saying)) })

export const SpreadAnswer = message('RevocationAnswer', {
  isSame: optional(1, bool()),
  known: repeated(2, what(), wordsMax),
  words: repeated(3, word(), wordsPerCallMax),
})
export type SpreadAnswer = Infer<typeof SpreadAnswer>
