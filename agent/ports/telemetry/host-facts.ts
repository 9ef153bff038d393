/** What does not change while a Linux host runs, from a few files read once. */
import { existsSync } from 'node:fs'
import { arch, cpus, hostname, release } from 'node:os'
import type { HostFacts } from '../../../protocol/ports/telemetry.ts'
import type { Confinement, ReadText } from './confinement.ts'
import { parseCpuTimes } from './cpu-times.ts'
import { parseMeminfo } from './memory-figures.ts'

interface Sources {
  proc: string
  sys: string
  confinement: Confinement
}

export function gatherFacts(read: ReadText, { proc, sys, confinement }: Sources): HostFacts {
  const cpuinfo = read(`${proc}/cpuinfo`) ?? ''
  const present = [...(parseCpuTimes(read(`${proc}/stat`) ?? '')?.cores.keys() ?? [])]
  const cores = present.length || cpus().length
  const memoryBytes = parseMeminfo(read(`${proc}/meminfo`) ?? '')?.totalBytes ?? 0
  return {
    hostname: hostname(),
    platform: 'linux',
    kernel: release(),
    arch: arch(),
    cpuModel: parseCpuModel(cpuinfo) ?? boardModel(read, proc) ?? 'unknown',
    cores,
    coresUsable: usableCores(present, cores, confinement),
    memoryBytes,
    memoryUsableBytes: Math.min(memoryBytes, ...confinement.memory.map((m) => m.limitBytes)),
    kind: kindOf(read, { proc, sys, cpuinfo }),
  }
}

/** Cores, whole or not, that this process can keep busy. */
export function usableCores(
  present: readonly number[],
  cores: number,
  { cpu, allowedCores }: Pick<Confinement, 'cpu' | 'allowedCores'>,
): number {
  // The allowed list names cores that a machine could have; those that it has are counted.
  const allowed = present.filter((core) => allowedCores.has(core)).length || cores
  return Math.min(allowed, cpu?.cores ?? allowed)
}

/** x86 names a model for each core; ARM kernels may name the board instead, or nothing. */
export function parseCpuModel(cpuinfo: string): string | undefined {
  const found = /^(?:model name|Model|Hardware|cpu model)[ \t]*:[ \t]*(\S.*)$/m.exec(cpuinfo)
  return found?.[1]?.replace(/\s+/g, ' ').trim()
}

/** The device tree's strings end in a zero byte. */
function boardModel(read: ReadText, proc: string): string | undefined {
  return read(`${proc}/device-tree/model`)?.replaceAll('\0', '').trim() || undefined
}

const containerGroups = /docker|kubepods|containerd|libpod|lxc|machine\.slice/
const virtualMakers =
  /kvm|qemu|vmware|virtualbox|xen|bochs|bhyve|parallels|virtual machine|amazon ec2|google|openstack|hetzner|digitalocean|alibaba|firecracker|nutanix/i

function kindOf(
  read: ReadText,
  { proc, sys, cpuinfo }: { proc: string; sys: string; cpuinfo: string },
): HostFacts['kind'] {
  const root = proc.slice(0, -'/proc'.length)
  const marks = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container']
  if (marks.some((mark) => existsSync(`${root}${mark}`))) return 'container'
  if (containerGroups.test(read(`${proc}/1/cgroup`) ?? '')) return 'container'
  if (/^flags\s*:.*\bhypervisor\b/m.test(cpuinfo)) return 'virtual'
  if (existsSync(`${sys}/hypervisor/type`)) return 'virtual'
  if (existsSync(`${proc}/device-tree/hypervisor`)) return 'virtual'
  const maker = read(`${sys}/class/dmi/id/sys_vendor`)
  const product = read(`${sys}/class/dmi/id/product_name`)
  if (virtualMakers.test(`${maker} ${product}`)) return 'virtual'
  return maker !== undefined || boardModel(read, proc) !== undefined ? 'physical' : 'unknown'
}
