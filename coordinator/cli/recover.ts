/**
 * `skein recover`: when a mesh has lost its quorum for good. `--plan` looks and changes nothing,
 * `--apply` makes the disk of one survivor the beginning of a new era, `--reset` makes a host forget
 * its copy. All three work on the data directories of agents that do not run.
 */
import { kebab } from '../../agent/config/names.ts'
import type { Config } from '../../agent/config/schema.ts'
import { setAside } from '../../agent/consensus/aside.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { directoryError } from '../../agent/ports/data-directory-errors.ts'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { readConfig } from './config-file.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { apply } from './recover-apply.ts'
import { type Findings, findings, type Survivor } from './recover-findings.ts'
import { closePlaces, openPlaces, type Place } from './recover-places.ts'
import { list, planDocument, planLines, quoted } from './recover-text.ts'
import { wrongUse } from './usage.ts'

export interface RecoverOptions {
  plan?: boolean
  apply?: boolean
  reset?: boolean
  dataDirectory?: string[]
  config?: string
  /** Of stores that are sealed. */
  storeKeyFile?: string
  /** Addresses of agents that run. */
  ask?: string[]
  /** A copy that was set aside, to go on from in the place of what is there now. */
  copy?: string
  /** Where the log ended when it was planned. */
  expect?: string
  evenWithoutVote?: boolean
}

export async function recover(context: Context, options: RecoverOptions): Promise<number> {
  const verb = verbIn(options)
  const { paths, storeKeyFile } = placesIn(verb, options)
  const places = await openPlaces(paths, storeKeyFile)
  try {
    if (verb === 'reset') return await reset(context, places[0] as Place)
    const found = await findings(context, places, options.ask ?? [], options.copy)
    if (verb === 'plan') return plan(context, found, options)
    return await apply(context, found, options)
  } catch (error) {
    throw error instanceof DiskError ? directoryError(error, list(places.map(pathOf))) : error
  } finally {
    await closePlaces(places)
  }
}

const pathOf = ({ path }: Place) => path

type Verb = 'plan' | 'apply' | 'reset'

function verbIn(options: RecoverOptions): Verb {
  const verbs = (['plan', 'apply', 'reset'] as const).filter((verb) => options[verb])
  const [verb] = verbs
  if (verb === undefined || verbs.length > 1)
    throw wrongUse('skein recover does one thing at a time', 'give one of --plan, --apply, --reset')
  const foreign = (['ask', 'copy', 'expect', 'evenWithoutVote'] as const).filter(
    (name) => options[name] !== undefined,
  )
  if (verb === 'reset' && foreign.length > 0)
    throw wrongUse(`--reset does not take --${kebab(foreign[0] as string)}`, 'leave it out')
  return verb
}

function toldBy({ dataDirectory, store }: Config): { paths: string[]; kept: string } {
  return { paths: [dataDirectory], kept: store.keyFile }
}

interface Named {
  paths: string[]
  storeKeyFile: string
}

function placesIn(verb: Verb, { dataDirectory, config, storeKeyFile }: RecoverOptions): Named {
  const { paths, kept } = dataDirectory
    ? { paths: dataDirectory, kept: process.env.SKEIN_STORE_KEY_FILE ?? '' }
    : toldBy(readConfig({ flags: {}, config }))
  if (verb !== 'plan' && paths.length > 1)
    throw wrongUse(
      `--${verb} changes one host, and ${paths.length} data directories are named`,
      'name one; skein recover --plan says which is best',
    )
  return { paths, storeKeyFile: storeKeyFile ?? kept }
}

// ── Plan ──────────────────────────────────────────────────────────────────────────────────────────

function plan(context: Context, found: Findings, { copy }: RecoverOptions): ExitCode {
  if (context.json) document(context, planDocument(found, copy))
  else context.io.out(`${planLines(found, copy, context.io).join('\n')}\n`)
  if (found.plan.verdict === 'noBase') return exitCodes.failed
  return found.silent.length > 0 ? exitCodes.partly : exitCodes.done
}

// ── Reset ─────────────────────────────────────────────────────────────────────────────────────────

async function reset(context: Context, place: Place): Promise<number> {
  const { disk } = place.directory
  const found = await findings(context, [place], [], undefined)
  const { survey } = found.survivors[0] as Survivor
  const alone = found.plan.verdict === 'startThem' && survey.part === 'voter'
  const only = alone ? ', which is the only voter that there is: nobody can give it back' : ''
  const clause = `the host of ${place.path} forgets its copy of the ledger${only}`
  await confirm(context, clause, alone ? 'reset' : undefined)
  const clock = new SystemClock()
  const copy = await setAside(disk, { why: 'reset', wallMs: clock.wall() })
  clock.close()
  if (context.json) {
    document(context, { schemaVersion: 1, reset: survey.id, dataDirectory: place.path, copy })
    return exitCodes.done
  }
  context.io.out(`the host of ${place.path} has no ledger any more; its copy is kept as ${copy}\n`)
  if (!context.quiet)
    context.io.err(
      `start its agent: the others give it the ledger, and it comes to vote by itself\nbring the copy back: skein recover --apply --data-directory ${quoted(place.path)} --copy ${copy}\n`,
    )
  return exitCodes.done
}
