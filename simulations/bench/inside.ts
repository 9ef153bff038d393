/** A program inside of a benchmark's namespaces: what went wrong is told as the command line tells it. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

export async function inside(json: boolean, run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    // Whoever has pressed Ctrl-C knows it.
    if (error.exitCode !== exitCodes.interrupted) tell(error, json)
    process.exitCode = error.exitCode
  }
}

function tell({ code, why, fix }: Problem, json: boolean): void {
  const told = { schemaVersion: 1, error: { code, why, fix } }
  process.stderr.write(json ? `${JSON.stringify(told)}\n` : `skein: ${why}; ${fix}\n`)
}
