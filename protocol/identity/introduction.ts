/** What two peers say to each other before anything else: by what right each is of the mesh. */
import { field, type Infer, message, nested } from '../wire/schema.ts'
import { Credential } from './credential.ts'

export const Introduction = message('Introduction', { credential: field(1, nested(Credential)) })
export type Introduction = Infer<typeof Introduction>
