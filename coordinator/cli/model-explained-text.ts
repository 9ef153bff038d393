/** What a stage is expected to take, host by host, and what that hangs on, for eyes. */
import type { Explained } from '../api/model-routes.ts'
import { ABSENT, age } from './figures.ts'
import { short } from './model-text.ts'
import { plain, table } from './table.ts'

type Host = Explained['hosts'][number]

/** What changes less says nothing. */
const factorMin = 1.02
const factorsShown = 3

export function explainedText(told: Explained, columns: number): string {
  const head = `stage ${plain(told.stage)} of ${plain(told.workflow)} (${plain(told.task)})`
  const { hosts, silent = [] } = told
  const without = silent.length === 0 ? '' : `\nnot heard in time: ${silent.map(plain).join(', ')}`
  if (hosts.every(({ says }) => says === 'nothing')) {
    const none = silent.length === 0 ? 'no host' : 'no host that has answered'
    return `${head}\nunknown: ${none} has done such work five times, and no version speaks${without}`
  }
  const titles = [
    { title: 'HOST', cutTo: 8 },
    { title: 'P10', right: true, leave: 3 },
    { title: 'P50', right: true },
    { title: 'P90', right: true },
    { title: 'BY' },
    { title: 'HISTORY P50', right: true, leave: 2 },
    { title: 'MODEL P50', right: true, leave: 4 },
    { title: 'MAIN FACTORS', cutTo: 16, leave: 1 },
  ]
  const rows = hosts.map((host) => {
    const said = saidBy(host)
    return [
      plain(host.name),
      age(said?.p10),
      age(said?.p50),
      age(said?.p90),
      by(host),
      age(host.history?.p50),
      age(host.corrected?.p50),
      factorsOf(host),
    ]
  })
  return `${head}\n${table(titles, rows, columns)}${note(hosts)}${without}`
}

function saidBy({ says, history, corrected }: Host) {
  return says === 'model' ? corrected : says === 'history' ? history : undefined
}

function by({ says, version, history }: Host): string {
  if (says === 'model') return version === undefined ? 'model' : short(version)
  return says === 'history' ? `history n=${history?.n ?? 0}` : 'unknown'
}

/** The largest first: “input bytes ×2.1” is that it is said to take so much longer for its inputs. */
function factorsOf({ factors = [] }: Host): string {
  const far = (factor: number) => Math.abs(Math.log(factor))
  const main = factors
    .filter(({ factor }) => far(factor) >= Math.log(factorMin))
    .sort((a, b) => far(b.factor) - far(a.factor))
    .slice(0, factorsShown)
    .map(({ name, factor }) => `${plain(name)} ×${factor.toFixed(factor < 0.1 ? 3 : 2)}`)
  return main.length === 0 ? ABSENT : main.join(', ')
}

function note(hosts: readonly Host[]): string {
  if (!hosts.some(({ factors }) => factors !== undefined)) return ''
  return '\nfactors are of the model: how many times as long it says, because that is known'
}
