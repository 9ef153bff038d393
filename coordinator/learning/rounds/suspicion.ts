/**
 * Who makes rounds worse, though nobody sees its update: by which half of each round hosts were better
 * off with, as the last rounds tell it. Most rounds are done without those who are suspected, and one in
 * four, by lot, with all: so whoever is wronged, or well again, comes back.
 */
import { Ratings } from '../../../models/federation/rounds/ratings.ts'
import { median } from '../../../models/measures/quantiles.ts'
import type { Family } from '../../../models/registry/learned.ts'
import type { Round } from './rows.ts'
import { liarsBorne } from './settings.ts'

/** Rounds before and after one, that are like it. */
const aboutThen = 2

/** Of rounds in two halves, how many a host was in, and in how many of them in the worse half. */
export interface Record {
  readonly worse: number
  readonly of: number
}

interface Game {
  readonly sides: readonly [readonly string[], readonly string[]]
  readonly firstBy: number
  readonly family: Family
}

/**
 * `rounds`: the oldest first. The worst first, and no more than may lie of those that are here: whoever
 * is gone takes nobody's place.
 */
export function suspectsAfter(
  rounds: readonly Round[],
  before: readonly string[],
  liars: number,
  isHere: (host: string) => boolean = () => true,
): string[] {
  const games = rounds.flatMap((round) => gameOf(round) ?? [])
  const hosts = [...new Set(games.flatMap(({ sides }) => sides.flat()))].sort()
  if (hosts.length === 0) return []
  const ratings = new Ratings(hosts)
  for (const [i, { sides, firstBy }] of games.entries()) {
    ratings.played(...sides, firstBy / usualBy(games, i))
  }
  const here = hosts.filter(isHere)
  const worst = [...ratings.suspects(new Set(before), hosts.length)].filter(isHere)
  return worst.slice(0, liarsBorne(liars, here.length))
}

/**
 * By how much rounds of its family were won about then: a model is learned in a few of them, and by how much one half
 * is better grows small as fast.
 */
function usualBy(games: readonly Game[], at: number): number {
  const { family } = games[at] as Game
  const alike = games.flatMap((game, place) => (game.family === family ? [place] : []))
  const own = alike.indexOf(at)
  const about = alike
    .slice(Math.max(0, own - aboutThen), own + aboutThen + 1)
    .map((place) => games[place] as Game)
  const sizes = about.map(({ firstBy }) => Math.abs(firstBy)).filter(Number.isFinite)
  return sizes.length === 0 ? 1 : median(sizes)
}

export function recordOf(rounds: readonly Round[], host: string): Record {
  const games = rounds.flatMap((round) => gameOf(round) ?? [])
  const own = games.filter(({ sides }) => sides.flat().includes(host))
  const worse = own.filter(({ sides, firstBy }) => sides[firstBy < 0 ? 0 : 1].includes(host))
  return { worse: worse.length, of: own.length }
}

export function recordText({ worse, of }: Record): string {
  return `in the worse half of ${worse} of ${of} rounds`
}

/** Undefined of a round that was one sum, or that says nothing. */
function gameOf({ hosts, firstBy, spoiledHalf, family }: Round): Game | undefined {
  const by = spoiledHalf === undefined ? firstBy : spoiledBy(spoiledHalf)
  if (by === undefined || by === 0) return undefined
  const inHalf = (half: number) => hosts.flatMap((each) => (each.half === half ? [each.id] : []))
  const sides = [inHalf(1), inHalf(2)] as const
  return sides.some((side) => side.length === 0) ? undefined : { sides, firstBy: by, family }
}

function spoiledBy(half: number): number {
  return half === 1 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}
