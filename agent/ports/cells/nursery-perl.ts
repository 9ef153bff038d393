/**
 * A nursery in Perl, which belongs to most systems: it starts, awaits and buries programs itself,
 * with one fork for each, and sees exactly how they end.
 */
import type { NurseryLanguage } from './nursery.ts'
import { wordsOf } from './words.ts'

/**
 * Only what is built in: modules would make the process, which is copied for every program, several
 * times as large. A signal that comes just before `select` does not end it: hence the time limit.
 */
const script = `
$0 = 'skein-nursery';
open(my $reports, '>&=', 3) or die;
if (opendir(my $open, '/proc/self/fd')) {
  my @others = grep { /^\\d+$/ && $_ > 3 && $_ != fileno($open) } readdir($open);
  for my $other (@others) { close($other) if open($other, '<&=', $other) }
}
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub { };
my ($commands, $alone, %running, @ended) = ('', 0);
my $said = "ready\\n";
my @before = times;

sub become {
  my ($group, $out, $err, $cwd, $program, $variables, @argv) = @_;
  setpgrp(0, 0);
  $SIG{PIPE} = $SIG{CHLD} = 'DEFAULT';
  open(STDIN, '<', '/dev/null') && open(STDOUT, '+<', $out) && open(STDERR, '+<', $err) or exit 126;
  chdir($cwd) or exit 126;
  if ($group ne '') {
    open(my $members, '>', "$group/cgroup.procs") or exit 126;
    syswrite($members, '0') or exit 126;
  }
  %ENV = map { split(/=/, $_, 2) } splice(@argv, 0, $variables);
  exec { $program } @argv;
  exit 127;
}

sub start {
  my ($id, $record, @rest) = @_;
  my $pid = fork();
  if (!defined $pid) {
    $said .= "refused $id\\n";
    return;
  }
  become(@rest) if $pid == 0;
  setpgrp($pid, $pid);
  $running{$pid} = [$id, $record, time];
  $said .= "started $id $pid\\n";
}

sub bury {
  my ($pid, $status) = @_;
  my ($id, $record, $since) = @{delete $running{$pid}};
  my @now = times;
  $said .= sprintf("used $id %.3f %.3f\\n", $now[2] - $before[2], $now[3] - $before[3]);
  @before = @now;
  my ($how, $figure) = $status & 127 ? ('killed', $status & 127) : ('ended', $status >> 8);
  push @ended, [$record, "$how $figure\\n"];
  record($ended[-1]) if time - $since >= 1;
  my $alone = !kill(0, -$pid) && $! == 3 ? ' alone' : '';
  $said .= "$how $id $figure$alone\\n";
}

sub record {
  my ($path, $text) = @{$_[0]};
  return if $path eq '';
  open(my $file, '>', $path) or return;
  syswrite($file, $text);
}

sub report {
  $alone = 1 if !$alone && length $said && !defined syswrite($reports, $said);
  if ($alone) { record($_) for @ended }
  $said = '';
  @ended = ();
}

report();
my $open = 1;
while ($open || %running) {
  vec(my $ready = '', 0, 1) = $open;
  if (select($ready, undef, undef, %running ? 0.1 : undef) > 0) {
    $open = 0 if !sysread(STDIN, $commands, 65536, length $commands);
    while (length $commands >= 4 && length $commands >= 4 + (my $length = unpack('N', $commands))) {
      start(split(/\\0/, substr($commands, 4, $length), -1));
      substr($commands, 0, 4 + $length) = '';
    }
  }
  while ((my $pid = waitpid(-1, 1)) > 0) { bury($pid, $?) }
  report();
}
`

export const perlNursery: NurseryLanguage = {
  argv: ['perl', '-e', script],
  takes: () => true,
  command: wordsOf,
}
