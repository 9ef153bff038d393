/**
 * Whose word on the common network goes against that of most hosts, as the last rounds tell it: such a
 * host is not heard when it is decided what is kept (`models/federation/rounds/voices.ts`).
 */
import { Voices } from '../../../models/federation/rounds/voices.ts'
import { sharesOf } from '../../../models/federation/rounds/votes.ts'
import type { Round } from './rows.ts'

/** `rounds`: the oldest first. The worst first; of trees, for which hosts are asked otherwise, nothing counts. */
export function againstIn(rounds: readonly Pick<Round, 'family' | 'hosts'>[]): string[] {
  const voices = new Voices<string>()
  for (const { family, hosts } of rounds) {
    if (family !== 'net') continue
    voices.told(sharesOf(lossesOf(hosts, 'after'), lossesOf(hosts, 'before')))
  }
  return [...voices.against]
}

/** No number of those who have said none. */
function lossesOf(hosts: Round['hosts'], when: 'before' | 'after'): Map<string, number> {
  return new Map(hosts.map((host) => [host.id, host[when] ?? Number.NaN]))
}
