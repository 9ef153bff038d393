/** Drawn workflows are workflows, of all that the language has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stage } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { childTexts } from '../../simulations/sim/work/children.ts'
import { drawWorkflow } from '../../simulations/sim/work/drawing.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

function drawn(count: number): Stage[] {
  return Array.from({ length: count }, (_, i) => {
    const text = drawWorkflow(new SeededEntropy(`drawn ${i}`), 'drawn')
    const parsed = parseWorkflow(text)
    assert.ok(parsed.ok, parsed.ok ? '' : `${text}\n${JSON.stringify(parsed.mistakes)}`)
    return parsed.workflow.stages
  }).flat()
}

test('everything that is drawn can be read', () => {
  assert.ok(drawn(400).length > 1_000)
  for (const text of Object.values(childTexts).flat()) assert.ok(parseWorkflow(text).ok, text)
})

test('among a few hundred there is all that stages can be', () => {
  const stages = drawn(400)
  const kinds = new Set(stages.map(({ step }) => step.kind))
  const wanted = [
    'run',
    'wait',
    'choose',
    'signal',
    'await',
    'approve',
    'workflow',
    'http',
    'function',
  ]
  assert.deepEqual([...kinds].sort(), wanted.sort())
  const has: Record<string, (stage: Stage) => unknown> = {
    needs: ({ needs }) => needs.length > 1,
    condition: (stage) => stage.if,
    failFast: ({ forEach }) => forEach?.onFailure.rule === 'failFast',
    quorum: ({ forEach }) => forEach?.onFailure.rule === 'quorum',
    limit: ({ forEach }) => forEach?.limit,
    retry: ({ retry }) => retry.attempts > 1,
    perClass: ({ retry }) => retry.per.lost,
    startToClose: ({ timeouts }) => timeouts.startToCloseMs,
    heartbeat: ({ timeouts }) => timeouts.heartbeatMs,
    queue: ({ timeouts }) => timeouts.queueMs,
    total: ({ timeouts }) => timeouts.totalMs,
    optional: ({ optional }) => optional,
    fallback: ({ fallback }) => fallback,
    compensate: ({ compensate }) => compensate,
    onFailure: ({ section }) => section === 'onFailure',
    finally: ({ section }) => section === 'finally',
    gate: ({ concurrency }) => concurrency,
    onLost: ({ onLost }) => onLost === 'fail',
    host: ({ where }) => where.hosts.length > 0,
    labels: ({ where }) => where.labels.zone,
    near: ({ where }) => where.affinity?.required,
    far: ({ where }) => where.antiAffinity?.required,
    spread: ({ where }) => where.spread,
    handsOn: ({ artifacts }) => artifacts.length > 0,
    takesOver: ({ artifactsFrom }) => artifactsFrom.length > 0,
    bug: ({ retry }) => (retry.per.bug?.attempts ?? 1) > 1,
    approval: ({ approve, step }) => approve && step.kind === 'run',
    detached: ({ step }) => step.kind === 'workflow' && !step.wait,
    raced: ({ race }) => race,
    reads: ({ env }) => Object.keys(env).length > 0,
  }
  for (const [name, is] of Object.entries(has)) assert.ok(stages.some(is), name)
})
