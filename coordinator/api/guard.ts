/** The door as the listener knows it: asked before a body is read, and answered in its own words. */
import type { Guard } from '../../agent/http/exchange.ts'
import type { SignedDoor } from './door.ts'
import { headersOf } from './errors.ts'
import { ApiRefusal, httpStatusOf } from './refusal.ts'

export function guardOf(door: SignedDoor): Guard {
  return (head) => {
    try {
      return { bodyBytesMax: door.knock(head) }
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      const { code, why, fix } = error
      return { status: httpStatusOf[code], code, why, fix, headers: headersOf(error, door) }
    }
  }
}
