# Net::SFTP::Foreign (Debian libnet-sftp-foreign-perl), over the ssh command: see README.txt.
use strict;
use warnings;
use Net::SFTP::Foreign;

my ($host, $port, $user, $key) = @ARGV;
my $sftp = Net::SFTP::Foreign->new(
    host => $host, port => $port, user => $user, key_path => $key,
    more => [qw(-F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)],
);
$sftp->die_on_error("login failed");
my $failed = 0;
$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($what, @w) = split /\t/, $line;
    my ($r, $out) = (undef, '');
    if    ($what eq 'list')   { $r = $sftp->ls($w[0], names_only => 1); $out = join ' ', @$r if $r }
    elsif ($what eq 'put')    { $r = $sftp->put($w[0], $w[1]) }
    elsif ($what eq 'get')    { $r = $sftp->get($w[0], $w[1]) }
    elsif ($what eq 'rename') { $r = $sftp->rename($w[0], $w[1]) }
    elsif ($what eq 'remove') { $r = $sftp->remove($w[0]) }
    elsif ($what eq 'touch')  { $r = $sftp->utime($w[0], 1518426000, 1518426000) && $sftp->chmod($w[0], 0640) }
    elsif ($what eq 'stat')   { $r = $sftp->stat($w[0]) }
    if ($r) { print "ok $out\n" } else { $failed = 1; print "error ", $sftp->error, "\n" }
}
exit $failed;
