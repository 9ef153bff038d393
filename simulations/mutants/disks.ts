/** Defects of what is read from a disk that is not whole. */
import type { Defect } from './mutant.ts'

const node = 'protocol/consensus/node.ts'
const look = 'agent/consensus/look.ts'
const records = 'agent/consensus/records.ts'
const store = 'agent/consensus/store.ts'

export const disks: readonly Defect[] = [
  {
    number: 22,
    title: 'A torn or bit-flipped record is accepted',
    mutants: [
      {
        name: '22a',
        change: 'checksums of records are not compared',
        edits: [
          {
            file: records,
            find: 'return told === checksumOf(key, body) ? body : undefined',
            replace: 'return told >= 0 ? body : undefined',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '22b',
        change: 'a log goes on after a damaged block as if it had never been',
        edits: [
          {
            file: look,
            find: '    const follows = name.firstIndex <= firstMissing',
            replace: '    const follows = name.firstIndex <= firstMissing || damaged',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
  {
    number: 23,
    title: 'A corrupt node wins an election and spreads its truncation',
    mutants: [
      {
        name: '23a',
        change: 'a disk that has lost what it promised is taken for whole',
        edits: [
          {
            file: node,
            find: 'this.recovering = isFurther(this.promised, this.log.end)',
            replace: 'this.recovering = false',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '23b',
        change: 'a recovering host may stand for election',
        edits: [
          {
            file: node,
            find: 'return !this.recovering && this.configs.hasVoter(this.id, this.storage, this.log.commit)',
            replace: 'return this.configs.hasVoter(this.id, this.storage, this.log.commit)',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '23c',
        change: 'a recovering host votes by what it still holds',
        edits: [
          {
            file: node,
            find: '!isFurther(this.log.end, last) && !(this.recovering && isFurther(this.promised, last))',
            replace: '!isFurther(this.log.end, last)',
          },
        ],
        harness: 'mesh',
      },
      {
        name: '23d',
        change: 'a disk that comes back empty keeps its number',
        edits: [
          {
            file: store,
            find: '  return 1 + entropy.uint32() * 2 ** 20 + (entropy.uint32() >>> 12)',
            replace: '  entropy.uint32()\n  return 1',
          },
        ],
        harness: 'mesh',
      },
    ],
  },
]
