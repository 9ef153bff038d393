/**
 * `skein agent estop --local`: a stop said to the agent of this very host through its data directory,
 * with no network and no control API. Where no agent answers, its stages are killed from here, and the
 * letter stays for its next life, which reads it before it begins anything.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EPOCH_NOTE, type LetterAnswer } from '../../agent/estop/letters.ts'
import { killProcess, type Marked, markedApart } from '../../agent/ports/cells/marks.ts'
import { errnoOf } from '../../agent/ports/errno.ts'
import { ANSWER, LETTER, LETTERS_FOLDER } from '../../agent/ports/letterbox.ts'
import { identityFile, Secrets } from '../../agent/ports/secrets.ts'
import { estopLimits } from '../../protocol/estop/limits.ts'
import type { StopMode } from '../../protocol/estop/scope.ts'
import { StopWord, sayWord, slowHandOf } from '../../protocol/estop/word.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { OWNER_LETTERS } from '../daemon.ts'
import { readConfig } from './config-file.ts'
import { confirm } from './confirm.ts'
import { type Context, document, sleep } from './context.ts'
import { reasonIn, type ScopeFlags, scopeIn } from './estop-meant.ts'
import { plain } from './table.ts'

export interface LocalFlags extends ScopeFlags {
  mode: StopMode
  reason?: string
  config?: string
  dataDirectory?: string
}

const ANSWER_MS_MAX = 5_000
const LOOK_MS = 20
/** Threads that look for processes: one may stand still for a while. */
const READERS = 3

export async function estopLocal(context: Context, flags: LocalFlags): Promise<number> {
  const scope = scopeIn(flags)
  const reason = reasonIn(flags)
  const directory = directoryOf(flags)
  const folder = join(directory, LETTERS_FOLDER)
  await confirm(context, `everything that the agent in ${directory} runs is stopped`)
  const { holder, credential, signer } = await context.client.signIn.key()
  const body = sayWord({
    act: 'raise',
    mode: flags.mode,
    mesh: holder.mesh,
    scope,
    epoch: Math.min(epochIn(folder) + 1, estopLimits.epochMax),
    reason,
    nonce: new Uint8Array(randomBytes(estopLimits.nonceBytes)),
    issuedMs: Date.now(),
  })
  const word = encode(StopWord, { body, hands: [await slowHandOf(body, credential, signer)] })
  const answer = await answered(context, folder, word).catch((error: unknown) => {
    // A disk that is full, or broken, keeps nobody alive.
    if (errnoOf(error) === '') throw error
    return { notLeft: messageOf(error) }
  })
  if (answer === undefined || 'notLeft' in answer)
    return killedFromHere(context, directory, answer?.notLeft)
  if (context.json) document(context, { schemaVersion: 1, answered: true, ...answer })
  else {
    const { outcome, why, killed, tookMs } = answer
    const text = why === undefined ? `${killed} killed after ${tookMs} ms` : plain(why)
    context.io.out(`${said[outcome] ?? plain(outcome)}: ${text}\n`)
  }
  if (answer.outcome === 'refused') return exitCodes.refused
  return answer.outcome === 'latched' ? exitCodes.partly : exitCodes.done
}

/** What the agent’s word for what it did is in words for people. */
const said: Readonly<Record<string, string>> = {
  news: 'stopped',
  known: 'stopped before',
  latched: 'stopped, and not all of it is dead yet',
}

function directoryOf({ config, dataDirectory }: LocalFlags): string {
  const flags = dataDirectory === undefined ? {} : { dataDirectory }
  return readConfig({ flags, config }).dataDirectory
}

/** The highest that the agent knew of. */
function epochIn(folder: string): number {
  try {
    return Number.parseInt(readFileSync(join(folder, EPOCH_NOTE), 'utf8'), 10) || 0
  } catch {
    return 0
  }
}

async function answered(
  { interrupted }: Context,
  folder: string,
  word: Uint8Array,
): Promise<LetterAnswer | undefined> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const name = randomBytes(8).toString('hex')
  const draft = join(folder, `${name}.draft`)
  try {
    writeFileSync(draft, word, { mode: 0o600, flush: true })
    renameSync(draft, join(folder, name + LETTER))
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  const path = join(folder, name + ANSWER)
  const untilMs = performance.now() + ANSWER_MS_MAX
  while (performance.now() < untilMs && !interrupted.aborted) {
    if (existsSync(path)) {
      const answer = JSON.parse(readFileSync(path, 'utf8')) as LetterAnswer
      rmSync(path, { force: true })
      return answer
    }
    await sleep(LOOK_MS, interrupted)
  }
  return undefined
}

/**
 * No agent answers: what its earlier life has started is known by its mark. `notLeft`: why not even a
 * letter could be left, which an agent that lives or starts again would find.
 */
async function killedFromHere(
  context: Context,
  directory: string,
  notLeft: string | undefined,
): Promise<number> {
  const seed = await new Secrets(directory).read(identityFile)
  let killed = 0
  if (seed !== undefined) {
    const owner = signerFromSeed(seed).id.slice(-OWNER_LETTERS)
    const onFound = ({ pid }: Marked): void => {
      if (killProcess(pid)) killed++
    }
    // Each as soon as it is found: others may be looked at for a while.
    while ((await markedApart(owner, { atOnce: READERS, onFound })).length > 0) {
      await sleep(LOOK_MS, context.interrupted)
      if (context.interrupted.aborted) break
    }
  }
  const isLeft = notLeft === undefined
  if (context.json) document(context, { schemaVersion: 1, answered: false, killed, letter: isLeft })
  else {
    const which = isLeft ? 'no agent answers' : 'no letter can be left for the agent'
    const what = `${killed} processes of its stages were killed from here`
    const then = isLeft
      ? 'its next life finds the stop before it begins anything'
      : `it may begin others: end the agent, or say the stop again when the disk takes it (${notLeft})`
    context.io.out(`${which} in ${directory}: ${what}; ${plain(then)}\n`)
  }
  return exitCodes.partly
}
