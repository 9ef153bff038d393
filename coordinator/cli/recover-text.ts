/** What `skein recover` tells: the plan as lines and as a document, and the risk in plain words. */
import type { Aside, AsideWhy } from '../../agent/consensus/aside.ts'
import type { VoterFate } from '../../agent/recovery/plan.ts'
import { isWhole } from '../../agent/recovery/survey.ts'
import { termText } from '../../protocol/consensus/era.ts'
import type { Position } from '../../protocol/consensus/log.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import type { Io } from './io.ts'
import type { Findings, Survivor } from './recover-findings.ts'
import { table } from './table.ts'

const DIGEST_DIGITS = 16

const fates: Record<VoterFate, string> = {
  stopped: 'stopped, and whole',
  running: 'runs',
  damaged: 'stopped, and not whole',
  otherDisk: 'here with another disk',
  notFound: 'not found',
}

const occasions: Record<AsideWhy, string> = {
  recovered: 'before a recovery here',
  reset: 'before it was reset',
  passed: 'when the mesh had been recovered without it',
  damaged: 'when its disk had lost some of it',
}

/** What `--expect` takes: the plan is stale when the disk has moved on since. */
export function positionText({ term, index }: Position): string {
  return `${term}/${index}`
}

export function applyCommand(survivor: Survivor, copy: string | undefined): string {
  const { place, survey } = survivor
  return [
    'skein recover --apply',
    `--data-directory ${quoted(place.path)}`,
    ...(copy === undefined ? [] : [`--copy ${copy}`]),
    ...(survey.part === 'voter' ? [] : ['--even-without-vote']),
    `--expect ${positionText(survey.last)}`,
  ].join(' ')
}

export function planLines(found: Findings, copy: string | undefined, io: Io): string[] {
  const { plan, silent, nameOf } = found
  const voters = plan.voters.map(({ id, fate }) => [nameOf(id), fates[fate]])
  return [
    `voters: ${plan.voters.length} in all, ${plan.needed} needed, ${plan.able} to be had`,
    '',
    table([{ title: 'VOTER' }, { title: 'WHERE IT IS' }], voters, io.columns()),
    '',
    survivorTable(found, io),
    ...copyLines(found),
    ...silent.map((address) => `${address} does not answer`),
    '',
    ...verdictLines(found, copy),
    ...(plan.furtherLive.length > 0
      ? [
          `running, and with more than any disk named here: ${list(further(found))}. Stop and plan with theirs`,
        ]
      : []),
  ]
}

function further({ plan, live }: Findings): string[] {
  return live.filter((each) => plan.furtherLive.includes(each)).map(({ name }) => name)
}

function survivorTable({ survivors, live, nameOf, plan }: Findings, io: Io): string {
  const columns = [
    { title: 'SURVIVOR' },
    { title: 'PART', leave: 2 },
    { title: 'LAST ENTRY', right: true },
    { title: 'OF TERM' },
    { title: 'COMMITTED', right: true },
    { title: 'STATE', leave: 1 },
    { title: 'WHERE', cutTo: 20 },
  ]
  const rows = survivors.map((each) => {
    const { survey, place, unusable } = each
    const mark = plan.base?.survey === survey ? '*' : ''
    const flaw = unusable ?? (isWhole(survey) ? undefined : whatIsLost(each))
    return [
      `${nameOf(survey.id)}${mark}`,
      survey.part,
      String(survey.last.index),
      termText(survey.last.term),
      String(survey.commit),
      digestIn(each) ?? '–',
      flaw === undefined ? place.path : `${place.path} (${flaw})`,
    ]
  })
  const running = live.map(({ name, part, last, address }) => [
    name,
    part,
    String(last.index),
    termText(last.term),
    '–',
    '–',
    `runs at ${address}`,
  ])
  return table(columns, [...rows, ...running], io.columns())
}

function whatIsLost({ survey }: Survivor): string {
  const { lost, damage, held } = survey
  if (held.diverged) return 'its state was not that of the others'
  if (lost) return `it had held entries up to ${lost.index}`
  return `damaged: ${damage.join(', ')}`
}

function copyLines({ survivors }: Findings): string[] {
  return survivors.flatMap(({ place, copies }) =>
    copies.map((aside) => `${place.path} keeps copy ${copyText(aside)}`),
  )
}

function copyText({ name, why, wallMs, lastIndex, lastTerm }: Aside): string {
  const at = new Date(wallMs).toISOString()
  return `${name} to entry ${lastIndex} of term ${termText(lastTerm)}, set aside ${occasions[why]}, ${at}`
}

function verdictLines(found: Findings, copy: string | undefined): string[] {
  const { plan } = found
  switch (plan.verdict) {
    case 'alive':
      return [
        'the mesh decides: an agent that was asked has a leader. There is nothing to recover.',
      ]
    case 'startThem':
      return ['these voters are enough: start their agents. There is nothing to recover.']
    case 'noBase':
      return ['no mesh can go on from what was found: name the data directories of other hosts.']
    case 'lost': {
      const base = baseOf(found) as Survivor
      return [
        'the quorum is lost, unless more voters are found. If they are gone for good, go on from',
        `the survivor marked *: ${applyCommand(base, copy)}`,
        '',
        'What that would cost:',
        ...riskLines(found).map((line) => `- ${line}`),
        'Nothing has been changed.',
      ]
    }
  }
}

function baseOf({ plan, survivors }: Findings): Survivor | undefined {
  return survivors.find(({ survey }) => survey === plan.base?.survey)
}

/** What whoever recovers has to know first. */
export function riskLines(found: Findings): string[] {
  const { plan, nameOf } = found
  const gone = plan.voters
    .filter(({ fate }) => fate !== 'stopped' && fate !== 'running')
    .map(({ id }) => nameOf(id))
  return [
    `what only ${list(gone)} had acknowledged is lost, and nobody can say how much that is`,
    plan.tail > 0
      ? `of this host’s entries, ${plan.tail} may never have been acknowledged, and count from now on`
      : 'every entry of this host had been committed',
    ...(plan.base?.survey.held.diverged
      ? ['the state of this host was not that of the others: its log is applied anew, and may err']
      : []),
    'a voter that was only away gives way when it meets this mesh: what it holds is set aside there, and what it had decided meanwhile does not count. Make sure that no majority of the old voters runs',
  ]
}

export function planDocument(found: Findings, copy: string | undefined): object {
  const { plan, survivors, live, silent, nameOf } = found
  const base = baseOf(found)
  return {
    schemaVersion: 1,
    verdict: plan.verdict,
    needed: plan.needed,
    able: plan.able,
    voters: plan.voters.map(({ id, fate }) => ({ id, name: nameOf(id), fate })),
    survivors: survivors.map(survivorDocument),
    live: live.map(({ last, ...report }) => ({
      ...report,
      lastIndex: last.index,
      lastTerm: last.term,
    })),
    silent,
    ...(base
      ? { base: { id: base.survey.id, dataDirectory: base.place.path, tail: plan.tail } }
      : {}),
    ...(base && plan.verdict === 'lost' ? { apply: applyCommand(base, copy) } : {}),
  }
}

function survivorDocument(survivor: Survivor): object {
  const { survey, place, unusable, copies } = survivor
  const { id, part, last, commit, term, lost, damage, held } = survey
  return {
    id,
    dataDirectory: place.path,
    part,
    lastIndex: last.index,
    lastTerm: last.term,
    commit,
    term,
    digest: digestIn(survivor),
    whole: isWhole(survey),
    diverged: held.diverged,
    ...(lost ? { lostUpTo: lost.index } : {}),
    damage,
    ...(unusable === undefined ? {} : { unusable }),
    copies,
  }
}

function digestIn({ state }: Survivor): string | undefined {
  return state && digestOf(state).slice(0, DIGEST_DIGITS)
}

export function list(words: readonly string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** As a shell takes it. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
