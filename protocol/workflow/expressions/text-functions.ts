/** Functions on text. Positions count characters, so that no pair is cut in two. */
import type { Budget } from './budget.ts'
import type { FunctionRow } from './functions.ts'
import * as type from './types.ts'

const { bool, int, listOf, string } = type

const matchesAbout =
  'Is there a match for the pattern anywhere in it? RE2 syntax; ^ and $ for the whole.'

function question(
  name: string,
  about: string,
  answer: (text: string, other: string, budget: Budget) => boolean,
): FunctionRow {
  return {
    name,
    receiver: string,
    params: [string],
    result: bool,
    about,
    run: ([text, other]: readonly string[], budget) => {
      budget.spendCharacters(text!.length)
      return answer(text!, other!, budget)
    },
  }
}

function change(name: string, about: string, changed: (text: string) => string): FunctionRow {
  return {
    name,
    receiver: string,
    params: [],
    result: string,
    about,
    run: ([text]: readonly string[], budget) => {
      budget.makesText(text!.length)
      return changed(text!)
    },
  }
}

function substring(text: string, start: bigint, end: bigint | undefined, budget: Budget): string {
  budget.makesText(text.length)
  const characters = [...text]
  const last = end ?? BigInt(characters.length)
  if (start < 0n || last > characters.length || start > last) {
    const why = `characters ${start} to ${last} are not all in a text of ${characters.length}`
    budget.fails('outOfRange', why)
  }
  return characters.slice(Number(start), Number(last)).join('')
}

export const textFunctions: readonly FunctionRow[] = [
  question('contains', 'Is the other text in it?', (text, other) => text.includes(other)),
  question('startsWith', 'Does it begin so?', (text, other) => text.startsWith(other)),
  question('endsWith', 'Does it end so?', (text, other) => text.endsWith(other)),
  question('matches', matchesAbout, (text, pattern, budget) => budget.matches(text, pattern)),
  {
    name: 'matches',
    params: [string, string],
    result: bool,
    about: matchesAbout,
    run: ([text, pattern], budget) => budget.matches(text, pattern),
  },
  // Only ASCII: the rest depends on language and on versions of Unicode.
  change('lowerAscii', 'A to Z made small.', (text) =>
    text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  ),
  change('upperAscii', 'a to z made large.', (text) =>
    text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
  ),
  change('trim', 'Without white space at both ends.', (text) => text.trim()),
  {
    name: 'split',
    receiver: string,
    params: [string],
    result: listOf(string),
    about: 'The parts between the separators.',
    run: ([text, separator]: readonly string[], budget) => {
      budget.spendCharacters(text!.length)
      const parts = text!.split(separator!, budget.limits.elementsMax + 1)
      budget.makesElements(parts.length)
      return parts
    },
  },
  ...[[], [string]].map(
    (params): FunctionRow => ({
      name: 'join',
      receiver: listOf(string),
      params,
      result: string,
      about: 'All texts of the list as one, with the separator between them.',
      run: ([texts, separator = ''], budget) => {
        const list: readonly string[] = texts
        let length = 0
        for (const item of list) {
          if (typeof item !== 'string') {
            const hint = 'make texts of them first: list.map(x, string(x)).join(",")'
            budget.fails('noOverload', 'join takes a list of texts', hint)
          }
          length += item.length + separator.length
        }
        budget.spend(list.length)
        budget.makesText(length)
        return list.join(separator)
      },
    }),
  ),
  {
    name: 'replace',
    receiver: string,
    params: [string, string],
    result: string,
    about: 'With every occurrence of the first text replaced by the second.',
    run: ([text, from, to]: readonly string[], budget) => {
      budget.spendCharacters(text!.length)
      const parts = text!.split(from!)
      budget.makesText(text!.length + (parts.length - 1) * Math.max(0, to!.length - from!.length))
      return parts.join(to!)
    },
  },
  {
    name: 'indexOf',
    receiver: string,
    params: [string],
    result: int,
    about: 'Where the other text first begins, counted from 0; -1 where it does not.',
    run: ([text, other]: readonly string[], budget) => {
      budget.spendCharacters(text!.length)
      const at = text!.indexOf(other!)
      return at < 0 ? -1n : BigInt([...text!.slice(0, at)].length)
    },
  },
  {
    name: 'substring',
    receiver: string,
    params: [int],
    result: string,
    about: 'From the character counted from 0 to the end.',
    run: ([text, start], budget) => substring(text, start, undefined, budget),
  },
  {
    name: 'substring',
    receiver: string,
    params: [int, int],
    result: string,
    about: 'From the first character to before the second, counted from 0.',
    run: ([text, start, end], budget) => substring(text, start, end, budget),
  },
]
