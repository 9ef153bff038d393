/**
 * A stop that stops nothing, once, when the agent has begun and has nothing to do. What is first done
 * in a real one is read, compiled and looked up then, on a host whose cores its stages take: the first
 * stop of an agent's life took it twice what the next ones did.
 *
 * Invariant: nothing of it can be seen. What is heard is of a mesh that exists nowhere else, by a core
 * of its own, and is written down and passed on nowhere; what is killed is nobody.
 */
import { EstopCore } from '../../protocol/estop/core.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import type { StopWord } from '../../protocol/estop/word.ts'
import type { Cells } from '../../protocol/ports/cells.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { ModuleSpec } from '../modules/module.ts'
import { estopDriverLimits } from './limits.ts'
import { Somebody } from './somebody.ts'

export interface RehearsalParts {
  clock: Clock
  entropy: Entropy
  cells: Pick<Cells, 'still' | 'killAll'>
  log: Log
  /** Something runs here, or is stopped: there is nothing to rehearse then, and no time for it. */
  isBusy(): boolean
  /** The way by which a person's word comes here. */
  say?(person: Somebody): Promise<unknown>
}

export function rehearsalModule(parts: RehearsalParts): ModuleSpec {
  const { clock, log, isBusy } = parts
  let timer: Timer | undefined
  const wait = (): void => {
    timer = clock.after(estopDriverLimits.rehearseAfterMs, () => {
      if (isBusy()) return wait()
      rehearse(parts).catch((error: unknown) => {
        // No stop depends on it.
        log.child('estop').error('not rehearsed', { why: String(error) })
      })
    })
  }
  return {
    name: 'estop-rehearsal',
    priority: 7,
    needs: ['work'],
    start: wait,
    stop: () => timer?.cancel(),
  }
}

/** Resolves with how many words were believed, and obeyed by nobody. */
export async function rehearse({ clock, entropy, cells, say }: RehearsalParts): Promise<number> {
  const person = new Somebody(entropy.stream('rehearsal'), clock.wall())
  let obeyed = 0
  for (let turn = 0; turn < estopDriverLimits.rehearsals; turn++) {
    obeyed += heardAndObeyed(person, clock.now(), clock.wall())
  }
  const goOn = cells.still()
  try {
    await cells.killAll(new Set())
  } finally {
    goOn()
  }
  for (let turn = 0; turn < estopDriverLimits.rehearsals; turn++) await say?.(person)
  return obeyed
}

/** A raise and its release, as a host hears, passes on and answers them. */
function heardAndObeyed(person: Somebody, nowMs: number, wallMs: number): number {
  const core = coreOf(person, nowMs)
  const peers = [person.issuer.id, person.signer.id] as const
  for (const peer of peers) core.connected(peer, nowMs)
  let obeyed = 0
  const hear = (word: StopWord): void => {
    const sent = encode(EstopFrame, { kind: 'words', value: { words: [word] } })
    const frame = decode(EstopFrame, sent)
    if (!frame.ok) return
    // The second has it from another, and is answered.
    for (const peer of peers) core.hear(peer, frame.value, nowMs, wallMs)
    for (let ready = core.takeReady(); ready !== undefined; ready = core.takeReady()) {
      for (const { frame: said } of ready.say) encode(EstopFrame, said)
      for (const { id } of ready.obey) {
        obeyed++
        core.done(id, 0, nowMs)
      }
    }
  }
  hear(person.raise())
  const next = core.latch.nextRelease({ kind: 'mesh' })
  if (next !== undefined) hear(person.release(next))
  return obeyed
}

/** An agent of that mesh: its core, and nothing around it. */
export function coreOf({ root, trust }: Somebody, nowMs: number): EstopCore {
  return new EstopCore({ self: root.id, trust, rules: { releasePeople: 1 } }, [], nowMs)
}
