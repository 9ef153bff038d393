/** Who takes part in a comparison: for each client what it knows, what it is asked, and its rows as numbers. */
import { createHash } from 'node:crypto'
import { type Signer, signerFromSeed } from '../../../protocol/identity/peer-id.ts'
import { byEnd, byTime } from '../../evaluation/splits.ts'
import type { Row } from '../../rows.ts'
import { examplesOf } from '../describing.ts'
import type { Examples } from '../rounds/trainable.ts'
import { type Divided, type DividedBy, divided } from './dividing.ts'

export interface Client {
  readonly name: string
  /** Hosts or applications whose rows it has. */
  readonly of: readonly string[]
  readonly signer: Signer
  /** In the order of their ends. */
  readonly known: readonly Row[]
  readonly held: readonly Row[]
  /** Of `known`: what is trained on, and what votes are made by. */
  readonly trained: Examples
  readonly voting: Examples
  readonly knownExamples: Examples
  readonly heldExamples: Examples
}

export interface Clients {
  readonly by: DividedBy
  readonly clients: readonly Client[]
}

/** Each eighth row of what is known is kept for votes; a host with very few votes by all it has. */
const votesOneIn = 8
const voteRowsMin = 5

/** Clients that have nothing to learn from, or nothing to be asked, take no part. */
export function clientsOf(rows: readonly Row[], count: number, by?: DividedBy): Clients {
  const split = byTime(rows)
  const parts: Divided = divided(rows, count, by)
  const clients = parts.parts.flatMap(({ name, of }, i) => {
    const isOwn = (row: Row) => parts.partOf(row) === i
    const known = split.known.filter(isOwn).sort(byEnd)
    const held = split.held.filter(isOwn)
    if (known.length === 0 || held.length === 0) return []
    const voting = known.filter((_, at) => at % votesOneIn === votesOneIn - 1)
    const isEnough = voting.length >= voteRowsMin
    const trained = isEnough ? known.filter((_, at) => at % votesOneIn !== votesOneIn - 1) : known
    const client: Client = {
      name,
      of,
      signer: signerOf(name),
      known,
      held,
      trained: examplesOf(trained),
      voting: examplesOf(isEnough ? voting : known),
      knownExamples: examplesOf(known),
      heldExamples: examplesOf(held),
    }
    return [client]
  })
  return { by: parts.by, clients }
}

/** The same each time, so that one seed gives one result. It signs nothing but these rounds. */
function signerOf(name: string): Signer {
  return signerFromSeed(new Uint8Array(createHash('sha256').update(`evaluated ${name}`).digest()))
}
