"""What a terminal's holder and `procession attach` say to each other.

A unix socket of type SOCK_SEQPACKET, so each message is one packet (unix(7)): its first byte says what it is.
"""

from __future__ import annotations

from struct import Struct

TYPED = b"i"  # to the holder: bytes for the program to read
WINDOW = b"w"  # to the holder: the size of the window, as SIZE
SHOWN = b"o"  # from the holder: bytes that the program has written
OTHERS = b"n"  # from the holder: how many are attached, in digits
ENDED = b"e"  # from the holder: nothing of the program is left

SIZE = Struct("=HH")  # rows, columns
MESSAGE_BYTES_MAX = 65536  # without the first byte
