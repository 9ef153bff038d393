/**
 * A harmless process that is as busy as an attacker was: what the mesh does beside it is what an
 * attack is compared with, since a machine with few cores is slower for everybody when somebody works.
 */
export interface BusyOrder {
  /** Of one core; 0 for rest. */
  share: number
}

export interface BusyNews {
  cpuMs: number
}

const SLICE_MS = 10

let share = 0
let cpuBefore = process.cpuUsage()

process.once('disconnect', () => process.exit())
process.on('message', (order: BusyOrder) => {
  if (order.share > 0) {
    cpuBefore = process.cpuUsage()
    const isAtRest = share === 0
    share = order.share
    if (isAtRest) work()
    return
  }
  share = 0
  const { user, system } = process.cpuUsage(cpuBefore)
  const news: BusyNews = { cpuMs: (user + system) / 1_000 }
  process.send?.(news)
})

function work(): void {
  if (share === 0) return
  const untilMs = performance.now() + SLICE_MS * Math.min(1, share)
  while (performance.now() < untilMs);
  setTimeout(work, SLICE_MS * Math.max(0, 1 - share))
}
