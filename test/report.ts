/**
 * The reporter of some test files: what a person reads of each test, and for `run.ts`, as the last
 * line, how many passed, the names of those that did not, and how long each file took.
 */
import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'

export interface FileResults {
  passed: number
  skipped: number
  /** Each with its file. */
  failed: string[]
  /** Of each file: how long its tests took. */
  tookMs: Record<string, number>
}

const MARK = 'results: '
/** Of the file that is at it. */
const failedSince: string[] = []

export default async function* report(source: AsyncIterable<TestEvent>): AsyncIterable<string> {
  const results: FileResults = { passed: 0, skipped: 0, failed: [], tookMs: {} }
  const told = Readable.from(counted(source, results)).pipe(new spec())
  for await (const chunk of told) yield String(chunk)
  yield `\n${MARK}${JSON.stringify(results)}\n`
}

async function* counted(source: AsyncIterable<TestEvent>, results: FileResults) {
  for await (const event of source) {
    count(event, results)
    if (!isTotal(event)) yield event
  }
}

/** Said of all files together, and by the first line of one: among hundreds it tells nobody anything. */
function isTotal({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.nesting === 0 && data.line === 1 && data.column === 1
}

function count({ type, data }: TestEvent, results: FileResults): void {
  if (type !== 'test:pass' && type !== 'test:fail') return
  const isSuite = data.details.type === 'suite'
  // `together.ts` makes a suite of each file.
  const isFile = isSuite && data.nesting === 0
  if (isFile) {
    results.tookMs[data.name] = data.details.duration_ms
    // Told after its tests, which may stand in a file that others share.
    for (const name of failedSince.splice(0)) results.failed.push(`${data.name}: ${name}`)
  }
  if (type === 'test:fail') {
    if (isSuite && !failedItself(data.details.error)) return
    if (isFile) results.failed.push(data.name)
    else failedSince.push(data.name)
  } else if (isSuite) return
  else if (data.skip === undefined || data.skip === false) results.passed++
  else results.skipped++
}

/** A suite of which a test has failed is not another failure; one that could not be read is. */
function failedItself(error: Error & { failureType?: string }): boolean {
  return error.failureType !== 'subtestsFailed'
}

/** What was said, without that line; undefined where a process did not get to its end. */
export function resultsIn(output: string): { text: string; results: FileResults | undefined } {
  const at = output.lastIndexOf(`\n${MARK}`)
  if (at === -1) return { text: output, results: undefined }
  const [line = '', ...after] = output.slice(at + 1 + MARK.length).split('\n')
  const text = output.slice(0, at) + after.join('\n')
  return { text, results: JSON.parse(line) as FileResults }
}
