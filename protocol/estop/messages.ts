/** What agents say to each other of emergency stops: words, what has come of them, and who knows more. */
import {
  bool,
  bytes,
  field,
  type Infer,
  message,
  nested,
  repeated,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import { estopLimits as limits } from './limits.ts'
import { StopWord } from './word.ts'

/** In the order in which they follow. */
export const answerStates = [
  /** It is latched, on the disk; what runs is being killed. */
  'latched',
  /** It is latched, and everything in scope was seen to be gone. For a release: it is released. */
  'done',
  /** It is not believed there; `why` says the reason. */
  'refused',
] as const
export type AnswerState = (typeof answerStates)[number]

export const StopAnswer = message('StopAnswer', {
  word: field(1, bytes(limits.idBytes)),
  state: field(2, text<AnswerState>(16)),
  /** Process groups, and what else attempts were made of. */
  killed: field(3, uint()),
  /** From hearing the word to this state. */
  tookMs: field(4, uint()),
  why: field(5, text(64)),
})
export type StopAnswer = Infer<typeof StopAnswer>

export const EstopFrame = union('EstopFrame', {
  /** To be answered, each. */
  words: [
    1,
    message('StopWords', { words: repeated(1, nested(StopWord), limits.wordsPerFrameMax) }),
  ],
  answers: [
    2,
    message('StopAnswers', { answers: repeated(1, nested(StopAnswer), limits.answersPerFrameMax) }),
  ],
  /** A hash of all that one knows, and whether the other is to say what it knows. */
  print: [3, message('StopPrint', { print: field(1, bytes(16)), asks: field(2, bool()) })],
})
export type EstopFrame = Infer<typeof EstopFrame>
