/**
 * The reporter of one test file: what a person reads of each test, and for `run.ts`, as the last
 * line, how many passed and the names of those that did not.
 */
import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'

export interface FileResults {
  passed: number
  skipped: number
  failed: string[]
}

const MARK = 'results: '

export default async function* report(source: AsyncIterable<TestEvent>): AsyncIterable<string> {
  const results: FileResults = { passed: 0, skipped: 0, failed: [] }
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

/** Said of a file as a whole, and by its first line: of one among hundreds it tells nobody anything. */
function isTotal({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.nesting === 0 && data.line === 1 && data.column === 1
}

function count({ type, data }: TestEvent, results: FileResults): void {
  if (type !== 'test:pass' && type !== 'test:fail') return
  if (data.details.type === 'suite') return
  if (type === 'test:fail') results.failed.push(data.name)
  else if (data.skip === undefined || data.skip === false) results.passed++
  else results.skipped++
}

/** What was said, without that line; undefined where a file did not get to its end. */
export function resultsIn(output: string): { text: string; results: FileResults | undefined } {
  const at = output.lastIndexOf(`\n${MARK}`)
  if (at === -1) return { text: output, results: undefined }
  const [line = '', ...after] = output.slice(at + 1 + MARK.length).split('\n')
  const text = output.slice(0, at) + after.join('\n')
  return { text, results: JSON.parse(line) as FileResults }
}
