/**
 * Patterns of files, as under `artifacts` in a workflow. `*` is any part of a name, `?` one
 * character of it, `**` as a whole name any number of directories, none included; `{a,b}` is either;
 * `\` takes the next character as it is. `dist/` means `dist/**`, a leading `!` takes files out
 * again, in the order written. Names that begin with a dot are names like others. Matching takes
 * time in proportion to pattern and path: there is no pattern that makes it long.
 */
import { artifactLimits as limits } from './limits.ts'

/** One character as it is, any one, or any number of them. */
type Token = string | { any: 'one' | 'many' }
type Segment = '**' | readonly Token[]

interface Pattern {
  /** Which of `Globs.patterns` it came from. */
  source: number
  takes: boolean
  segments: readonly Segment[]
}

/** Where in each pattern a directory has led; only what is carried from `enter` to `enter`. */
export type Reached = readonly (readonly number[])[]

export type GlobFault = { pattern: string; why: string }

export class Globs {
  readonly patterns: readonly string[]
  readonly #compiled: readonly Pattern[]

  private constructor(patterns: readonly string[], compiled: readonly Pattern[]) {
    this.patterns = patterns
    this.#compiled = compiled
  }

  static compile(patterns: readonly string[]): Globs | GlobFault {
    const compiled: Pattern[] = []
    for (const [source, pattern] of patterns.entries()) {
      const read = compileOne(pattern, source)
      if (typeof read === 'string') return { pattern, why: read }
      compiled.push(...read)
    }
    return new Globs(patterns, compiled)
  }

  /** At the directory that the patterns are relative to. */
  start(): Reached {
    return this.#compiled.map(({ segments }) => withoutSteps(segments, [0]))
  }

  /** In a directory of this name; undefined when no file in or below it can match. */
  enter(reached: Reached, name: string): Reached | undefined {
    const next = this.#step(reached, name)
    const alive = this.#compiled.some(
      ({ takes, segments }, i) => takes && next[i]!.some((at) => at < segments.length),
    )
    return alive ? next : undefined
  }

  /** The pattern that takes a file of this name, by its place among `patterns`. */
  takes(reached: Reached, name: string): number | undefined {
    const ends = this.#step(reached, name)
    let source: number | undefined
    for (const [i, pattern] of this.#compiled.entries()) {
      if (!ends[i]!.includes(pattern.segments.length)) continue
      source = pattern.takes ? pattern.source : undefined
    }
    return source
  }

  /** The same of a whole path. */
  takesPath(path: string): number | undefined {
    const names = path.split('/')
    let reached: Reached | undefined = this.start()
    for (const name of names.slice(0, -1)) {
      reached = this.enter(reached, name)
      if (reached === undefined) return undefined
    }
    return this.takes(reached, names.at(-1)!)
  }

  #step(reached: Reached, name: string): number[][] {
    const characters = [...name]
    return this.#compiled.map(({ segments }, i) => {
      const next: number[] = []
      for (const at of reached[i]!) {
        const segment = segments[at]
        if (segment === '**') next.push(at)
        else if (segment !== undefined && matchesName(segment, characters)) next.push(at + 1)
      }
      return withoutSteps(segments, next)
    })
  }
}

/** `**` may also stand for nothing. */
function withoutSteps(segments: readonly Segment[], places: readonly number[]): number[] {
  const all = new Set<number>()
  for (let at of places) {
    all.add(at)
    while (segments[at] === '**') all.add(++at)
  }
  return [...all]
}

function matchesName(tokens: readonly Token[], characters: readonly string[]): boolean {
  let [token, character, starToken, starCharacter] = [0, 0, -1, 0]
  while (character < characters.length) {
    const want = tokens[token]
    if (typeof want === 'object' && want.any === 'many') {
      starToken = token++
      starCharacter = character
    } else if (want === characters[character] || (typeof want === 'object' && want.any === 'one')) {
      token++
      character++
    } else if (starToken >= 0) {
      // The last star takes one character more: earlier ones need not be looked at again.
      token = starToken + 1
      character = ++starCharacter
    } else return false
  }
  while (token < tokens.length) {
    const rest = tokens[token++]
    if (typeof rest !== 'object' || rest.any !== 'many') return false
  }
  return true
}

// ── Reading a pattern ───────────────────────────────────────────────────────────────────────────

function compileOne(pattern: string, source: number): Pattern[] | string {
  if (pattern.length > limits.patternLengthMax) {
    return `it is longer than ${limits.patternLengthMax} characters`
  }
  const takes = !pattern.startsWith('!')
  const alternatives = expandBraces(takes ? pattern : pattern.slice(1))
  if (typeof alternatives === 'string') return alternatives
  const compiled: Pattern[] = []
  for (const alternative of alternatives) {
    const segments = segmentsOf(alternative)
    if (typeof segments === 'string') return segments
    compiled.push({ source, takes, segments })
  }
  return compiled
}

/** `a{b,c}` to `ab` and `ac`, innermost first. Escapes stay in the text. */
function expandBraces(pattern: string): string[] | string {
  const done: string[] = []
  const open = [pattern]
  while (open.length > 0) {
    if (done.length + open.length > limits.alternativesMax) {
      return `its braces stand for more than ${limits.alternativesMax} patterns`
    }
    const text = open.pop()!
    const group = innermostBraces(text)
    if (group === undefined) done.push(text)
    else if (group === 'unpaired') return 'a brace has no partner; \\{ and \\} are braces as such'
    else {
      const [before, after] = [text.slice(0, group.from), text.slice(group.to + 1)]
      for (const choice of group.choices.toReversed()) open.push(before + choice + after)
    }
  }
  return done
}

interface BraceGroup {
  from: number
  to: number
  choices: string[]
}

function innermostBraces(text: string): BraceGroup | 'unpaired' | undefined {
  let from = -1
  let choices: string[] = []
  let choiceFrom = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '\\') i++
    else if (character === '{') {
      from = i
      choices = []
      choiceFrom = i + 1
    } else if (from >= 0 && character === ',') {
      choices.push(text.slice(choiceFrom, i))
      choiceFrom = i + 1
    } else if (character === '}') {
      if (from < 0) return 'unpaired'
      return { from, to: i, choices: [...choices, text.slice(choiceFrom, i)] }
    }
  }
  return from >= 0 ? 'unpaired' : undefined
}

function segmentsOf(pattern: string): Segment[] | string {
  if (pattern === '') return 'it is empty'
  if (pattern.startsWith('/')) return 'it is absolute; patterns are relative to the directory'
  const names = pattern.split('/')
  while (names[0] === '.' && names.length > 1) names.shift()
  if (names.at(-1) === '') names[names.length - 1] = '**'
  if (names.length > limits.segmentsMax) return `it has more than ${limits.segmentsMax} names`
  const segments: Segment[] = []
  for (const name of names) {
    if (name === '') return 'it has an empty name in it'
    if (name === '.' || name === '..') return `it has ${name} in it; nothing outside is taken`
    if (name === '**') {
      if (segments.at(-1) !== '**') segments.push('**')
      continue
    }
    const tokens = tokensOf(name)
    if (typeof tokens === 'string') return tokens
    segments.push(tokens)
  }
  // A file is named at the end: `a/**` is every file below `a`.
  if (segments.at(-1) === '**') segments.push([{ any: 'many' }])
  return segments
}

function tokensOf(name: string): Token[] | string {
  const tokens: Token[] = []
  const characters = [...name]
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (character === '\\') {
      const escaped = characters[++i]
      if (escaped === undefined) return 'it ends in the middle of an escape'
      tokens.push(escaped)
    } else if (character === '?') tokens.push({ any: 'one' })
    else if (character !== '*') tokens.push(character)
    else {
      const last = tokens.at(-1)
      if (typeof last !== 'object' || last.any !== 'many') tokens.push({ any: 'many' })
    }
  }
  return tokens
}
