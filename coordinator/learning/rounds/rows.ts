/**
 * Federated rounds in the ledger: how they are to be done, what people have asked for, what came of
 * each, and where whoever leads has got to. Settings and wishes are written by people; all else by
 * whoever leads, so that the next one goes on from it.
 */
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import type { RuleName } from '../../../models/federation/aggregation/rules.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { type Family, families } from '../../../models/registry/learned.ts'
import { certificateLimits } from '../../../protocol/identity/limits.ts'
import type { SimpleCommand } from '../../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow } from '../../../protocol/ledger/kv-rows.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import type { LedgerState } from '../../../protocol/ledger/state.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import {
  bool,
  field,
  float,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  type Schema,
  text,
  uint,
} from '../../../protocol/wire/schema.ts'
import { roundsLimits } from './limits.ts'
import { type RoundSettings, roundFamilies, roundRules, usualSettings } from './settings.ts'
import { NAMESPACE } from './wire.ts'
import { WISH_KEY, type Wish, WishRow } from './wish.ts'

export const CONFIG_KEY = 'config'
const TALLY_KEY = 'tally'
const ROUND_PREFIX = 'round/'
/** Keys in the order of numbers. */
const DIGITS = 10

const by = () => text(stateLimits.noteBytesMax)
const hash = () => text(64)
const familyBytesMax = 16

/** Field numbers are for ever, and so are the numbers of what is named here. */
export const roundStates = { open: 0, kept: 1, rejected: 2, failed: 3 } as const
export type RoundState = keyof typeof roundStates
export const roundPhases = ['inviting', 'training', 'masking', 'voting', 'ended'] as const
export type RoundPhase = (typeof roundPhases)[number]
/**
 * Why a host is not in it: `excused` has too little to learn from, or no copy of the ledger; `silent`
 * has not answered; `refused` would not, or said what nobody takes; `notCounted` gave an update that the
 * rule leaves out, or in the half that hosts are worse off with; `suspected` was not asked, for what it
 * was in was worse too often.
 */
export const outs = ['excused', 'silent', 'refused', 'notCounted', 'suspected'] as const
export type Out = (typeof outs)[number]

const ConfigRow = message('FederationConfig', {
  everyMs: field(1, uint()),
  steps: field(2, uint()),
  hold: field(3, float()),
  rule: field(4, text(32)),
  liars: field(5, uint()),
  noise: field(6, float()),
  participantsMin: field(7, uint()),
  by: field(8, by()),
  atMs: field(9, uint()),
  family: optional(10, text(familyBytesMax)),
})

const TallyRow = message('FederationTally', {
  /** Of the round that was begun last. */
  number: field(1, uint()),
  /** Since learning began, or began anew: the rate follows it. */
  kept: field(2, uint()),
  openedMs: field(3, uint()),
  /** Which wish was heard last, and how many rounds of it are to come. */
  wishMs: field(4, uint()),
  left: field(5, uint()),
  /** Rounds one after the other whose leader was lost. */
  lost: field(6, uint()),
  /** Rounds with noise that have come to masking, and the least noise that one of them had. */
  noisy: field(7, uint()),
  noiseLeast: field(8, float()),
  /** Rounds without noise that have. */
  bare: field(9, uint()),
  /** How much of a step is made: less after rounds that were rejected. */
  stride: field(10, float()),
  /** Of rounds with noise, in the one that had most: the more they are, the less noise each adds. */
  hostsMost: optional(11, uint()),
  /** Hosts that most rounds are done without. */
  suspects: repeated(12, text(certificateLimits.keyBytesMax), federationLimits.clientsMax),
  /** The row of the wish that was heard last, by its revision; without, it is told by its time alone. */
  heard: optional(13, uint()),
})
export type Tally = Infer<typeof TallyRow>

const HostRow = message('FederationHost', {
  id: field(1, text(certificateLimits.keyBytesMax)),
  rows: field(2, uint()),
  counted: field(3, bool()),
  upBytes: field(4, uint()),
  downBytes: field(5, uint()),
  before: optional(6, float()),
  after: optional(7, float()),
  /** One more than its place in `outs`. */
  out: optional(8, uint()),
  why: optional(9, text(roundsLimits.whyBytesMax)),
  /** Under masks, where one who lies can spoil a round for all. */
  lied: optional(10, bool()),
  /** In which half it was, of a round that was done in two: 1 or 2. */
  half: optional(11, uint()),
  /** What it says did not count: it has gone against what most say, time and again. */
  unheard: optional(12, bool()),
})

const RoundRow = message('FederationRound', {
  state: field(1, uint()),
  phase: field(2, uint()),
  term: field(3, uint()),
  by: field(4, by()),
  openedMs: field(5, uint()),
  endedMs: optional(6, uint()),
  base: field(7, hash()),
  candidate: optional(8, hash()),
  hosts: repeated(9, nested(HostRow), federationLimits.clientsMax),
  why: field(10, text(roundsLimits.whyBytesMax)),
  steps: field(11, uint()),
  rule: field(12, text(32)),
  liars: field(13, uint()),
  noise: field(14, float()),
  clip: field(15, float()),
  /** How long updates were that count: the next clip follows it. */
  usualLength: optional(16, float()),
  lossBefore: optional(17, float()),
  lossAfter: optional(18, float()),
  /** Of a round in two halves: by what share hosts are better off with the first; or which one was spoiled. */
  firstBy: optional(19, float()),
  spoiledHalf: optional(20, uint()),
  /** Without, the network. */
  family: optional(21, text(familyBytesMax)),
  /** Where it was the turn of the other family: why nothing of that could begin. */
  instead: optional(22, text(roundsLimits.whyBytesMax)),
})

export interface RoundHost extends Omit<Infer<typeof HostRow>, 'out'> {
  readonly out?: Out
}

type Told = 'state' | 'phase' | 'hosts' | 'rule' | 'family'

export interface Round extends Omit<Infer<typeof RoundRow>, Told> {
  readonly number: number
  readonly state: RoundState
  readonly phase: RoundPhase
  readonly rule: RuleName
  readonly family: Family
  readonly hosts: readonly RoundHost[]
  /** At which the row may be changed; 0: there is none yet. */
  readonly revision: number
}

export interface Rounds {
  readonly settings: RoundSettings
  /** When they were chosen; 0: they are as they are without anybody's doing. */
  readonly settingsMs: number
  readonly wish: Wish | undefined
  /** At which the wish may be changed; 0: nobody has wished anything yet. */
  readonly wishRevision: number
  readonly tally: Tally
  readonly tallyRevision: number
  /** The one that was begun last. */
  readonly last: Round | undefined
}

const noTally: Tally = {
  number: 0,
  kept: 0,
  openedMs: 0,
  wishMs: 0,
  left: 0,
  lost: 0,
  noisy: 0,
  noiseLeast: 0,
  bare: 0,
  stride: 1,
  suspects: [],
}

/** Whether whoever leads has heard what was wished last: nobody knows of a time in it that it is true. */
export function isHeard({ wish, wishRevision, tally }: Rounds): boolean {
  if (wish === undefined) return true
  return tally.heard === undefined ? tally.wishMs === wish.atMs : tally.heard === wishRevision
}

/** How one round is read: as it is, or from what was decoded before (`decoded.ts`). */
export type ReadRound = (state: LedgerState, number: number) => Round | undefined

export function roundsIn(state: LedgerState, readRound: ReadRound = roundIn): Rounds {
  const config = heldAt(state, CONFIG_KEY, ConfigRow)
  const tally = heldAt(state, TALLY_KEY, TallyRow)
  const wish = heldAt(state, WISH_KEY, WishRow)
  return {
    settings: settingsFrom(config?.value),
    settingsMs: config?.value.atMs ?? 0,
    wish: wish?.value,
    wishRevision: wish?.revision ?? 0,
    tally: tally?.value ?? noTally,
    tallyRevision: tally?.revision ?? 0,
    last: readRound(state, tally?.value.number ?? 0),
  }
}

export function roundIn(state: LedgerState, number: number): Round | undefined {
  const held = heldAt(state, keyOf(number), RoundRow)
  return held && roundFrom(number, held.value, held.revision)
}

/** At which the row of that round is; 0: there is none. */
export function revisionOf(state: LedgerState, number: number): number {
  return kvRow(state, NAMESPACE, keyOf(number))?.revision ?? 0
}

/** Who has chosen the settings in that row, and when, as it says. */
export function choiceFrom(value: Uint8Array): { by: string; atMs: number } | undefined {
  const read = decode(ConfigRow, value)
  return read.ok ? read.value : undefined
}

export function putSettings(settings: RoundSettings, byWhom: string, atMs: number): SimpleCommand {
  return kvPut(NAMESPACE, CONFIG_KEY, encode(ConfigRow, { ...settings, by: byWhom, atMs }))
}

/** Only if it is as it was read. */
export function putTally(tally: Tally, revision: number): SimpleCommand {
  return kvPut(NAMESPACE, TALLY_KEY, encode(TallyRow, tally), revision)
}

export function putRound({ number, revision, state, phase, hosts, ...rest }: Round): SimpleCommand {
  const row = {
    ...rest,
    state: roundStates[state],
    phase: roundPhases.indexOf(phase),
    hosts: hosts.map(({ out, ...host }) =>
      out === undefined ? host : { ...host, out: outs.indexOf(out) + 1 },
    ),
  }
  return kvPut(NAMESPACE, keyOf(number), encode(RoundRow, row), revision)
}

/** That which is one too many once `number` is there; nothing where there are few. */
export function forgetBefore(state: LedgerState, number: number): SimpleCommand[] {
  const key = keyOf(Math.max(0, number - roundsLimits.roundsMax))
  const held = kvRow(state, NAMESPACE, key)
  return held === undefined ? [] : [{ kind: 'kvDelete', value: { namespace: NAMESPACE, key } }]
}

function keyOf(number: number): string {
  return ROUND_PREFIX + String(number).padStart(DIGITS, '0')
}

function heldAt<T>(
  state: LedgerState,
  key: string,
  schema: Schema<T>,
): { value: T; revision: number } | undefined {
  const held = kvRow(state, NAMESPACE, key)
  const row = held && decode(schema, held.value)
  return held !== undefined && row?.ok ? { value: row.value, revision: held.revision } : undefined
}

function settingsFrom(row: Infer<typeof ConfigRow> | undefined): RoundSettings {
  if (row === undefined) return usualSettings
  const { everyMs, steps, hold, rule, liars, noise, participantsMin, family } = row
  const { everyMsMin, everyMsMax, participantsMax } = roundsLimits
  return {
    everyMs: everyMs === 0 ? 0 : within(everyMs, everyMsMin, everyMsMax),
    steps: within(steps, 1, roundLimits.stepsMax),
    hold: within(hold, 0, roundLimits.holdMax),
    rule: ruleFrom(rule),
    liars: within(liars, 0, participantsMax),
    noise: within(noise, 0, roundLimits.noiseMax),
    participantsMin: within(participantsMin, federationLimits.clientsMin, participantsMax),
    family: roundFamilies.find((each) => each === family) ?? usualSettings.family,
  }
}

/** The row may be a liar's, who has carried it for somebody. */
function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}

/** One of a newer program is not known here. */
function ruleFrom(name: string): RuleName {
  return roundRules.find((rule) => rule === name) ?? usualSettings.rule
}

function roundFrom(number: number, row: Infer<typeof RoundRow>, revision: number): Round {
  const states = Object.keys(roundStates) as RoundState[]
  return {
    ...row,
    number,
    revision,
    state: states.find((name) => roundStates[name] === row.state) ?? 'failed',
    phase: roundPhases[row.phase] ?? 'ended',
    rule: ruleFrom(row.rule),
    family: families.find((each) => each === row.family) ?? 'net',
    hosts: row.hosts.map(({ out: place = 0, ...host }) => {
      const out = outs[place - 1]
      return out === undefined ? host : { ...host, out }
    }),
  }
}
