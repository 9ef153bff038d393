"""Writes down what goes over TCP on loopback, to and from the ports that it is given, as it is.

Whatever it captured goes to the file that is its first argument when its input ends. Needs root, as
every such program does: `refused` on its first line says that it was not let.
"""

import select
import socket
import struct
import sys

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
TCP = 6

path, *ports = sys.argv[1:]
wanted = {int(port) for port in ports}
try:
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * 1024 * 1024)
    tap.bind(("lo", 0))
except PermissionError:
    print("refused", flush=True)
    sys.exit()
print("ready", flush=True)

flows = {}
while True:
    readable, _, _ = select.select([tap, sys.stdin], [], [])
    if tap in readable:
        packet, about = tap.recvfrom(128 * 1024)
        # Each packet on loopback is seen when it goes and when it comes; one of them is enough.
        if about[2] == socket.PACKET_OUTGOING or packet[0] >> 4 != 4 or packet[9] != TCP:
            continue
        head = (packet[0] & 15) * 4
        source, target = struct.unpack_from("!HH", packet, head)
        if source in wanted or target in wanted:
            length = struct.unpack_from("!H", packet, 2)[0] or len(packet)
            start = head + (packet[head + 12] >> 4) * 4
            flows.setdefault((source, target), bytearray()).extend(packet[start:length])
    elif sys.stdin in readable:
        break

with open(path, "wb") as file:
    for payload in flows.values():
        file.write(payload)
