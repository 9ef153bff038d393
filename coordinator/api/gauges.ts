/** What an agent tells monitoring, read when it is scraped. */
import type { Agent } from '../../agent/agent.ts'
import { Metrics } from '../../agent/metrics/registry.ts'
import { warningKinds } from '../../protocol/membership/warnings.ts'
import type { SignedDoor } from './door.ts'
import { ledgerStatusOf } from './ledger-view.ts'
import { isolationOf, nodesOf, refusalsOf } from './queries.ts'

export function metricsOf(agent: Agent, door: Pick<SignedDoor, 'refusals'>): Metrics {
  const metrics = new Metrics()
  const members = metrics.gauge('skein_members', {
    help: 'Members of the mesh by what this agent believes of them',
    labels: ['state'],
  })
  const refused = metrics.gauge('skein_refused', {
    help: 'What the network has refused since the agent started, by reason',
    labels: ['reason'],
  })
  const turnedAway = metrics.gauge('skein_api_refused', {
    help: 'Whom the control API has turned away since the agent started, by reason',
    labels: ['reason'],
  })
  const lag = metrics.gauge('skein_loop_lag_seconds', {
    help: '99th percentile of the event loop lag over the last seconds',
    unit: 'seconds',
  })
  const doubt = metrics.gauge('skein_local_health', {
    help: 'Lifeguard multiplier, 0 is well',
  })
  const resident = metrics.gauge('skein_resident_memory_bytes', {
    help: 'Memory of the agent that is resident',
    unit: 'bytes',
  })
  const sent = metrics.gauge('skein_network_sent_bytes', {
    help: 'Bytes sent to other agents since the agent started',
    unit: 'bytes',
  })
  const received = metrics.gauge('skein_network_received_bytes', {
    help: 'Bytes received from other agents since the agent started',
    unit: 'bytes',
  })
  const leads = metrics.gauge('skein_ledger_leads', { help: '1 while this agent leads the ledger' })
  const term = metrics.gauge('skein_ledger_term', { help: 'Term of the ledger, as known here' })
  const applied = metrics.gauge('skein_ledger_applied_index', {
    help: 'The entry up to which this agent has the state of the ledger',
  })
  const attempts = metrics.gauge('skein_attempts', {
    help: 'Attempts of stages on this agent: running, waiting for their turn, or with a result that is not committed',
    labels: ['state'],
  })
  const runs = metrics.gauge('skein_history_runs', {
    help: 'Ended runs that this agent keeps',
  })
  const runBytes = metrics.gauge('skein_history_bytes', {
    help: 'What ended runs take on the disk of this agent',
    unit: 'bytes',
  })
  const unheld = metrics.gauge('skein_isolation_missing', {
    help: '1 for each rule that stages cannot be held to on this host',
    labels: ['rule'],
  })
  const warned = metrics.gauge('skein_host_warning', {
    help: '1 while this host warns of itself, by what',
    labels: ['kind'],
  })
  for (const { name, missing } of isolationOf(agent.ports)) {
    unheld.with(name).set(missing === undefined ? 0 : 1)
  }
  metrics.onScrape(() => {
    const kept = agent.history.totals
    runs.with().set(kept.runs)
    runBytes.with().set(kept.bytes)
    attempts.with('running').set(agent.work.running)
    attempts.with('waiting').set(agent.work.waiting)
    attempts.with('uncommitted').set(agent.work.uncommitted)
    const ledger = ledgerStatusOf(agent)
    leads.with().set(ledger?.role === 'leader' ? 1 : 0)
    if (ledger) {
      term.with().set(ledger.term)
      applied.with().set(ledger.applied)
    }
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 }
    for (const { state } of nodesOf(agent)) counts[state]++
    for (const [state, count] of Object.entries(counts)) members.with(state).set(count)
    for (const [reason, count] of Object.entries(refusalsOf(agent))) refused.with(reason).set(count)
    for (const [reason, count] of Object.entries(door.refusals()))
      turnedAway.with(reason).set(count)
    const traffic = agent.ports.network.traffic()
    sent.with().set(traffic.sentBytes)
    received.with().set(traffic.receivedBytes)
    lag.with().set(agent.ports.loopLagMs() / 1_000)
    doubt.with().set(agent.membership.localHealth)
    const warnings = agent.watch.kinds()
    for (const kind of warningKinds) warned.with(kind).set(warnings.includes(kind) ? 1 : 0)
    const reading = agent.sampler.newest()
    if (reading) resident.with().set(reading.sample.agent.residentBytes)
  })
  return metrics
}
