/**
 * A nursery in Python, where it is there: the only one that starts a program without a fork. The
 * system then copies neither memory nor page tables for a process that is about to be replaced,
 * which is a third of what it takes to start a small program (`posix_spawn`, above `vfork`).
 */
import type { NurseryLanguage } from './nursery.ts'
import { wordsOf } from './words.ts'

/**
 * Only what is built in, so that the process is small and soon there. What cannot be said to
 * `posix_spawn`, or what it refuses, is started by a fork, which ends as any shell would have it.
 * Where there is no `posix_spawn` (before 3.8), the script ends before it is ready.
 */
const script = `
import posix, select, time, _signal as signals

REPORTS = 3
for name in posix.listdir('/proc/self/fd'):
    try:
        if int(name) > REPORTS: posix.close(int(name))
    except OSError: pass
spawn_program = posix.posix_spawn
posix.set_inheritable(REPORTS, False)
woken, wake = posix.pipe()
posix.set_blocking(woken, False)
posix.set_blocking(wake, False)
signals.set_wakeup_fd(wake, warn_on_full_buffer=False)
signals.signal(signals.SIGCHLD, lambda *_: None)
ignored = [signals.SIGPIPE, signals.SIGXFSZ]
for signal in ignored: signals.signal(signal, signals.SIG_IGN)
try:
    comm = posix.open('/proc/self/comm', posix.O_WRONLY)
    posix.write(comm, b'skein-nursery')
    posix.close(comm)
except OSError: pass

running = {}
said = [b'ready']
ended = []
alone = False

def descriptors(out, err):
    return [(0, b'/dev/null', posix.O_RDONLY), (1, out, posix.O_RDWR), (2, err, posix.O_RDWR)]

def spawn(group, out, err, cwd, program, argv, env):
    if group: return fork(group, out, err, cwd, program, argv, env)
    opened = [(posix.POSIX_SPAWN_OPEN, *each, 0) for each in descriptors(out, err)]
    try:
        posix.chdir(cwd)
        return spawn_program(program, argv, env,
            file_actions=opened, setpgroup=0, setsigdef=ignored)
    except (OSError, ValueError):
        return fork(group, out, err, cwd, program, argv, env)

def fork(*what):
    pid = posix.fork()
    if pid == 0:
        try: become(*what)
        finally: posix._exit(127)
    try: posix.setpgid(pid, pid)
    except OSError: pass
    return pid

def become(group, out, err, cwd, program, argv, env):
    posix.setpgid(0, 0)
    for signal in ignored: signals.signal(signal, signals.SIG_DFL)
    try:
        for descriptor, path, how in descriptors(out, err):
            posix.dup2(posix.open(path, how), descriptor)
        posix.chdir(cwd)
        if group: posix.write(posix.open(group + b'/cgroup.procs', posix.O_WRONLY), b'0')
    except OSError: posix._exit(126)
    try: posix.execve(program, argv, env)
    except OSError as error:
        if error.errno == 8: posix.execve('/bin/sh', [b'/bin/sh', program, *argv[1:]], env)
        raise

def start(words):
    id, record, group, out, err, cwd, program, count, *rest = words
    count = int(count)
    env = dict([variable.split(b'=', 1) for variable in rest[:count]])
    try: pid = spawn(group, out, err, cwd, program, rest[count:], env)
    except OSError:
        said.append(b'refused ' + id)
        return
    running[pid] = (id, record, time.monotonic())
    said.append(b'started %b %d' % (id, pid))

def bury(pid, status, usage):
    known = running.pop(pid, None)
    if known is None: return
    id, record, since = known
    how, figure = (b'killed', status & 127) if status & 127 else (b'ended', status >> 8)
    if record:
        ended.append((record, b'%b %d\\n' % (how, figure)))
        if time.monotonic() - since >= 1: keep(*ended[-1])
    left = b''
    try: posix.killpg(pid, 0)
    except ProcessLookupError: left = b' alone'
    except OSError: pass
    said.append(b'used %b %.3f %.3f' % (id, usage.ru_utime, usage.ru_stime))
    said.append(b'%b %b %d%b' % (how, id, figure, left))

def keep(path, text):
    try:
        file = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o600)
        posix.write(file, text)
        posix.close(file)
    except OSError: pass

def report():
    global alone
    if said and not alone:
        text = b'\\n'.join(said) + b'\\n'
        try:
            while text: text = text[posix.write(REPORTS, text):]
        except OSError: alone = True
    if alone:
        for each in ended: keep(*each)
    said.clear()
    ended.clear()

report()
commands = b''
events = select.poll()
events.register(0, select.POLLIN)
events.register(woken, select.POLLIN)
is_open = True
while is_open or running:
    for descriptor, _ in events.poll():
        if descriptor == woken:
            posix.read(woken, 65536)
            continue
        more = posix.read(0, 65536)
        if not more:
            is_open = False
            events.unregister(0)
        commands += more
        at = 0
        while len(commands) >= at + 4:
            end = at + 4 + int.from_bytes(commands[at:at + 4], 'big')
            if len(commands) < end: break
            start(commands[at + 4:end].split(b'\\0'))
            at = end
        if at: commands = commands[at:]
        posix.chdir('/')
    while running:
        try: pid, status, usage = posix.wait4(-1, posix.WNOHANG)
        except ChildProcessError: break
        if pid == 0: break
        bury(pid, status, usage)
    report()
`

export const pythonNursery: NurseryLanguage = {
  // Neither the user's settings nor the modules that are installed have a say.
  argv: ['python3', '-I', '-S', '-c', script],
  // An empty name is none to it.
  takes: ({ env }) => !('' in env),
  command: wordsOf,
}
