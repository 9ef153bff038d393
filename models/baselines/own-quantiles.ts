/**
 * What history itself says: quantiles of the task's own attempts, or where these are few, of those
 * that are most like it, and last of all of the application. Unknown is what nothing speaks for.
 */
import { Experience, GROUND_MIN, type View } from '../features/experience.ts'
import type { Kind } from '../features/kind.ts'
import type { Living, LivingLearner, Question, Range, Row } from '../rows.ts'

export class OwnQuantiles implements LivingLearner {
  readonly name = 'own quantiles'

  fit(rows: readonly Row[]): Promise<Living> {
    const experience = new Experience()
    const tell = (told: readonly Row[]) => {
      for (const row of told) if (row.ended === 'succeeded') experience.tell(row)
    }
    tell(rows)
    const say = (question: Question) => rangeOf(speaker(experience.consider(question)))
    return Promise.resolve({ tell, predict: (asked) => Promise.resolve(asked.map(say)) })
  }
}

/** The likest that has enough to say; else whatever there is of the task itself. */
function speaker({ own, like, group }: View): Kind | undefined {
  const hasEnough = (kind: Kind | undefined) => (kind?.memory.count ?? 0) >= GROUND_MIN
  return [own, like].find(hasEnough) ?? own ?? [group].find(hasEnough)
}

function rangeOf(kind: Kind | undefined): Range | undefined {
  if (kind === undefined) return undefined
  const at = (level: number) => Math.exp(kind.memory.at(level))
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9), n: kind.memory.count }
}
