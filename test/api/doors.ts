/** Doors and people for tests that are not about who may come in. */
import type { Guard } from '../../agent/http/exchange.ts'
import type { Caller, Door } from '../../coordinator/api/door.ts'
import { SignIn } from '../../coordinator/cli/sign-in.ts'
import { ada, credentialOf } from '../identity/parties.ts'

export function callerNamed(name: string): Caller {
  return { id: ada.id, name, roles: ['master'] }
}

/** Lets everybody in, as somebody of that name who may do all. */
export function openDoor(name = 'ada'): Door {
  const caller = callerNamed(name)
  return {
    challenge: 'Bearer',
    enter: () => caller,
    admit: async () => caller,
    countBadCall: () => {},
    onRefusedAct: () => {},
    isSuperseded: () => false,
  }
}

export const openGuard: Guard = () => ({ bodyBytesMax: Number.MAX_SAFE_INTEGER })

/** With a key that is good at any time of the wall clock. */
export function signedInAsAda(): SignIn {
  const times = { notBeforeMs: 0, notAfterMs: 9e12 }
  return new SignIn(async () => ({
    signer: ada,
    credential: credentialOf(ada, times),
    from: 'ada.key',
  }))
}
