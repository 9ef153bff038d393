/** What learning knows of an attempt: what could be known before it began, and how it ended. */

/** All that may be known of an attempt before it begins. What is not known is not guessed here. */
export interface Question {
  /** What is of one kind: the fingerprint of kind, command shape and image, as text. */
  readonly task: string
  /** The workflow or application that it belongs to. */
  readonly group: string
  readonly host: string
  /** Of the host, as a multiple of what is usual: 2 does the same in half the time. */
  readonly hostSpeed?: number
  /** Share of the host's cores that were busy. */
  readonly load?: number
  readonly cpus?: number
  readonly memoryBytes?: number
  readonly inputBytes?: number
  readonly inputFiles?: number
}

export interface Row extends Question {
  readonly startedMs: number
  readonly endedMs: number
  readonly ended: 'succeeded' | 'failed'
  readonly peakMemoryBytes?: number
}

/** In milliseconds, or bytes: whatever was asked for. `n` rows stand behind it. */
export interface Range {
  readonly p10: number
  readonly p50: number
  readonly p90: number
  readonly n: number
}

/** Of the three figures of a range, in their order: the tenth, the half and the nine tenths. */
export const levels = [0.1, 0.5, 0.9] as const

/** Learns from rows that are given in the order of their ends. */
export interface Learner {
  readonly name: string
  fit(rows: readonly Row[]): Promise<Predictor>
}

export interface Predictor {
  /** One for each question; undefined where there is no ground to say anything. */
  predict(questions: readonly Question[]): Promise<readonly (Range | undefined)[]>
}

/** Learns on from what has ended, in that order, without beginning anew. */
export interface Living extends Predictor {
  /** `asked`: the question for each row as it was put, so that what was answered then is judged. */
  tell(rows: readonly Row[], asked?: readonly (Question | undefined)[]): void
}

/** `near`: of what begins now. `far`: long before, as when a whole workflow is planned. */
export type Reach = 'near' | 'far'

export interface LivingLearner extends Learner {
  /** `reach`: what it will be asked of, where that is known. */
  fit(rows: readonly Row[], reach?: Reach): Promise<Living>
}
