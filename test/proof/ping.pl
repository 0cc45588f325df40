# Sends an ICMP echo to each address every 50 ms, so many times or until a file appears, and says of each how many
# were answered. In: how many, or the file's name; addresses. Out: a line `ADDRESS SENT ANSWERED` each; an answer is waited for 3 s at most. Perl, since every
# Debian has it, and not every one has ping.
use strict;
use warnings;
use Socket;

my ($until, @addresses) = @ARGV;
my $most = $until =~ /^\d+$/ ? $until : 0;
my $protocol = getprotobyname('icmp') // 1;
socket(my $socket, PF_INET, SOCK_RAW, $protocol) or die "no raw socket: $!\n";
my (%sent, %answered, %waiting);

sub checksum {
  my ($text) = @_;
  my $sum = 0;
  $sum += $_ for unpack('n*', $text);
  $sum = ($sum >> 16) + ($sum & 0xffff) while $sum >> 16;
  return ~$sum & 0xffff;
}

sub echo {
  my ($address, $serial) = @_;
  my $body = pack('n n a48', $$ & 0xffff, $serial, 'a proof of bridgekeeper');
  my $text = pack('C C n', 8, 0, checksum(pack('C C n', 8, 0, 0) . $body)) . $body;
  $sent{$address}++;
  $waiting{"$address $serial"} = 1 if send($socket, $text, 0, sockaddr_in(0, inet_aton($address)));
}

# Linux says how much of the time is left, so no clock is needed.
sub answers {
  my ($left) = @_;
  while ($left > 0) {
    vec(my $ready = '', fileno($socket), 1) = 1;
    (my $found, $left) = select($ready, undef, undef, $left);
    return unless $found > 0;
    my $from = recv($socket, my $packet, 2048, 0) or next;
    my ($type, undef, undef, $id, $serial) = unpack('C C n n n', substr($packet, (ord($packet) & 15) * 4));
    next unless $type == 0 && $id == ($$ & 0xffff);
    my $address = inet_ntoa((sockaddr_in($from))[1]);
    $answered{$address}++ if delete $waiting{"$address $serial"};
  }
}

my $serial = 0;
until ($most ? $serial >= $most : -e $until) {
  $serial++;
  echo($_, $serial & 0xffff) for @addresses;
  answers(0.05);
}
for (1 .. 30) { answers(0.1) if %waiting }
print "$_ ", $sent{$_} // 0, ' ', $answered{$_} // 0, "\n" for @addresses;
