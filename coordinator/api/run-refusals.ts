/** What is said to who asks of a run what cannot be done, or what the ledger did not take. */
import type { Result } from '../../protocol/ledger/result.ts'
import type { RunHead } from '../../protocol/ledger/work-view.ts'
import { ApiRefusal } from './refusal.ts'

export function alreadyOver({ run, state }: RunHead): ApiRefusal {
  return new ApiRefusal('conflict', `run ${run} has ended: ${state}`, `skein runs show ${run}`)
}

export function refusalTo(what: string, { code }: Result): ApiRefusal {
  if (code === 'full') {
    const fix = 'let runs end, or archive some, and try again'
    return new ApiRefusal('overloaded', `the ledger has no room to ${what}`, fix)
  }
  if (code === 'tooLarge') {
    const why = `the ledger does not ${what}: something in it is too large`
    return new ApiRefusal('badRequest', why, 'hand large things over as artifacts')
  }
  const why = `the ledger did not ${what}: ${code}`
  return new ApiRefusal('conflict', why, 'look at the state and try again')
}
