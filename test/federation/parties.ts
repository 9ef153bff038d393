/** Hosts that take part in masked rounds, and one round carried from hand to hand. */
import { MaskingClient } from '../../models/federation/masking/client.ts'
import { onGrid } from '../../models/federation/masking/fixed-point.ts'
import { MaskingServer } from '../../models/federation/masking/server.ts'
import type { Terms } from '../../models/federation/masking/terms.ts'
import { gridOf } from '../../models/federation/masking/terms.ts'
import type { Opening } from '../../models/federation/masking/unmasking.ts'
import { type PeerId, type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

export function hosts(count: number): Signer[] {
  const signers = Array.from({ length: count }, (_, i) =>
    signerFromSeed(new Uint8Array(32).fill(i + 1)),
  )
  return signers.sort((a, b) => (a.id < b.id ? -1 : 1))
}

export function termsOf(signers: readonly Signer[], parameters: number, sketch = 16): Terms {
  return {
    round: new Uint8Array(32).fill(7),
    participants: signers.map(({ id }) => id),
    parameters,
    clip: 1,
    sketch,
  }
}

/** Each after what phase it is never heard of again. */
export type Death = 'never' | 'start' | 'keys' | 'dealing' | 'masked' | 'sketch'
const course: Death[] = ['start', 'keys', 'dealing', 'masked', 'sketch', 'never']

export interface Course {
  readonly terms: Terms
  readonly signers: readonly Signer[]
  readonly updates: readonly Int32Array[]
  readonly deaths: readonly Death[]
  readonly seed: string
  /** Of those that may be. All, unless it is said. */
  readonly select?: (candidates: readonly PeerId[]) => readonly PeerId[]
  /** Sees, and may change, all that is sent to the leader. */
  readonly onWay?: <T>(kind: string, from: PeerId, message: T) => T
}

export type Outcome = Opening | { ok: false; why: string }

/** Everything goes through, or is lost where somebody dies; the leader waits for nobody. */
export function carried(round: Course): Outcome {
  const { terms, signers, updates, deaths } = round
  const server = new MaskingServer(terms)
  const clients = signers.map(
    (signer) => new MaskingClient(signer, terms, new SeededEntropy(`${round.seed} ${signer.id}`)),
  )
  const lives = (i: number, after: Death) =>
    course.indexOf(deaths[i] ?? 'never') > course.indexOf(after)
  const onWay = round.onWay ?? ((_kind, _from, message) => message)
  const each = (after: Death, act: (client: MaskingClient, from: PeerId, i: number) => void) => {
    clients.forEach((client, i) => {
      if (lives(i, after)) act(client, (signers[i] as Signer).id, i)
    })
  }
  each('start', (client, from) => {
    const said = client.keys()
    if (said.ok) server.takeKeys(from, onWay('keys', from, said.message))
  })
  const list = server.closeKeys()
  if (!list.ok) return list
  each('keys', (client, from) => {
    const said = client.deal(list.message)
    if (said.ok) server.takeDealing(from, onWay('dealing', from, said.message))
  })
  const hands = server.closeDealing()
  if (!hands.ok) return hands
  each('dealing', (client, from, i) => {
    const hand = hands.message.get(from)
    if (hand === undefined) return
    const said = client.mask(hand, updates[i] as Int32Array)
    if (said.ok) server.takeMasked(from, onWay('masked', from, said.message))
  })
  const roll = server.closeMasked()
  if (!roll.ok) return roll
  if (terms.sketch > 0) {
    each('masked', (client, from) => {
      const said = client.sketch(roll.message)
      if (said.ok) server.takeSketch(from, onWay('sketch', from, said.message))
    })
  }
  const candidates = [...server.candidates().keys()]
  const selection = server.select(round.select?.(candidates) ?? candidates)
  if (!selection.ok) return selection
  each('sketch', (client, from) => {
    const said = client.reveal(selection.message)
    if (said.ok) server.takeReveal(from, onWay('reveal', from, said.message))
  })
  return server.open()
}

/** Updates as training might give them, with weights. */
export function someUpdates(terms: Terms, seed: string): Int32Array[] {
  const { bits, bound } = gridOf(terms)
  return terms.participants.map((id) => {
    const chance = new SeededEntropy(`${seed} update ${id}`)
    const values = Array.from({ length: terms.parameters + 1 }, () => chance.unit() - 0.5)
    values[terms.parameters] = 0.1 + 0.9 * chance.unit()
    return onGrid(values, bits, bound)
  })
}

export function plainSum(updates: readonly Int32Array[]): Int32Array {
  const sum = new Int32Array(updates[0]?.length ?? 0)
  for (const update of updates) {
    update.forEach((value, i) => {
      sum[i] = (sum[i] as number) + value
    })
  }
  return sum
}
