/**
 * Where everything stands in the state: the whole of it is one ordered map, from keys that begin
 * with the name of their table. What is a row is in the digest and in every snapshot by that alone.
 *
 * Keys are printable ASCII, so that they sort alike everywhere and hold no separator by accident.
 */

export const tables = {
  config: 'config/',
  node: 'node/',
  estop: 'estop/',
  audit: 'audit/',
  kv: 'kv/',
  session: 'session/',
  reply: 'reply/',
  run: 'run/',
  runSpec: 'runSpec/',
  runKey: 'runKey/',
  runOrder: 'runOrder/',
  unit: 'unit/',
  attempt: 'attempt/',
  output: 'output/',
  approval: 'approval/',
  signal: 'signal/',
  workflow: 'workflow/',
  workflowText: 'workflowText/',
  workflowName: 'workflowName/',
} as const

/** Above every key that begins with the prefix. */
export function endOf(prefix: string): string {
  return `${prefix}\x7f`
}

/** Sorts as the number does: 2^53 has sixteen digits. */
export function ordinal(number: number): string {
  return String(number).padStart(16, '0')
}

const printable = /^[!-~]+$/
const namespaceForm = /^[a-z0-9][a-z0-9._-]*$/

/** Printable ASCII without spaces, not empty and not over the limit. */
export function isName(text: string, bytesMax: number): boolean {
  return text.length <= bytesMax && printable.test(text)
}

export function isNamespace(text: string, bytesMax: number): boolean {
  return text.length <= bytesMax && namespaceForm.test(text)
}

export const configRow = (key: string) => tables.config + key
export const nodeRow = (node: string) => tables.node + node
export const estopRow = (scope: string) => tables.estop + scope
export const auditRow = (sequence: number) => tables.audit + ordinal(sequence)
export const kvRow = (namespace: string, key: string) => `${tables.kv}${namespace}/${key}`
export const sessionRow = (session: number) => tables.session + ordinal(session)
export const repliesOf = (session: number) => `${tables.reply}${ordinal(session)}/`
