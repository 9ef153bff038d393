/**
 * A view of an attempt as numbers, for models that learn the ratio of its time to what was guessed.
 * All are finite; what is not known is 0, and a neighbouring number says that it is not known.
 */
import { AWAY_UNKNOWN, DOUBT, type Experience, type View } from './experience.ts'
import { guessNames } from './guesses.ts'
import { placeOf, wordsOf } from './words.ts'

/** Words of the fingerprint are counted in so many places. */
const WORD_PLACES = 8
/** Levels of what is kept in mind of a task, beside its middle. */
const spreads = [0.1, 0.9] as const

export const featureNames: readonly string[] = [
  ...guessNames.map((name) => `${name} − guess`),
  ...guessNames.map((name) => `${name} is off by`),
  'guess',
  ...['own', 'like', 'group'].flatMap((kind) => [
    `${kind} attempts`,
    ...spreads.map((level) => `${kind} p${level * 100} − guess`),
    `${kind} said too little`,
    `${kind} said too little recently`,
    `${kind} is off by`,
  ]),
  'same attempts',
  'same spread',
  'all said too little recently',
  'like is own',
  'bytes',
  'files',
  'own bytes beyond',
  'own slope',
  'like bytes beyond',
  'like slope',
  'host said too little of task',
  'host said too little',
  'host speed',
  'load',
  'cpus',
  'memory',
  ...Array.from({ length: WORD_PLACES }, (_, i) => `words ${i}`),
]

export function featuresOf(experience: Experience, view: View): Float32Array {
  const { question, guess, guesses, away, own, like, group, all, same, bytes, files } = view
  const features = new Float32Array(featureNames.length)
  let at = 0
  const add = (value: number) => {
    features[at++] = Number.isFinite(value) ? value : 0
  }
  for (const one of guesses) add(one - guess)
  for (const one of away) add(one)
  add(guess)
  for (const kind of [own, like, group]) {
    add(Math.log1p(kind?.memory.count ?? 0))
    for (const level of spreads) add(kind ? kind.memory.at(level) - guess : 0)
    add(kind?.said.off(DOUBT) ?? 0)
    add(kind?.recently.off(DOUBT) ?? 0)
    add(kind?.said.away(AWAY_UNKNOWN, DOUBT) ?? AWAY_UNKNOWN)
  }
  add(Math.log1p(same?.count ?? 0))
  add(same?.spread ?? 0)
  add(all.recently.off(DOUBT))
  add(own !== undefined && like === own ? 1 : 0)
  add(bytes)
  add(files)
  for (const kind of [own, like]) {
    add(kind ? bytes - kind.memory.line.meanBytes : 0)
    add(kind?.memory.line.slope ?? 0)
  }
  for (const off of experience.hostOff(question)) add(off)
  add(question.hostSpeed ?? 0)
  add(question.load ?? 0)
  add(question.cpus ?? 0)
  add(Math.log1p(question.memoryBytes ?? 0))
  for (const word of wordsOf(question.task)) {
    const place = at + placeOf(word, WORD_PLACES)
    features[place] = (features[place] as number) + 1
  }
  return features
}
