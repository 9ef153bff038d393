/** The runner itself: what would make a scenario pass without having tested anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runScript } from './commands.ts'
import { formatScript, parseScript } from './script.ts'

const run = (text: string) => runScript(parseScript(text))

const single = `# A single voter leads.

add-nodes 1
quietly elect n1
----
ok

# It takes proposals.
propose n1 a
----
at 2:t1
`

test('a script that holds is written again as it stands', () => {
  const script = parseScript(single)
  assert.equal(script.promise, 'A single voter leads')
  assert.equal(formatScript(script, runScript(script)), single)
})

test('a changed expectation is written as what happens', () => {
  const wrong = parseScript(single.replace('at 2:t1', 'at 3:t1'))
  assert.equal(formatScript(wrong, runScript(wrong)), single)
})

test('the same script prints the same twice', () => {
  const text = '# All.\n\nadd-nodes 5\nelect n3\npropose n3 a b\nlive 300ms\nstatus\n----\n'
  const [lines = []] = run(text)
  assert.ok(lines.length > 100)
  assert.deepEqual(run(text), [lines])
})

test('a command, an option or a host that does not exist fails with its line', () => {
  assert.throws(() => run('# A.\n\nadd-nodes 1\nfly n1\n----\n'), /line 4, fly: .*no command fly/)
  assert.throws(() => run('# A.\n\nadd-nodes 1 wings=2\n----\n'), /line 3, .*no option wings/)
  assert.throws(() => run('# A.\n\nadd-nodes 1\nstatus n2\n----\n'), /line 4, .*no host n2/)
})

test('a command without a result, and a script without a promise, are refused', () => {
  assert.throws(() => parseScript('# A.\n\nadd-nodes 1\n'), /line 3: a command without ----/)
  assert.throws(() => parseScript('add-nodes 1\n----\n'), /what it promises/)
})

test('a law that is broken fails the script, whatever it expects', () => {
  const twoHistories = `# Two disks say otherwise of what is committed.

add-nodes 1 voters=(1) log=1,1 commit=2
add-nodes 1 voters=(2) log=1,2 commit=2
----
`
  assert.throws(() => run(twoHistories), /line 4, add-nodes: .*applied different entries at 2/s)
})
