/** What every `Network` promises. Streams first, then reaching peers, then topics. */

import { reachingContract } from './network-reaching.ts'
import { streamContract } from './network-streams.ts'
import type { NetworkSubject } from './network-subject.ts'
import { topicContract } from './network-topics.ts'

export type { NetworkSubject } from './network-subject.ts'

export function networkContract(
  name: string,
  make: () => Promise<NetworkSubject> | NetworkSubject,
): void {
  streamContract(name, make)
  reachingContract(name, make)
  topicContract(name, make)
}
