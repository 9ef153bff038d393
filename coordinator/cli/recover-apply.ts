/** `skein recover --apply`: one survivor's disk becomes the beginning of a new era. */
import { hostname, userInfo } from 'node:os'
import { SystemClock } from '../../agent/ports/clock.ts'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { type Begun, beginEra } from '../../agent/recovery/begin-era.ts'
import { assert } from '../../protocol/assert.ts'
import { drawEraAfter, termText } from '../../protocol/consensus/era.ts'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { machine } from '../../protocol/ledger/machine.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { Problem } from '../../protocol/problem.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import type { RecoverOptions } from './recover.ts'
import type { Findings, Survivor } from './recover-findings.ts'
import { list, positionText, riskLines } from './recover-text.ts'

/** What is noted of a path always fits a note. */
const PATH_NOTED_LENGTH = 200

export async function apply(
  context: Context,
  found: Findings,
  options: RecoverOptions,
): Promise<number> {
  const survivor = found.survivors[0] as Survivor
  const state = usableState(survivor, found, options)
  const { place, survey } = survivor
  if (!context.quiet && !context.json)
    context.io.err(
      `${riskLines(found)
        .map((line) => `- ${line}`)
        .join('\n')}\n`,
    )
  const last = `entry ${survey.last.index} of term ${termText(survey.last.term)}`
  const clause = `the ledger goes on from ${place.path} alone, from ${last}, without its other voters`
  await confirm(context, clause, 'recover')
  const entropy = new SystemEntropy()
  const clock = new SystemClock()
  const era = drawEraAfter(found.plan.era, entropy)
  const wallMs = clock.wall()
  clock.close()
  const begun = await beginEra(place.directory.disk, entropy, survey, {
    era,
    wallMs,
    note: (copy) => auditNote(found, survivor, state, { era, wallMs, copy }),
    ...(options.copy === undefined ? {} : { from: options.copy }),
  })
  tellApplied(context, found, survivor, begun, era)
  return exitCodes.done
}

/** Throws when this disk is not one to go on from. */
function usableState(
  { place, survey, unusable, state }: Survivor,
  { plan, live }: Findings,
  { expect, evenWithoutVote }: RecoverOptions,
): LedgerState {
  const refuse = (code: string, why: string, fix: string, exitCode: ExitCode) =>
    new Problem({ code, why, fix, exitCode })
  const here = positionText(survey.last)
  if (expect !== undefined && expect !== here) {
    const why = `the plan is stale: ${place.path} ends at ${here} now, and was to end at ${expect}`
    throw refuse('stalePlan', why, 'look again with skein recover --plan', exitCodes.conflict)
  }
  if (plan.verdict === 'alive') {
    const who = live.filter(({ hasQuorum }) => hasQuorum).map(({ name }) => name)
    const why = `nothing is lost: ${list(who)} has a leader and enough voters`
    throw refuse('meshDecides', why, 'start this agent, and it joins them', exitCodes.conflict)
  }
  if (plan.verdict === 'startThem') {
    const why = `nothing is lost: ${plan.able} of ${plan.voters.length} voters are here, and ${plan.needed} are enough`
    throw refuse('quorumThere', why, 'start their agents', exitCodes.conflict)
  }
  if (!state || unusable !== undefined) {
    const why = `no mesh can go on from ${place.path}: ${unusable}`
    throw refuse('unusable', why, 'plan with the disks of other hosts', exitCodes.failed)
  }
  if (survey.part !== 'voter' && !evenWithoutVote) {
    const why = `${place.path} is not a voter’s: by its own log it is a ${survey.part}’s, and may lack what the voters had agreed on`
    const fix = 'go on from a voter’s disk, or add --even-without-vote when no voter’s is left'
    throw refuse('notVoter', why, fix, exitCodes.refused)
  }
  return state
}

interface Occasion {
  era: number
  wallMs: number
  copy: string | undefined
}

/** A user may have no name, in a container. */
function whoAsks(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}@${hostname()}`
  }
}

/** The audit entry that says what was done, as the log takes it. */
function auditNote(
  { plan, nameOf }: Findings,
  { survey, place }: Survivor,
  state: LedgerState,
  { era, wallMs, copy }: Occasion,
): Uint8Array {
  const others = plan.voters.filter(({ id }) => id !== survey.id)
  const detail = [
    `from entry ${survey.last.index} of term ${termText(survey.last.term)}`,
    `${plan.tail} entries not known to be committed`,
    `era ${era}`,
    `without ${others.map(({ id, fate }) => `${nameOf(id)} (${id}, ${fate})`).join(', ')}`,
    ...(copy === undefined ? [] : [`copy ${copy}`]),
  ].join('; ')
  const value = {
    actor: whoAsks(),
    verb: 'recover',
    object: `ledger on ${survey.id}`,
    from: place.path.slice(-PATH_NOTED_LENGTH),
    detail,
  }
  const sealed = machine.seal(
    { kind: 'auditAppend', value: { ...value, outcome: 'done' } },
    { timeMs: Math.max(wallMs, state.timeMs) },
  )
  assert(sealed.ok, 'a note fits an entry')
  return sealed.payload
}

function tellApplied(
  context: Context,
  { nameOf }: Findings,
  { place, survey }: Survivor,
  { copy, base, last }: Begun,
  era: number,
): void {
  const { io, json, quiet } = context
  if (json) {
    const { path: dataDirectory } = place
    const from = { lastIndex: base.index, lastTerm: base.term }
    document(context, { schemaVersion: 1, recovered: survey.id, dataDirectory, era, copy, ...from })
    return
  }
  io.out(
    `the ledger goes on in era ${era}, from entry ${last.index}; its only voter is ${nameOf(survey.id)}\n`,
  )
  if (quiet) return
  io.err(
    [
      ...(copy === undefined ? [] : [`what was there is kept as copy ${copy}, in the same store`]),
      'next:',
      '  1. start the agent of this data directory: it leads within a second',
      '  2. start the others, also those that had survived: each sets its copy aside and is given this one',
      '  3. watch skein status: hosts come to vote by themselves, one after the other',
      `taken back, if it was a mistake: skein recover --apply --data-directory DIR --copy COPY, on the host with the right copy`,
      '',
    ].join('\n'),
  )
}
