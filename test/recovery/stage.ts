/** A council that loses its quorum, and whoever recovers it. */
import assert from 'node:assert/strict'
import { asidesOn, asideView } from '../../agent/consensus/aside.ts'
import { type Begun, beginEra } from '../../agent/recovery/begin-era.ts'
import { type Survey, survey } from '../../agent/recovery/survey.ts'
import { drawEraAfter, eraOf } from '../../protocol/consensus/era.ts'
import type { Limits } from '../../protocol/consensus/limits.ts'
import type { HostPorts } from '../../simulations/world/host.ts'
import { Council, type Seat } from '../voters/stage.ts'

export async function councilOf(
  seed: string,
  count: number,
  changed: Partial<Limits> = {},
): Promise<Council> {
  const council = new Council(seed, count, changed)
  await council.found()
  assert.ok(await council.until(() => council.leader !== undefined, 5_000), 'a leader is elected')
  return council
}

export const agree = (seats: readonly Seat[], words: readonly string[]) => () =>
  seats.every(
    ({ host, words: said }) =>
      host.state === 'up' && said.words.length === words.length && said.words.every(isAt(words)),
  )

const isAt = (words: readonly string[]) => (word: string, i: number) => word === words[i]

/** Does something with the disk of a host whose agent does not run. */
export async function offline<T>(
  council: Council,
  { host }: Seat,
  work: (ports: HostPorts) => Promise<T>,
): Promise<T> {
  let done: { value: T } | undefined
  host.boot(async (ports) => {
    done = { value: await work(ports) }
  })
  assert.ok(await council.until(() => done !== undefined, 60_000), `the work at ${host.name} ends`)
  host.crash('kill')
  return (done as { value: T }).value
}

export function surveyed(council: Council, seat: Seat): Promise<Survey> {
  return offline(council, seat, async ({ disk }) => {
    const found = await survey(disk, seat.host.id)
    assert.ok(found, `${seat.host.name} holds something`)
    return found
  })
}

/** As `skein recover --apply` does on the host of this seat. */
export function recoverAt(council: Council, seat: Seat, word: string): Promise<Begun> {
  return offline(council, seat, ({ disk, entropy, clock }) =>
    recoverDisk(seat, { disk, entropy, clock }, word),
  )
}

export async function recoverDisk(
  seat: Seat,
  { disk, entropy, clock }: Pick<HostPorts, 'disk' | 'entropy' | 'clock'>,
  word: string,
  from?: string,
): Promise<Begun> {
  const here = await survey(disk, seat.host.id)
  const base = from === undefined ? here : await survey(asideView(disk, from), seat.host.id)
  assert.ok(base)
  const after = Math.max(eraOf(base.term), eraOf(here?.term ?? 0))
  return beginEra(disk, entropy, base, {
    era: drawEraAfter(after, entropy),
    wallMs: clock.wall(),
    note: () => new TextEncoder().encode(word),
    ...(from === undefined ? {} : { from }),
  })
}

export function copiesAt(council: Council, seat: Seat) {
  return offline(council, seat, ({ disk }) => asidesOn(disk))
}

/** As autopilot does, for a host that is there: first it learns, then it votes. */
export async function admit(council: Council, seat: Seat): Promise<void> {
  const done = await council.until(() => {
    const voter = council.leader?.voter
    const status = voter?.status()
    if (!voter || !status || !seat.voter) return false
    const { voters, learners } = status.config
    const member = { id: seat.host.id, storage: seat.storage }
    const same = ({ id, storage }: typeof member) => id === member.id && storage === member.storage
    if (voters.some(same)) return status.commit >= status.configIndex
    const others = learners.filter(({ id }) => id !== member.id)
    const staying = voters.filter(({ id }) => id !== member.id)
    const target = learners.some(same)
      ? { voters: [...staying, member], learners: others }
      : { voters: staying, learners: [...others, member] }
    voter.reconfigure(target, status.configIndex)
    return false
  }, 20_000)
  assert.ok(done, `${seat.host.name} comes to vote`)
}
