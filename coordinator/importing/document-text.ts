/** A document as text: YAML that people read, a line for each thing said, or JSON without blanks. */
import { Document, isMap, isScalar, type YAMLMap, type YAMLSeq } from 'yaml'
import type { WorkflowDocument } from './document.ts'
import type { Format } from './options.ts'

/** Longer lists and maps have a line for each of their values. */
const FLOW_LENGTH_MAX = 80

export function documentText(document: WorkflowDocument, format: Format): string {
  return format === 'json' ? `${JSON.stringify(document)}\n` : yamlText(document)
}

function yamlText(document: WorkflowDocument): string {
  // Equal values are written each time: an alias is harder to read than a number.
  const yaml = new Document(document, { aliasDuplicateObjects: false })
  const stages = yaml.get('stages')
  for (const { value } of isMap(stages) ? stages.items : []) {
    for (const part of (value as YAMLMap).items) {
      if (isScalar(part.value)) continue
      const collection = part.value as YAMLMap | YAMLSeq
      collection.flow = JSON.stringify(collection).length <= FLOW_LENGTH_MAX
    }
  }
  return yaml.toString({ lineWidth: 0 })
}
