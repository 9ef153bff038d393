/**
 * A nursery in Bash, for where there is no Perl. For each program there are two forks of the shell:
 * one that becomes the program, as the leader of a group of its own, and one that waits for it and
 * says how it ended. All that varies reaches it as single-quoted words, which a shell takes as they
 * are.
 */
import type { Launch } from './launch.ts'
import type { NurseryLanguage } from './nursery.ts'

/** To the shell: length of a command, padded, and the command. */
const lengthDigits = 7

/** A shell says 128 + n of a program that a signal has ended, and cannot tell it from an exit so. */
const script = `
unset PWD OLDPWD SHLVL _
export -n PATH
LC_ALL=C
for fd in /proc/self/fd/*; do
  ((\${fd##*/} > 3)) && eval "exec \${fd##*/}>&-"
done
unset fd
start() {
  local TIMEFORMAT="used $1 %3U %3S" code how=ended SECONDS=0
  { time run "$@"; } 2>&3
  ((code > 128 && code < 193)) && ((code -= 128)) && how=killed
  ((SECONDS == 0)) || record "$2"
  echo "$how $1 $code" >&3 || record "$2"
}
run() {
  set -m
  (
    exec 3>&- 0</dev/null 1<>"$4" 2<>"$5"
    cd -- "$6" && unset PWD OLDPWD || exit 126
    [[ -z $3 ]] || echo 0 >"$3/cgroup.procs" || exit 126
    export -- "\${@:9:$8}" 2>/dev/null
    set -- "$7" "\${@:9+$8}"
    exec -a "$2" -- "$1" "\${@:3}"
  ) &
  set +m
  trap '' PIPE
  echo "started $1 $!" >&3
  wait "$!" 2>/dev/null
  code=$?
}
record() {
  [[ -z $1 ]] || echo "$how $code" >"$1"
}
set -m
sleep 60 & kill -KILL -- "-$!" && echo ready >&3
set +m
while IFS= read -r -N ${lengthDigits} length && IFS= read -r -N $length command; do
  eval "$command"
  disown
done
`

export const bashNursery: NurseryLanguage = {
  argv: ['bash', '--noprofile', '--norc', '-c', script],
  takes: ({ env }) =>
    Object.keys(env).every((name) => plainName.test(name) && !shellsOwn.test(name)),
  command(id: number, launch: Launch, program: string): Buffer {
    const { spec, env, outputs, recordPath = '', groupDirectory = '' } = launch
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const place = [groupDirectory, ...outputs, spec.cwd, program]
    const words = [String(id), recordPath, ...place, String(variables.length), ...variables]
    const text = `{ start ${[...words, ...spec.argv].map(quoted).join(' ')}; } &`
    return Buffer.from(`${String(Buffer.byteLength(text)).padStart(lengthDigits)}${text}`)
  },
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** Names that are none to a shell it drops, and of some variables it has a mind of its own. */
const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/
const shellsOwn =
  /^(_|UID|EUID|PPID|GROUPS|IFS|DIRSTACK|FUNCNAME|FUNCNEST|LINENO|S?RANDOM|SECONDS|SHLVL|SHELLOPTS|POSIXLY_CORRECT|PIPESTATUS|OPT(ARG|IND|ERR)|MAPFILE|REPLY|COPROC|TMOUT|IGNOREEOF|GLOBIGNORE|EXECIGNORE|FIGNORE|PS[0-4]|TIMEFORMAT|PROMPT_.*|(BASH|COMP|EPOCH|HIST|READLINE).*)$/
