/** The share of the last ten seconds in which some task waited, as /proc/pressure tells it. */

/** Undefined where the kernel was built or started without it. */
export function parsePressure(text: string): number | undefined {
  const found = /^some avg10=(\d+(?:\.\d+)?) /.exec(text)
  return found ? Number(found[1]) / 100 : undefined
}
