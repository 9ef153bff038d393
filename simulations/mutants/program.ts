/** `skein sim mutants`: puts in each known defect, one at a time, and shows who notices. */
import { table } from '../../coordinator/cli/table.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { defects } from './catalogue.ts'
import { type Hunt, huntAll } from './hunt.ts'
import type { Defect } from './mutant.ts'

export interface MutantsOptions {
  /** Numbers of defects or names of mutants, with commas between. */
  readonly only?: string
  readonly seeds: string
  readonly json: boolean
}

const TABLE_COLUMNS = 160

export async function simMutants({ only, seeds, json }: MutantsOptions): Promise<number> {
  const chosen = choose(only)
  const mutants = chosen.flatMap((defect) => defect.mutants)
  const hunts: Hunt[] = []
  const startedMs = performance.now()
  progress(`0 of ${mutants.length} mutants`)
  await huntAll(mutants, Number(seeds), (hunt) => {
    hunts.push(hunt)
    progress(`${hunts.length} of ${mutants.length} mutants`)
  })
  progress('')
  hunts.sort((a, b) => mutants.indexOf(a.mutant) - mutants.indexOf(b.mutant))
  const survivors = hunts.filter(({ caught }) => caught === undefined)
  const realMs = performance.now() - startedMs
  if (json) {
    const document = { schemaVersion: 1, realMs, mutants: hunts.map(documentOf) }
    process.stdout.write(`${JSON.stringify(document)}\n`)
  } else {
    say(tableOf(chosen, hunts))
    say('')
    say(
      `${hunts.length - survivors.length} of ${hunts.length} mutants of ${chosen.length} defects were caught, in ${(realMs / 1_000).toFixed(0)} s`,
    )
    for (const { number, notByMesh } of chosen)
      if (notByMesh) say(`defect ${number} on voters alone, not on whole agents: ${notByMesh}`)
    for (const { mutant, seeds: tried } of survivors)
      say(`${mutant.name} survived ${tried} seeds: ${mutant.change}`)
  }
  return survivors.length === 0 ? exitCodes.done : exitCodes.failed
}

function choose(only: string | undefined): readonly Defect[] {
  if (only === undefined) return defects
  const wanted = only.split(',').map((name) => name.trim())
  const known = (name: string) =>
    defects.some(
      ({ number, mutants }) =>
        String(number) === name || mutants.some((mutant) => mutant.name === name),
    )
  const unknown = wanted.find((name) => !known(name))
  if (unknown !== undefined)
    throw new Problem({
      code: 'usage',
      why: `there is no defect ${JSON.stringify(unknown)}`,
      fix: `name defects by number, 1 to ${defects.length}, or one of their mutants, such as ${defects[0]?.mutants[0]?.name}`,
      exitCode: exitCodes.usage,
    })
  return defects
    .map((defect) =>
      wanted.includes(String(defect.number))
        ? defect
        : { ...defect, mutants: defect.mutants.filter(({ name }) => wanted.includes(name)) },
    )
    .filter(({ mutants }) => mutants.length > 0)
}

/** One line for each mutant, under the title of its defect. */
function tableOf(chosen: readonly Defect[], hunts: readonly Hunt[]): string {
  const rows = chosen.flatMap(({ number, title, mutants }) => [
    [String(number), title, '', '', '', '', ''],
    ...mutants.map((mutant) => rowOf(hunts.find((hunt) => hunt.mutant === mutant) as Hunt)),
  ])
  const columns = [
    { title: '' },
    { title: 'DEFECT, AND WHAT WAS CHANGED', cutTo: 60 },
    { title: 'SEEDS', right: true },
    { title: 'VIRTUAL MIN', right: true },
    { title: 'SECONDS', right: true },
    { title: 'ON' },
    { title: 'CAUGHT BY', cutTo: 20 },
  ]
  return table(columns, rows, process.stdout.columns ?? TABLE_COLUMNS)
}

function rowOf({ mutant, seeds, virtualMs, realMs, caught }: Hunt): string[] {
  return [
    mutant.name,
    `  ${mutant.change}`,
    String(seeds),
    (virtualMs / 60_000).toFixed(1),
    (realMs / 1_000).toFixed(1),
    mutant.harness,
    caught?.checker ?? 'nobody',
  ]
}

function documentOf({ mutant, caught, ...figures }: Hunt): object {
  const { name, change, harness } = mutant
  const { number, title } = defects.find(({ mutants }) =>
    mutants.some((one) => one.name === name),
  ) as Defect
  return {
    defect: number,
    title,
    mutant: name,
    change,
    harness,
    ...figures,
    caught: caught ?? null,
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
