/** What a host lets itself be asked while trees grow. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describedCuts as cuts } from '../../models/federation/trees/cuts.ts'
import { Interview } from '../../models/federation/trees/interview.ts'
import type { Asked } from '../../models/federation/trees/questions.ts'
import type { Branch } from '../../models/federation/trees/structure.ts'

const features = [0, 1, 2]

function cutsAt(
  nodes: readonly number[],
  branches: readonly (readonly [number, Branch])[] = [],
): Asked {
  const tree = { features, branches: new Map(branches), nodes }
  return { bag: 0, about: 'cuts', spread: 1, trees: [tree] }
}

const leavesAt = (...asked: Parameters<typeof cutsAt>): Asked => ({
  ...cutsAt(...asked),
  about: 'leaves',
})
const cut = (feature: number, step = 0): Branch => ({ feature, step })

test('rows of nodes are asked about one after the other, each once, and then the leaves', () => {
  const interview = new Interview(cuts)
  assert.equal(interview.wrongIn(cutsAt([0])), undefined)
  assert.equal(interview.wrongIn(cutsAt([1], [[0, cut(0)]])), undefined)
  const grown = [
    [0, cut(0)],
    [2, cut(1)],
  ] as const
  assert.equal(interview.wrongIn(cutsAt([5], grown)), undefined)
  assert.equal(interview.wrongIn(leavesAt([1, 5, 6], grown)), undefined)
  assert.match(interview.wrongIn(leavesAt([1, 5, 6], grown)) ?? '', /asked already/)
})

const wrong: readonly (readonly [string, readonly Asked[], RegExp])[] = [
  ['a node twice', [cutsAt([0]), cutsAt([0])], /not the next/],
  ['a node twice in one', [cutsAt([0, 0])], /not the next/],
  ['what goes right as well', [cutsAt([0]), cutsAt([1, 2], [[0, cut(0)]])], /not the next/],
  ['trees that have grown unasked', [cutsAt([1], [[0, cut(0)]])], /not the next|unasked/],
  [
    'two rows at once',
    [
      cutsAt([0]),
      cutsAt(
        [3],
        [
          [0, cut(0)],
          [1, cut(1)],
        ],
      ),
    ],
    /not the next/,
  ],
  [
    'a cut that has moved',
    [
      cutsAt([0]),
      cutsAt([1], [[0, cut(0)]]),
      cutsAt(
        [3],
        [
          [0, cut(2)],
          [1, cut(1)],
        ],
      ),
    ],
    /others/,
  ],
  [
    'features that there are not',
    [{ ...cutsAt([0]), trees: [{ features: [999], branches: new Map(), nodes: [0] }] }],
    /features/,
  ],
  [
    'more cuts than are looked at',
    [{ ...cutsAt([0]), trees: [{ features: [...cuts.keys()], branches: new Map(), nodes: [0] }] }],
    /features/,
  ],
  ['a cut by another feature', [cutsAt([0]), cutsAt([1], [[0, cut(7)]])], /may not look at/],
  ['a step that there is not', [cutsAt([0]), cutsAt([1], [[0, cut(0, 99)]])], /not whole/],
  ['a node in the air', [cutsAt([0]), cutsAt([3], [[1, cut(0)]])], /not whole/],
  [
    'three trees',
    [{ ...cutsAt([0]), trees: [0, 1, 2].flatMap(() => cutsAt([0]).trees) }],
    /too many/,
  ],
  ['no width', [{ ...cutsAt([0]), spread: 0 }], /too wide/],
  ['too wide a step', [{ ...cutsAt([0]), spread: 99 }], /too wide/],
  ['leaves that are none', [cutsAt([0]), leavesAt([0], [[0, cut(0)]])], /not the next/],
]

for (const [what, asked, why] of wrong) {
  test(`nobody is asked ${what}`, () => {
    const interview = new Interview(cuts)
    const said = asked.map((each) => interview.wrongIn(each))
    assert.match(said.at(-1) ?? '', why)
    assert.ok(
      said.slice(0, -1).every((each) => each === undefined),
      JSON.stringify(said),
    )
  })
}
