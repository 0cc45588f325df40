# Prints, a line of hexadecimal digits each, the frames that come in on a network device, from the moment at which it prints
# `ready`. In: the device's name. Out: frames until SIGTERM, then `dropped N`: how many the kernel had no room to hand over.
# A VLAN tag is not shown: the kernel takes it off before. Perl, since every Debian has it, and node opens no packet sockets.
use strict;
use warnings;
use constant { AF_PACKET => 17, SOCK_RAW => 3, ETH_P_ALL => 3, SIOCGIFINDEX => 0x8933, PACKET_OUTGOING => 4 };
use constant { SOL_SOCKET => 1, SO_RCVBUFFORCE => 33, SOL_PACKET => 263, PACKET_STATISTICS => 6 };

my ($device) = @ARGV;
socket(my $socket, AF_PACKET, SOCK_RAW, unpack('n', pack('S', ETH_P_ALL))) or die "no packet socket: $!\n";
setsockopt($socket, SOL_SOCKET, SO_RCVBUFFORCE, pack('i', 16 * 1024 * 1024)) or die "no room for frames: $!\n";
my $request = pack('a16 x24', $device);
ioctl($socket, SIOCGIFINDEX, $request) or die "$device: $!\n";
bind($socket, pack('S n i S C C a8', AF_PACKET, ETH_P_ALL, unpack('x16 i', $request), 0, 0, 0, '')) or die "$device: $!\n";

my $over = 0;
$SIG{TERM} = sub { $over = 1 };
$| = 1;
print "ready\n";
until ($over) {
  my $from = recv($socket, my $frame, 65535, 0);
  next unless defined $from;
  print unpack('H*', $frame), "\n" unless unpack('x10 C', $from) == PACKET_OUTGOING;
}
print 'dropped ', unpack('x4 I', getsockopt($socket, SOL_PACKET, PACKET_STATISTICS)), "\n";
