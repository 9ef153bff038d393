/** Hosts and requests of all kinds, small enough that every rule is met and broken often. */
import fc from 'fast-check'
import { noDemands } from '../../coordinator/placement/demands.ts'
import type { HostFacts, HostView } from '../../coordinator/placement/host-view.ts'
import { Hosts } from '../../coordinator/placement/hosts.ts'
import type { Demands, PlacementRequest } from '../../coordinator/placement/policy.ts'
import type { Expr } from '../../protocol/workflow/expressions/ast.ts'
import { parseExpression } from '../../protocol/workflow/expressions/parser.ts'
import type { Resources } from '../../protocol/workflow/model.ts'

export const plainHost: HostFacts = {
  id: 'id-1',
  name: 'n1',
  labels: { os: 'linux', zone: 'a' },
  state: 'alive',
  isKnown: true,
  version: '1.0.0',
  cores: 4,
  memoryBytes: 8 * 2 ** 30,
  disk: { totalBytes: 100 * 2 ** 30, availableBytes: 50 * 2 ** 30 },
  custom: {},
  attemptsMax: 8,
  load: { cpu: 0.2, memory: 0.3, ageMs: 500, intervalMs: 1_000 },
}

export const plainRequest: PlacementRequest = {
  demands: noDemands,
  resources: { custom: {} },
  features: [],
}

/** Named n1, n2, … with what is given laid over the plain one. */
export function hostsOf(...differences: readonly Partial<HostFacts>[]): Hosts {
  return new Hosts(
    differences.map((each, i) => ({ ...plainHost, id: `id-${i + 1}`, name: `n${i + 1}`, ...each })),
  )
}

export function asking(demands: Partial<Demands>, more: Partial<PlacementRequest> = {}) {
  return { ...plainRequest, ...more, demands: { ...noDemands, ...demands } }
}

export function expressionOf(source: string): Expr {
  const parsed = parseExpression(source)
  if (!parsed.ok) throw new Error(parsed.mistake.why)
  return parsed.value
}

const word = fc.constantFrom('a', 'b', 'c')
const label = fc.constantFrom('zone', 'disk', 'os')
const names = fc.constantFrom('n1', 'n2', 'n3', 'id-1', 'id-4')

const facts: fc.Arbitrary<Partial<HostFacts>> = fc.record(
  {
    labels: fc.dictionary(label, word, { maxKeys: 3 }),
    state: fc.oneof(
      { weight: 6, arbitrary: fc.constant('alive' as const) },
      fc.constantFrom('suspect' as const, 'dead' as const, 'left' as const),
    ),
    drained: fc.record({ by: fc.constantFrom('', 'ann'), reason: fc.constantFrom('', 'repairs') }),
    isKnown: fc.oneof({ weight: 8, arbitrary: fc.constant(true) }, fc.constant(false)),
    cores: fc.integer({ min: 0, max: 8 }),
    memoryBytes: fc.integer({ min: 0, max: 8 }).map((gib) => gib * 2 ** 30),
    custom: fc.dictionary(fc.constantFrom('gpu', 'licence'), fc.integer({ min: 0, max: 4 })),
    features: fc.constantFrom(['container'], []),
    noSandbox: fc.constantFrom('there is no bwrap'),
    noSecretFiles: fc.constantFrom('there is no place in memory'),
    attemptsMax: fc.integer({ min: 0, max: 6 }),
  },
  { requiredKeys: ['isKnown', 'cores', 'memoryBytes'] },
)

export const resources: fc.Arbitrary<Resources> = fc.record(
  {
    cpu: fc.constantFrom(0.1, 0.5, 1, 2, 4),
    memoryBytes: fc.integer({ min: 0, max: 4 }).map((gib) => gib * 2 ** 30),
    diskBytes: fc.integer({ min: 0, max: 120 }).map((gib) => gib * 2 ** 30),
    custom: fc.dictionary(fc.constantFrom('gpu', 'licence'), fc.integer({ min: 1, max: 3 })),
  },
  { requiredKeys: ['custom'] },
)

/** With a few attempts on some of them. */
export const hostList: fc.Arbitrary<readonly HostView[]> = fc
  .tuple(
    fc.array(facts, { maxLength: 6 }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), resources), { maxLength: 8 }),
  )
  .map(([differences, attempts]) => {
    const hosts = hostsOf(...differences)
    for (const [number, taken] of attempts) hosts.setAside(`id-${number}`, taken)
    return hosts.all()
  })

const expressions = [
  'node.labels.zone == "a"',
  'node.cpu >= 2.0',
  'node.running < 2',
  'node.load < 0.5 || node.name == "n1"',
].map(expressionOf)

const demands: fc.Arbitrary<Demands> = fc.record(
  {
    labels: fc.array(
      fc.record(
        {
          label,
          in: fc.array(word, { minLength: 1, maxLength: 2 }),
          notIn: fc.array(word, { minLength: 1, maxLength: 2 }),
          exists: fc.boolean(),
        },
        { requiredKeys: ['label'] },
      ),
      { maxLength: 2 },
    ),
    hosts: fc.array(names, { maxLength: 2 }),
    expression: fc.constantFrom(...expressions).map((expr) => ({ expr, names: {} })),
    prefer: fc.array(fc.record({ label, value: word }), { maxLength: 2 }),
    spread: fc.constantFrom('zone', 'host'),
  },
  { requiredKeys: ['labels', 'hosts', 'prefer'] },
)

const nodes = fc.array(fc.constantFrom('id-1', 'id-2', 'id-3'), { maxLength: 2 })
const company = fc.record({ nodes, required: fc.boolean() })

export const request: fc.Arbitrary<PlacementRequest> = fc.record(
  {
    demands,
    resources,
    features: fc.constantFrom([], ['container'], ['sandbox'], ['sandbox', 'secrets as files']),
    affinity: company,
    antiAffinity: company,
    placed: fc.constantFrom(
      new Map([
        ['a', 2],
        ['id-1', 1],
      ]),
    ),
    artifacts: fc.constant(new Map([['id-2', 1_000_000]])),
    artifactBytes: fc.integer({ min: 0, max: 2_000_000 }),
    expectedMs: fc.integer({ min: 0, max: 100_000 }),
    avoid: fc.constantFrom('id-1', 'id-2'),
    declined: fc.constant(new Set(['id-3'])),
  },
  { requiredKeys: ['demands', 'resources', 'features'] },
)

/** The same draws every time, from a fixed start. */
export function draws(seed = 1): { unit(): number } {
  let state = seed
  return {
    unit() {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      return state / 0x80000000
    },
  }
}
