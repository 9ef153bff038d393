/** The command line's way from words to an exit code, whatever happens in between. */
import { type Command, CommanderError } from 'commander'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Client } from './client.ts'
import { grammar, type Programs } from './grammar.ts'
import { type Io, processIo } from './io.ts'
import { usageProblem } from './usage.ts'

const SIGINT_TWICE_MS = 2_000

export async function run(
  argv: readonly string[],
  programs: Programs,
  io: Io = processIo(process.env),
): Promise<number> {
  let exitCode: number = exitCodes.done
  const interrupt = new AbortController()
  const clients: Client[] = []
  const program = grammar({
    io,
    programs,
    interrupted: interrupt.signal,
    done: (code) => {
      exitCode = code
    },
    calls: (client) => clients.push(client),
  })
  const json = argv.includes('--json')
  speakThrough(program, io, json)
  leaveWithReader()
  const stopListening = listenForInterrupt(interrupt)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    await rememberPeers(clients, io)
    await renewCertificates(clients, json ? undefined : io)
  } catch (error) {
    const problem = await problemIn(error, program, argv, clients)
    exitCode = problem === undefined ? exitCodes.done : tell(problem, io, json)
  } finally {
    stopListening()
  }
  return exitCode
}

/** Help goes out as it is; what the grammar refuses is told by `tell`, in one voice. */
function speakThrough(program: Command, io: Io, json: boolean): void {
  const output = {
    writeOut: (text: string) => io.out(text),
    writeErr: (text: string) => {
      if (!json) io.err(text)
    },
    outputError: () => {},
  }
  for (const command of everyCommand(program)) command.configureOutput(output)
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}

/** Undefined when nothing is wrong: help and version leave by an error, too. Throws what is a bug. */
async function problemIn(
  error: unknown,
  program: Command,
  argv: readonly string[],
  clients: readonly Client[],
): Promise<Problem | undefined> {
  if (error instanceof Problem) return error
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? undefined : usageProblem(error, program, argv)
  }
  for (const client of clients) {
    const misread = await client.misread()
    if (misread) return misread
  }
  throw error
}

/** For the day on which no control API answers. */
async function rememberPeers(clients: readonly Client[], { env }: Io): Promise<void> {
  for (const client of clients) {
    const seen = await client.peersSeen()
    if (seen === undefined) continue
    const { keepPeers } = await import('./known-peers.ts')
    keepPeers(env, seen.mesh, seen.peers)
  }
}

/** Where the issuing key behind them was replaced. */
async function renewCertificates(clients: readonly Client[], io: Io | undefined): Promise<void> {
  for (const client of clients) {
    if (!client.isSuperseded) continue
    const { renewOwn } = await import('./own-renewal.ts')
    const told = await renewOwn(client)
    io?.err(`${told}\n`)
  }
}

function tell({ code, why, fix, exitCode }: Problem, io: Io, json: boolean): ExitCode {
  if (exitCode === exitCodes.interrupted) return exitCode
  if (json) io.err(`${JSON.stringify({ schemaVersion: 1, error: { code, why, fix } })}\n`)
  else io.err(`skein: ${why}; ${fix}\n`)
  return exitCode
}

/** The first Ctrl-C ends what runs in good order; a second soon after ends the program. */
function listenForInterrupt(interrupt: AbortController): () => void {
  let lastMs = Number.NEGATIVE_INFINITY
  const onSignal = () => {
    const nowMs = performance.now()
    if (nowMs - lastMs < SIGINT_TWICE_MS) process.exit(exitCodes.interrupted)
    lastMs = nowMs
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  return () => process.off('SIGINT', onSignal)
}

/**
 * A reader that has seen enough (`| head`) is no error. Listened to for good, because a pipe may
 * say so only after the last command has run.
 */
function leaveWithReader(): void {
  for (const [stream, onError] of [
    [process.stdout, onOutput],
    [process.stderr, onTalk],
  ] as const) {
    if (!stream.listeners('error').includes(onError)) stream.on('error', onError)
  }
}

function onOutput(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
  throw error
}

/** What nobody hears need not be said; the work goes on. */
function onTalk(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
