// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is how expressions are written.
/** However YAML writes a text, a mistake in an expression in it is pointed at where it stands. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mistakesIn, withStages } from './stage.ts'

test('a mistake in an expression is pointed at in every style of YAML', () => {
  const texts = [
    '  a: { env: { A: "x ${{ §nope }}" }, run: x }\n',
    "  a: { env: { A: 'it''s ${{ §nope }}' }, run: x }\n",
    '  a: { env: { A: "tab\\t \\u00e9 \\"q\\" ${{ §nope }}" }, run: x }\n',
    '  a:\n    run: |\n      one\n        two ${{ run.id }}\n\n      three ${{ §nope }}\n',
    '  a:\n    run: >-\n      one\n      two ${{ run.id }}\n\n      three ${{ §nope }}\n',
    '  a:\n    run: plain goes on\n      here ${{ §nope }}\n',
    '  a:\n    env:\n      A: "double goes\n        on ${{ §nope }}"\n    run: x\n',
    "  a:\n    env:\n      A: 'single goes\n\n        on ${{ §nope }}'\n    run: x\n",
    '  a:\n    run: |2\n        deep ${{ §nope }}\n',
    '  a: { run: ["x", "${{ §nope }}"] }\n',
    '  a: { run: x, if: §nope }\n',
    '  a: { runbook: x, with: { k: [1, { deep: "${{ §nope }}" }] } }\n',
  ]
  for (const marked of texts) {
    const text = withStages(marked)
    const before = text.slice(0, text.indexOf('§')).split('\n')
    const [mistake] = mistakesIn(text.replace('§', ''))
    assert.equal(mistake?.message, 'there is no nope here', marked)
    const wanted = [before.length, before.at(-1)!.length + 1]
    assert.deepEqual([mistake.line, mistake.column], wanted, marked)
  }
})
