/** A person with a key who raises and releases stops at one agent of a mesh or another. */
import { randomBytes } from 'node:crypto'
import type { RouteResponse } from '../../coordinator/api/routes.ts'
import { Client } from '../../coordinator/cli/client.ts'
import { StopWord, sayWord, slowHandOf } from '../../protocol/estop/word.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { LocalNode } from '../mesh/layout.ts'
import { signInOf } from '../mesh/looking.ts'
import { monotonicMs } from './monotonic.ts'

export type EstopState = RouteResponse<'estop'>

/** The name of a word, and when it was signed. */
export interface Said {
  word: string
  signedMs: number
}

const LOOK_AGAIN_MS = 20

export class StopHand {
  readonly #clients: ReadonlyMap<string, Client>

  constructor(nodes: readonly LocalNode[]) {
    const { signal } = new AbortController()
    this.#clients = new Map(
      nodes.map((node) => [node.name, new Client(node.apiAddress, signInOf(node), signal)]),
    )
  }

  state(at: string, word?: string): Promise<EstopState> {
    return this.#client(at).call('estop', { query: word === undefined ? {} : { word } })
  }

  /** The same, however long that agent has no time to answer. */
  async stateAtLast(at: string, deadlineMs: number, word?: string): Promise<EstopState> {
    const untilMs = performance.now() + deadlineMs
    for (;;) {
      try {
        return await this.state(at, word)
      } catch (error) {
        if (!isPassing(error) || performance.now() > untilMs) throw error
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    }
  }

  /** Says it at that agent. Resolves with the word's name when the agent has heard it. */
  async raise(at: string, { next }: EstopState): Promise<Said> {
    const { epoch } = next
    return this.#say(at, { act: 'raise', mode: 'kill', epoch })
  }

  /** All that this agent knows to be in force. */
  async release(at: string, deadlineMs: number): Promise<string> {
    const { next } = await this.stateAtLast(at, deadlineMs)
    const { epoch, covers, floor } = next
    return (await this.#say(at, { act: 'release', epoch, covers, floor })).word
  }

  /** Resolves when so many stops are in force at each of these agents. */
  async untilInForce(names: readonly string[], count: number, deadlineMs: number): Promise<void> {
    const untilMs = performance.now() + deadlineMs
    for (const name of names) {
      for (;;) {
        const found = await this.state(name).catch(() => undefined)
        if (found?.inForce.length === count) break
        if (performance.now() > untilMs) {
          throw new Error(`${name}: ${found?.inForce.length ?? 'unknown'} stops, and not ${count}`)
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    }
  }

  /** Any bytes, as a word. Resolves with its name. */
  async hand(at: string, word: Uint8Array): Promise<string> {
    const body = { word: Buffer.from(word).toString('base64url') }
    return (await this.#client(at).call('sayStop', { body })).word
  }

  async #say(
    at: string,
    what:
      | { act: 'raise'; mode: 'kill'; epoch: number }
      | { act: 'release'; epoch: number; covers: EstopState['next']['covers']; floor: number },
  ): Promise<Said> {
    const client = this.#client(at)
    const { holder, credential, signer } = await client.signIn.key()
    const body = sayWord({
      ...what,
      mesh: holder.mesh,
      scope: { kind: 'mesh' },
      reason: 'a measurement',
      nonce: new Uint8Array(randomBytes(16)),
      issuedMs: Date.now(),
    })
    const hands = [await slowHandOf(body, credential, signer)]
    const signedMs = monotonicMs()
    return { word: await this.hand(at, encode(StopWord, { body, hands })), signedMs }
  }

  #client(name: string): Client {
    const client = this.#clients.get(name)
    if (client === undefined) throw new Error(`there is no agent ${name}`)
    return client
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof Problem && error.exitCode === exitCodes.noAnswer
}
