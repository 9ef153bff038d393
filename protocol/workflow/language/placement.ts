/** Where a stage may run, where it would like to, and what it takes there. */
import { bool } from '../expressions/types.ts'
import { workflowLimits as limits } from '../limits.ts'
import type { Company, LabelRule, Placement, Resources } from '../model.ts'
import { form, forms, list, mapOf } from '../shape/collections.ts'
import { optional, record, required } from '../shape/record.ts'
import { bytes, decimal, integer, text, toggle } from '../shape/scalars.ts'
import { named, type Shape } from '../shape/shape.ts'
import { expression, template } from '../shape/templates.ts'
import { labelKeys, nameKeys, stageNames } from './words.ts'

const value = template('a value')
const values = list(value, {
  noun: 'a list of values',
  min: 1,
  max: limits.labelsMax,
  oneIsEnough: true,
})

const labelRecord = record(
  {
    in: optional(values, 'One of these values.'),
    notIn: optional(values, 'None of these values.'),
    exists: optional(toggle, 'Whether the label is there at all.'),
  },
  { noun: 'a rule for a label', synonyms: { values: 'in', equals: 'in', not: 'notIn' } },
)

const labelRule: Shape<LabelRule> = forms<LabelRule>({
  noun: 'a value, a list of values or a rule',
  scalar: form(value, (only) => ({ in: [only] })),
  list: form(values, (all) => ({ in: all })),
  map: form(labelRecord, (rule) => rule),
  write: (rule) => labelRecord.write(rule),
})

const companyRecord = record(
  {
    stages: required(stageNames, 'The stages.'),
    required: optional(toggle, 'Whether it must be so; a wish if not said.'),
  },
  { noun: 'stages to be near to or far from' },
)

const company: Shape<Company> = named(
  'Company',
  forms<Company>({
    noun: 'a list of stages',
    scalar: form(stageNames, (stages) => ({ stages, required: false })),
    list: form(stageNames, (stages) => ({ stages, required: false })),
    map: form(companyRecord, ({ stages, required = false }) => ({ stages, required })),
    write: (value) => companyRecord.write(value),
  }),
)

const labelMap = <T>(of: Shape<T>, noun: string) =>
  mapOf(of, { noun, max: limits.labelsMax, keys: labelKeys })

const hosts = list(template('a host', { empty: false }), {
  noun: 'a list of hosts',
  min: 1,
  max: 1_000,
  oneIsEnough: true,
})

const placementRecord = record(
  {
    labels: optional(labelMap(labelRule, 'labels'), 'Labels that the node must have.'),
    host: optional(hosts, 'The host, by name or id; one of them when there are several.'),
    expression: optional(
      expression('a condition', bool),
      'A condition on the node: node.name, node.labels, node.cpu, node.memory, node.disk, node.load, node.running.',
    ),
    affinity: optional(company, 'On the host of these stages.'),
    antiAffinity: optional(company, 'On another host than these stages.'),
    prefer: optional(labelMap(value, 'labels'), 'Labels that are wished for.'),
    spread: optional(
      text({
        noun: 'a label, or host',
        lengthMin: 1,
        lengthMax: limits.nameLengthMax,
        pattern: labelKeys,
      }),
      'A label, or host: the items of a forEach are spread evenly over its values.',
    ),
  },
  {
    noun: 'where',
    synonyms: {
      hosts: 'host',
      node: 'host',
      nodes: 'host',
      nodeselector: 'labels',
      label: 'labels',
      if: 'expression',
      when: 'expression',
      cel: 'expression',
      preferred: 'prefer',
    },
  },
)

export const placement: Shape<Placement> = named(
  'Placement',
  forms<Placement>({
    noun: 'where',
    map: form(placementRecord, ({ labels = {}, host = [], prefer = {}, ...rest }) => ({
      ...rest,
      labels,
      hosts: host,
      prefer,
    })),
    write: ({ hosts: host, labels, prefer, ...rest }) =>
      placementRecord.write({
        ...rest,
        ...(Object.keys(labels).length > 0 ? { labels } : {}),
        ...(host.length > 0 ? { host } : {}),
        ...(Object.keys(prefer).length > 0 ? { prefer } : {}),
      }),
  }),
)

export const anywhere: Placement = { labels: {}, hosts: [], prefer: {} }

/** What a stage says goes before what the defaults say; of labels, each by itself. */
export function resolvedPlacement(
  own: Placement = anywhere,
  defaults: Placement = anywhere,
): Placement {
  return {
    ...defaults,
    ...own,
    labels: { ...defaults.labels, ...own.labels },
    hosts: own.hosts.length > 0 ? own.hosts : defaults.hosts,
    prefer: { ...defaults.prefer, ...own.prefer },
  }
}

const resourceRecord = record(
  {
    cpu: optional(decimal('cpu', { max: 4_096 }), 'Cores; 0.5 is half of one.'),
    memory: optional(bytes('memory'), 'As in 512MiB.'),
    disk: optional(
      bytes('disk'),
      'As in 10GiB; what it writes below its own directory beyond it ends it.',
    ),
    custom: optional(
      mapOf(integer('an amount', { max: 1_000_000 }), {
        noun: 'resources by name',
        max: limits.labelsMax,
        keys: nameKeys,
      }),
      'Whatever else agents have a number of: gpu, licence.',
    ),
  },
  {
    noun: 'resources',
    synonyms: {
      cpus: 'cpu',
      cores: 'cpu',
      mem: 'memory',
      ram: 'memory',
      storage: 'disk',
      gpu: 'custom: { gpu: … }',
    },
  },
)

export const resources: Shape<Resources> = named(
  'Resources',
  forms<Resources>({
    noun: 'resources',
    map: form(resourceRecord, ({ cpu, memory, disk, custom = {} }) => ({
      ...(cpu === undefined ? {} : { cpu }),
      ...(memory === undefined ? {} : { memoryBytes: memory }),
      ...(disk === undefined ? {} : { diskBytes: disk }),
      custom,
    })),
    write: ({ cpu, memoryBytes, diskBytes, custom }) =>
      resourceRecord.write({
        ...(cpu === undefined ? {} : { cpu }),
        ...(memoryBytes === undefined ? {} : { memory: memoryBytes }),
        ...(diskBytes === undefined ? {} : { disk: diskBytes }),
        ...(Object.keys(custom).length > 0 ? { custom } : {}),
      }),
  }),
)

export const noResources: Resources = { custom: {} }

export function resolvedResources(
  own: Resources = noResources,
  defaults: Resources = noResources,
): Resources {
  return { ...defaults, ...own, custom: { ...defaults.custom, ...own.custom } }
}
