// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is how expressions are written.
/** Where a value stands in a script: the executor must know it to hand the value over safely. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseTemplate } from '../../protocol/workflow/expressions/template.ts'
import { readScript } from '../../protocol/workflow/language/script.ts'
import { renderJson, renderScript } from '../../protocol/workflow/rendering.ts'

function read(script: string) {
  const template = parseTemplate(script)
  assert.ok(template.ok)
  return readScript(template.value)
}

test('a value is bare or quoted, as the shell would see it', () => {
  const cases: [string, ('bare' | 'quoted')[]][] = [
    ['echo ${{ x }}', ['bare']],
    ['echo "${{ x }} and ${{ y }}" ${{ z }}', ['quoted', 'quoted', 'bare']],
    ['echo "a \\" ${{ x }}"', ['quoted']],
    ["echo 'a' ${{ x }} 'b' \"${{ y }}\"", ['bare', 'quoted']],
    ["echo it\\'s ${{ x }}", ['bare']],
    ["# it's a comment\necho ${{ x }}", ['bare']],
    ["echo a#'b' ${{ x }}", ['bare']],
    ['echo "$(cat ${{ x }} "${{ y }}")${{ z }}"', ['bare', 'quoted', 'quoted']],
    ['echo "`cat ${{ x }}`${{ y }}"', ['bare', 'quoted']],
    ['(cd ${{ x }}; (ls "${{ y }}"))', ['bare', 'quoted']],
    ["cat <<END\n${{ x }} it's\nEND\necho ${{ y }}", ['quoted', 'bare']],
    ['cat <<-END\n\t${{ x }}\n\tEND\necho ${{ y }}', ['quoted', 'bare']],
    ['cat <<A <<B\n${{ x }}\nA\n${{ y }}\nB\necho ${{ z }}', ['quoted', 'quoted', 'bare']],
    ['cat <<< ${{ x }}', ['bare']],
    ['echo $((1 + (2 * 3))) ${{ y }} "$((4))${{ z }}"', ['bare', 'quoted']],
  ]
  for (const [script, within] of cases) {
    const result = read(script)
    assert.ok(result.ok, script)
    const found = result.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.within]))
    assert.deepEqual(found, within, script)
  }
})

test('where a shell would leave the reference as it is, or run what it says, a value is refused', () => {
  for (const script of [
    "echo '${{ x }}'",
    'echo "$(echo \'${{ x }}\')"',
    "cat <<'END'\n${{ x }}\nEND",
    'cat <<\\END\n${{ x }}\nEND',
    'cat <<"END"\n${{ x }}\nEND',
    'echo $((1 + ${{ x }}))',
    'echo "$(( (1) + $(echo ${{ x }}) ))"',
    'if ((${{ x }} > 1)); then echo; fi',
  ]) {
    assert.ok(!read(script).ok, script)
  }
})

const hostile = [
  '; touch owned; echo',
  '$(touch owned)',
  '`touch owned`',
  '" ; touch owned ; "',
  "' ; touch owned ; '",
  'a\n touch owned \n b',
  '\\"$(touch owned)',
  '${IFS}*~ #x & touch owned',
  '-n',
  '',
]

test('whatever a value says, a shell takes it for one word and no code', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skein-script-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const script = [
    `printf '%s|' \${{ x }}`,
    `printf '%s|' "<\${{ x }}>" "$(printf '%s' \${{ x }})"`,
    `A=\${{ x }}; printf '%s|' "$A"`,
    'cat <<END',
    `\${{ x }}`,
    'END',
  ].join('\n')
  const parts = read(script)
  assert.ok(parts.ok)
  for (const shell of ['sh', 'bash']) {
    if (spawnSync(shell, ['-c', 'true']).status !== 0) continue
    for (const x of hostile) {
      const rendered = renderScript({ shell: 'sh', parts: parts.parts }, { x })
      assert.ok(rendered.ok)
      const { text, variables } = rendered.value
      assert.equal(x !== '' && text.includes(x), false)
      const env = { PATH: process.env.PATH, ...variables }
      const run = spawnSync(shell, ['-c', text], {
        cwd: folder,
        env,
        encoding: 'utf8',
        // With a socket there, bash takes itself for a remote login and reads somebody's files.
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      assert.equal(run.stderr, '')
      assert.equal(run.stdout, `${x}|<${x}>|${x.replace(/\n+$/, '')}|${x}|${x}\n`, `${shell}: ${x}`)
      assert.ok(!existsSync(join(folder, 'owned')), `${shell}: ${x}`)
    }
  }
})

test('values are handed on as JSON, and a number that JSON would bend is refused', () => {
  const text = (source: string) => {
    const template = parseTemplate(source)
    assert.ok(template.ok)
    return { kind: 'text', template: template.value } as const
  }
  const names = { n: 5n, d: 0.5, list: [1n, 'a', null], big: 2n ** 60n }
  const map = {
    kind: 'map',
    entries: {
      n: text('${{ n }}'),
      said: text('n is ${{ n }}'),
      all: { kind: 'list', items: [text('${{ list }}'), { kind: 'literal', value: { a: 1 } }] },
      time: text('${{ duration("90s") }}'),
      made: text('${{ {"k": d, 3: [n]} }}'),
    },
  } as const
  assert.deepEqual(renderJson(map, names), {
    ok: true,
    value: {
      n: 5,
      said: 'n is 5',
      all: [[1, 'a', null], { a: 1 }],
      time: '1m30s',
      made: { k: 0.5, 3: [5] },
    },
  })
  const bent = renderJson(text('${{ big }}'), names)
  assert.ok(!bent.ok && bent.mistake.code === 'overflow')
  const lost = renderJson(text('a ${{ nowhere }}'), names)
  assert.ok(!lost.ok && lost.mistake.code === 'unknownName')
})
