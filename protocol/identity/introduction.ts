/** What two peers say to each other before anything else: by what right each is of the mesh. */
import { bytes, field, type Infer, message, nested } from '../wire/schema.ts'
import { Credential } from './credential.ts'
import { revocationLimits } from './limits.ts'

export const Introduction = message('Introduction', { credential: field(1, nested(Credential)) })
export type Introduction = Infer<typeof Introduction>

/** In its place, to whom the mesh has taken back: the word that says so, for its host to read. */
export const Farewell = message('Farewell', {
  word: field(15, bytes(revocationLimits.wordBytesMax)),
})
