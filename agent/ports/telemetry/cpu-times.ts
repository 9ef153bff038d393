/** CPU time, as /proc/stat counts it since the machine started. */

/** In the kernel's ticks. `busy` and `idle` together are all the time there was. */
export interface CpuTime {
  busy: number
  idle: number
}

export interface CpuTimes {
  all: CpuTime
  /** By the core's number, which leaves gaps where a core is switched off. */
  cores: Map<number, CpuTime>
}

/**
 * Undefined when the text has no total. Time stolen by a hypervisor counts as busy: it is not to be
 * had. Guest time is part of user time already.
 */
export function parseCpuTimes(text: string): CpuTimes | undefined {
  // What follows the cores grows with the number of interrupts and is of no use here.
  const end = text.indexOf('\nintr')
  const relevant = end < 0 ? text.slice(0, text.lastIndexOf('\n')) : text.slice(0, end)
  let all: CpuTime | undefined
  const cores = new Map<number, CpuTime>()
  for (const line of relevant.split('\n')) {
    if (!line.startsWith('cpu')) continue
    const space = line.indexOf(' ')
    const time = parseTime(line.slice(space + 1).trimStart())
    if (!time) continue
    if (space === 3) all = time
    else cores.set(Number(line.slice(3, space)), time)
  }
  return all && { all, cores }
}

/** `user nice system idle iowait irq softirq steal guest guest_nice`; old kernels stop sooner. */
function parseTime(text: string): CpuTime | undefined {
  const fields = text.split(' ')
  if (fields.length < 4) return undefined
  let total = 0
  for (let i = 0; i < Math.min(8, fields.length); i++) total += Number(fields[i])
  if (!Number.isFinite(total)) return undefined
  const idle = Number(fields[3]) + Number(fields[4] ?? 0)
  return { busy: total - idle, idle }
}

/**
 * Busy share between two readings, 0 to 1; undefined when no time has passed. Idle and iowait are
 * known to step back by a little, which counts as nothing.
 */
export function busyShare(before: CpuTime, now: CpuTime): number | undefined {
  const busy = Math.max(0, now.busy - before.busy)
  const idle = Math.max(0, now.idle - before.idle)
  return busy + idle > 0 ? busy / (busy + idle) : undefined
}

/**
 * The shares of the cores that both readings have, in the order of their numbers. `allowed` leaves
 * out the cores that this process may not run on; empty means all.
 */
export function busyShares(
  before: CpuTimes,
  now: CpuTimes,
  allowed: ReadonlySet<number>,
): number[] | undefined {
  const shares: number[] = []
  for (const [core, time] of now.cores) {
    if (allowed.size > 0 && !allowed.has(core)) continue
    const earlier = before.cores.get(core)
    const share = earlier && busyShare(earlier, time)
    if (share === undefined) return undefined
    shares.push(share)
  }
  return shares
}
