/** One clock for all processes of this machine, which never goes back. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
