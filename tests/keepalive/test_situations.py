"""The situations in which analysers are known to be wrong, one by one, and each in many variations.

Of tshark 4.0.17, Suricata, Zeek, ntopng, SQLNA, tcptrace and tcpflow it is known what they make of each. The
connection of most: A has sent 100 octets, so that its next one is 1100; B's next one is 5000.
"""

from collections.abc import Callable

import pytest

from analyzer.keepalive.verdict.values import Outcome
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.variations import copied, garbage, mirrored, numbered, stamped, told_as, without_ids
from tests.transcript import Told, told

VARIATIONS = {
    "as it is": told_as(),
    "mirrored": told_as(mirrored),
    "A wraps to 0 at SND.NXT": told_as(numbered(2**32 - 1100, 2**31)),
    "A wraps to 0 at the probe": told_as(numbered(2**32 - 1099, 2**32 - 5000)),
    "B wraps": told_as(numbered(7, 2**32 - 5000)),
    "timestamps": told_as(stamped),
    "no IP identifications": told_as(without_ids),
    "timestamps, no IP identifications": told_as(stamped, without_ids),
    "a second interface": told_as(copied("0.00002")),
    "a second interface 4 ms away": told_as(copied("0.004")),
    "three more interfaces": told_as(copied("0.0001", "0.0002", "0.0008")),
    "a second interface, timestamps": told_as(stamped, copied("0.004")),
    "a second interface, timestamps, no IP identifications": told_as(stamped, without_ids, copied("0.0004")),
    "a second interface, no IP identifications": told_as(without_ids, copied("0.0004")),
    "a second interface, mirrored": told_as(mirrored, copied("0.004")),
}

SITUATIONS = {
    "1 mid-stream, empty probes": """
        0.00   A>B  A  seq 1099  ack 5000   | keepalive-probe by revealed-by-answer
        0.01   B>A  A  seq 5000  ack 1100   | keepalive-answer of 0.00
        30.05  A>B  A  seq 1099  ack 5000   | keepalive-probe
        30.06  B>A  A  seq 5000  ack 1100   | keepalive-answer of 30.05
        60.10  A>B  A  seq 1099  ack 5000   | keepalive-probe
        60.11  B>A  A  seq 5000  ack 1100   | keepalive-answer of 60.10
    """,
    "1 mid-stream, the answer first": """
        0.00   B>A  A  seq 5000  ack 1100
        30.05  A>B  A  seq 1099  ack 5000   | keepalive-probe
        30.06  B>A  A  seq 5000  ack 1100   | keepalive-answer of 30.05
    """,
    "1 mid-stream, empty probes that nothing answers": """
        0.00   A>B  A   seq 1099  ack 5000   | keepalive-probe
        10.00  A>B  A   seq 1099  ack 5000   | keepalive-probe
        20.00  A>B  A   seq 1099  ack 5000   | keepalive-probe
        30.00  A>B  RA  seq 1100  ack 5000   | give-up-rst of 20.00
    """,
    "1 mid-stream, the first probe is answered by data": """
        0.00   A>B  A   seq 1099  ack 5000           | keepalive-probe by revealed-by-answer
        0.01   B>A  PA  seq 5000  ack 1100  len 20   | data of 0.00
        0.05   A>B  A   seq 1100  ack 5020
    """,
    "1 mid-stream, the first probe is answered by a reset": """
        0.00   A>B  A  seq 1099  ack 5000   | keepalive-probe
        10.00  A>B  A  seq 1099  ack 5000   | keepalive-probe
        10.01  B>A  R  seq 5000  win 0      | rst of 10.00
    """,
    "1 mid-stream, both ends probe": """
        0.00   A>B  A  seq 1099  ack 5000   | keepalive-probe
        0.01   B>A  A  seq 5000  ack 1100   | keepalive-answer of 0.00
        12.00  B>A  A  seq 4999  ack 1100   | keepalive-probe
        12.01  A>B  A  seq 1100  ack 5000   | keepalive-answer of 12.00
        30.05  A>B  A  seq 1099  ack 5000   | keepalive-probe
        30.06  B>A  A  seq 5000  ack 1100   | keepalive-answer of 30.05
    """,
    "1 mid-stream, what its sender sends next shows the probe": """
        0.00   A>B  A   seq 1099  ack 5000          | keepalive-probe by revealed-by-data
        0.50   A>B  PA  seq 1100  ack 5000  len 20
        0.51   B>A  A   seq 5000  ack 1120
    """,
    "1 mid-stream, an ACK again and again is none": """
        0.00   A>B  A   seq 1100  ack 5000
        10.00  A>B  A   seq 1100  ack 5000
        20.00  A>B  A   seq 1100  ack 5000
        20.50  A>B  PA  seq 1100  ack 5000  len 20
    """,
    "1 mid-stream, nor is one that the other end puts in its place": """
        0.00   A>B  A   seq 1100  ack 5000
        10.00  A>B  A   seq 1100  ack 5000
        10.50  B>A  PA  seq 5000  ack 1100  len 20
    """,
    "2 a hole in the capture": f"""{OPENED}
        31.01  A>B  A  seq 71199  ack 5000   | keepalive-probe by revealed-by-answer
        31.02  B>A  A  seq 5000   ack 71200  | keepalive-answer of 31.01
        61.06  A>B  A  seq 71199  ack 5000   | keepalive-probe
        61.07  B>A  A  seq 5000   ack 71200  | keepalive-answer of 61.06
    """,
    "2 a hole in the capture, of one octet": f"""{OPENED}
        31.01  A>B  A  seq 1100  ack 5000   | keepalive-probe
        31.02  B>A  A  seq 5000  ack 1101   | keepalive-answer of 31.01
        61.06  A>B  A  seq 1100  ack 5000   | keepalive-probe
        61.07  B>A  A  seq 5000  ack 1101   | keepalive-answer of 61.06
    """,
    "2 a hole in the capture, in both directions": f"""{OPENED}
        31.01  A>B  A  seq 71199  ack 95000   | keepalive-probe
        31.02  B>A  A  seq 95000  ack 71200   | keepalive-answer of 31.01
        61.06  A>B  A  seq 71199  ack 95000   | keepalive-probe
        61.07  B>A  A  seq 95000  ack 71200   | keepalive-answer of 61.06
    """,
    "2 the ACK of the last data is missing": """
        0.000  A>B  S   seq 999
        0.010  B>A  SA  seq 4999  ack 1000
        0.020  A>B  A   seq 1000  ack 5000
        1.000  A>B  PA  seq 1000  ack 5000  len 100
        31.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        31.02  B>A  A   seq 5000  ack 1100   | keepalive-answer of 31.01
        61.06  A>B  A   seq 1099  ack 5000   | keepalive-probe
    """,
    "3 the last octet is lost and sent again": f"""{OPENED}
        40.00  A>B  PA  seq 1100  ack 5000  len 1
        40.30  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        40.90  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        42.10  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        44.50  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        44.51  B>A  A   seq 5000  ack 1101
    """,
    "3 the octet is sent again although its ACK has come by": f"""{OPENED}
        40.00  A>B  PA  seq 1100  ack 5000  len 1
        40.29  B>A  A   seq 5000  ack 1101
        40.30  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
    """,
    "3 one side of it": """
        0.000  A>B  S   seq 999
        0.020  A>B  A   seq 1000  ack 5000
        1.000  A>B  PA  seq 1000  ack 5000  len 100
        40.00  A>B  PA  seq 1100  ack 5000  len 1
        40.30  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        40.90  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        42.10  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
        44.50  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
    """,
    "3 mid-stream, the octet backs off": """
        0.00   A>B  PA  seq 1099  ack 5000  len 1
        1.60   A>B  PA  seq 1099  ack 5000  len 1  | retransmission
        4.80   A>B  PA  seq 1099  ack 5000  len 1  | retransmission
        11.20  A>B  PA  seq 1099  ack 5000  len 1  | retransmission
    """,
    "4 Linux's window probes": f"""{OPENED}
        2.00  B>A  A   seq 5000  ack 1100  win 0     | window-update
        2.20  A>B  A   seq 1099  ack 5000            | zero-window-probe by window-closed
        2.21  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 2.20
        2.65  A>B  A   seq 1099  ack 5000            | zero-window-probe
        3.52  A>B  A   seq 1099  ack 5000            | zero-window-probe
        3.53  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 3.52
        5.30  A>B  A   seq 1099  ack 5000            | zero-window-probe
        8.80  A>B  A   seq 1099  ack 5000            | zero-window-probe
        9.00  B>A  A   seq 5000  ack 1100  win 8000  | zero-window-answer of 8.80
        9.01  A>B  PA  seq 1100  ack 5000  len 500
    """,
    "4 the window closes with the ACK of the data": """
        0.000  A>B  S   seq 999
        0.010  B>A  SA  seq 4999  ack 1000
        0.020  A>B  A   seq 1000  ack 5000
        1.000  A>B  PA  seq 1000  ack 5000  len 100
        1.010  B>A  A   seq 5000  ack 1100  win 0
        1.220  A>B  A   seq 1099  ack 5000            | zero-window-probe
        1.230  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 1.220
        1.660  A>B  A   seq 1099  ack 5000            | zero-window-probe
        1.670  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 1.660
        2.520  A>B  A   seq 1099  ack 5000            | zero-window-probe
    """,
    "4 mid-stream window probes": """
        0.00   A>B  A   seq 1099  ack 5000            | zero-window-probe
        0.01   B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 0.00
        13.80  A>B  A   seq 1099  ack 5000            | zero-window-probe
        13.81  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 13.80
        41.40  A>B  A   seq 1099  ack 5000            | zero-window-probe
        41.41  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 41.40
    """,
    "4 a slow path, whose first window probe takes its time": f"""{OPENED}
        2.00   B>A  A   seq 5000  ack 1100  win 0     | window-update
        12.20  A>B  A   seq 1099  ack 5000            | zero-window-probe
        13.40  A>B  A   seq 1099  ack 5000            | zero-window-probe
        15.80  A>B  A   seq 1099  ack 5000            | zero-window-probe
        20.60  A>B  A   seq 1099  ack 5000            | zero-window-probe
    """,
    "4 classic window probes": f"""{OPENED}
        2.00   B>A  A  seq 5000  ack 1100  win 0     | window-update
        7.00   A>B  A  seq 1100  ack 5000  len 1     | zero-window-probe
        7.01   B>A  A  seq 5000  ack 1100  win 0     | zero-window-answer of 7.00
        12.00  A>B  A  seq 1100  ack 5000  len 1     | zero-window-probe
        12.01  B>A  A  seq 5000  ack 1100  win 0     | zero-window-answer of 12.00
        22.00  A>B  A  seq 1100  ack 5000  len 1     | zero-window-probe
        22.01  B>A  A  seq 5000  ack 1101  win 8000  | zero-window-answer of 22.00
    """,
    "4 mid-stream classic window probes": """
        0.00   A>B  A  seq 1100  ack 5000  len 1     | zero-window-probe
        0.01   B>A  A  seq 5000  ack 1100  win 0     | zero-window-answer of 0.00
        5.00   A>B  A  seq 1100  ack 5000  len 1     | zero-window-probe
        5.01   B>A  A  seq 5000  ack 1100  win 0     | zero-window-answer of 5.00
        10.00  A>B  A  seq 1100  ack 5000  len 1     | zero-window-probe
        10.01  B>A  A  seq 5000  ack 1100  win 0     | zero-window-answer of 10.00
    """,
    "5 an answer with another window": f"""{OPENED}
        31.01  A>B  A  seq 1099  ack 5000             | keepalive-probe
        31.02  B>A  A  seq 5000  ack 1100  win 32000  | keepalive-answer of 31.01
        61.06  A>B  A  seq 1099  ack 5000             | keepalive-probe
        61.07  B>A  A  seq 5000  ack 1100  win 31000  | keepalive-answer of 61.06
    """,
    "6 crossing probes": f"""{OPENED}
        31.000  A>B  A  seq 1099  ack 5000   | keepalive-probe
        31.010  B>A  A  seq 4999  ack 1100   | keepalive-probe
        31.020  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.000
        31.030  A>B  A  seq 1100  ack 5000   | keepalive-answer of 31.010
    """,
    "8 a stray ACK": f"""{OPENED}
        31.000  A>B  PA  seq 1100  ack 5000  len 50
        31.001  B>A  A   seq 5000  ack 1150
        31.005  A>B  A   seq 1149  ack 5000         | stray
    """,
    "8 a stray ACK of data": f"""{OPENED}
        31.00  B>A  PA  seq 5000  ack 1100  len 50
        32.00  A>B  A   seq 1099  ack 5050          | stray
    """,
    "8 the handshake's ACK has the SYN's number": """
        0.000  A>B  S   seq 999
        1.000  B>A  SA  seq 4999  ack 1000
        2.000  A>B  A   seq 999   ack 5000          | stray by behind-own-syn
        3.000  A>B  PA  seq 1000  ack 5000  len 10
        3.500  B>A  A   seq 5000  ack 1010
    """,
    "8 the handshake's ACK has the SYN's number, again and again": """
        0.000  A>B  S   seq 999
        1.000  A>B  A   seq 999   ack 5000          | stray by behind-own-syn
        2.000  A>B  A   seq 999   ack 5000          | stray by behind-own-syn
        3.000  A>B  A   seq 999   ack 5000          | stray by behind-own-syn
    """,
    "8 data of the other end may cross a probe": f"""{OPENED}
        31.000  B>A  PA  seq 5000  ack 1100  len 50
        31.005  A>B  A   seq 1099  ack 5000         | keepalive-probe
        31.025  A>B  A   seq 1100  ack 5050
        31.055  B>A  A   seq 5050  ack 1100         | keepalive-answer of 31.005
    """,
    "9 an octet after a reset": f"""{OPENED}
        2.00  B>A  RA  seq 5000  ack 1100  win 0
        4.00  A>B  PA  seq 1100  ack 5000  len 1
    """,
    "12 data over the garbage octet": f"""{OPENED}
        31.01  A>B  A   seq 1099  ack 5000  len 1   | keepalive-probe
        31.02  B>A  A   seq 5000  ack 1100          | keepalive-answer of 31.01
        31.50  A>B  PA  seq 1099  ack 5000  len 51
        31.51  B>A  A   seq 5000  ack 1150
        61.51  A>B  A   seq 1149  ack 5000          | keepalive-probe
        61.52  B>A  A   seq 5000  ack 1150          | keepalive-answer of 61.51
    """,
    "13 the delay of an empty probe's answer": f"""{OPENED}
        31.000  A>B  A  seq 1099  ack 5000   | keepalive-probe
        31.250  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.000
    """,
    "14 ICMP with eight octets of TCP": f"""{OPENED}
        31.01  A>B  A  seq 1099  ack 5000                | keepalive-probe
        34.08  icmp host-unreachable about A>B seq 1099  | icmp-unreachable of 31.01
        41.01  A>B  A  seq 1099  ack 5000                | keepalive-probe
        44.08  icmp ttl-exceeded about A>B seq 1099      | icmp-unreachable of 41.01
    """,
    "15 two hours, and again": f"""{OPENED}
        7201.10  A>B  A  seq 1099  ack 5000   | keepalive-probe
        7201.11  B>A  A  seq 5000  ack 1100   | keepalive-answer of 7201.10
        86401.2  A>B  A  seq 1099  ack 5000   | keepalive-probe
        86401.3  B>A  A  seq 5000  ack 1100   | keepalive-answer of 86401.2
    """,
    "17 a train of nine": f"""{OPENED}
        31.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        32.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        33.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        34.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        35.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        36.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        37.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        38.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        39.01  A>B  A   seq 1099  ack 5000   | keepalive-probe
        40.01  A>B  RA  seq 1100  ack 5000   | give-up-rst of 39.01
    """,
    "18 one octet of data without PSH": f"""{OPENED}
        31.01  A>B  A   seq 1100  ack 5000  len 1
        31.02  B>A  A   seq 5000  ack 1101
        75.01  A>B  A   seq 1101  ack 5000  len 1
        75.02  B>A  A   seq 5000  ack 1102
    """,
    "22 a peer that is deaf to empty probes": f"""{OPENED}
        31.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
        32.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
        32.50  A>B  PA  seq 1100  ack 5000  len 10
        32.51  B>A  A   seq 5000  ack 1110
    """,
    "26 after the peer's FIN": f"""{OPENED}
        2.00   B>A  FA  seq 5000  ack 1100
        2.01   A>B  A   seq 1100  ack 5001
        32.05  A>B  A   seq 1099  ack 5001  | keepalive-probe
        32.06  B>A  A   seq 5001  ack 1100  | keepalive-answer of 32.05
        62.05  A>B  A   seq 1099  ack 5001  | keepalive-probe
    """,
    "26 after the own FIN": f"""{OPENED}
        2.00   A>B  FA  seq 1100  ack 5000
        2.01   B>A  A   seq 5000  ack 1101
        32.05  A>B  A   seq 1100  ack 5000  | keepalive-probe
        32.06  B>A  A   seq 5000  ack 1101  | keepalive-answer of 32.05
        62.05  A>B  A   seq 1100  ack 5000  | keepalive-probe
    """,
    "26 after both": f"""{OPENED}
        2.00  A>B  FA  seq 1100  ack 5000
        2.01  B>A  FA  seq 5000  ack 1101
        2.02  A>B  A   seq 1101  ack 5001
        9.00  B>A  A   seq 5000  ack 1101   | stray by both-closed
    """,
    "26 one side": """
        0.000  A>B  S   seq 999
        0.020  A>B  A   seq 1000  ack 5000
        1.000  A>B  PA  seq 1000  ack 5000  len 100
        31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
        61.05  A>B  A   seq 1099  ack 5000  | keepalive-probe
        91.09  A>B  A   seq 1099  ack 5000  | keepalive-probe
    """,
    "26 one side, of the answers": f"""{"".join(line for line in OPENED.splitlines(True) if "A>B" not in line)}
        31.02  B>A  A   seq 5000  ack 1100
        61.06  B>A  A   seq 5000  ack 1100
    """,
    "26 the prober's own window is closed": f"""{OPENED}
        31.01  A>B  A  seq 1099  ack 5000  win 0  | keepalive-probe
        31.02  B>A  A  seq 5000  ack 1100         | keepalive-answer of 31.01
        61.06  A>B  A  seq 1099  ack 5000  win 0  | keepalive-probe
        61.07  B>A  A  seq 5000  ack 1100         | keepalive-answer of 61.06
    """,
    "a peer that answers once in 500 ms": f"""{OPENED}
        31.00  A>B  A  seq 1099  ack 5000   | keepalive-probe
        31.01  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.00
        31.20  A>B  A  seq 1099  ack 5000   | keepalive-probe
        31.40  A>B  A  seq 1099  ack 5000   | keepalive-probe
        31.60  A>B  A  seq 1099  ack 5000   | keepalive-probe
        31.61  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.60
    """,
    "a challenged reset": f"""{OPENED}
        2.00  A>B  R  seq 1200         | stray by challenged
        2.01  B>A  A  seq 5000  ack 1100   | challenge-ack of 2.00
    """,
    "a challenged SYN": f"""{OPENED}
        2.00  A>B  S  seq 999
        2.01  B>A  A  seq 5000  ack 1100   | challenge-ack of 2.00
    """,
    "a challenged ACK of what was never sent": f"""{OPENED}
        2.00   A>B  A  seq 1100  ack 9000   | stray by unacceptable-ack
        2.01   B>A  A  seq 5000  ack 1100   | challenge-ack of 2.00
        32.01  B>A  A  seq 4999  ack 1100   | keepalive-probe
        32.02  A>B  A  seq 1100  ack 5000   | keepalive-answer of 32.01
    """,
    "a challenged ACK of long ago": f"""{OPENED}
        2.00   A>B  A  seq 1100  ack 4294900000   | stray by unacceptable-ack
        2.01   B>A  A  seq 5000  ack 1100         | challenge-ack of 2.00
    """,
}

each_situation = pytest.mark.parametrize("text", SITUATIONS.values(), ids=SITUATIONS.keys())
each_variation = pytest.mark.parametrize("vary", VARIATIONS.values(), ids=VARIATIONS.keys())


@each_variation
@each_situation
def test_every_segment_is_called_by_its_name(text: str, vary: Callable[[str], str]) -> None:
    told(vary(text))


@each_situation
def test_also_over_ipv6(text: str) -> None:
    told(text, ipv6=True)
    told(told_as(stamped, copied("0.004"))(text), ipv6=True)


@each_variation
@pytest.mark.parametrize("name", [name for name in SITUATIONS if name[:2] in ("5 ", "6 ", "13", "15", "17", "26")])
def test_also_with_the_garbage_octet(name: str, vary: Callable[[str], str]) -> None:
    told(vary(told_as(garbage)(SITUATIONS[name])))


@pytest.mark.parametrize("name", ["as it is", "a second interface 4 ms away"])
def test_what_the_ledger_says(name: str) -> None:
    """11, 13, 16, 17: each probe once, empty or not, with the delay of its answer."""
    vary = VARIATIONS[name]
    result = told(vary(SITUATIONS["13 the delay of an empty probe's answer"]))
    assert [probe.delay_ns for probe in result.flow.ends[0].story.probes] == [250_000_000]
    for text in (SITUATIONS["17 a train of nine"], told_as(garbage)(SITUATIONS["17 a train of nine"])):
        assert len(told(vary(text)).flow.ends[0].story.probes) == 9


def test_the_garbage_octet_is_no_payload() -> None:
    """19: it is in no count of octets, and the copies of a second interface are not either."""
    text = SITUATIONS["12 data over the garbage octet"]
    for vary in ("as it is", "a second interface"):
        assert told(VARIATIONS[vary](text)).flow.octets == 100 + 51


@each_variation
def test_a_connection_whose_probes_are_answered_is_alive(vary: Callable[[str], str]) -> None:
    """24: however long before the capture's end the last one was."""
    text = f"{SITUATIONS['15 two hours, and again']}\n        90000  end"
    assert told(vary(text)).flow.verdict.outcome is Outcome.ALIVE


def test_a_peer_that_is_deaf_to_probes_lives() -> None:
    """22: uIP answers data but no empty probe."""
    assert told(SITUATIONS["22 a peer that is deaf to empty probes"]).flow.verdict.outcome is Outcome.ALIVE


@each_variation
def test_a_port_pair_that_is_used_again_without_syn(vary: Callable[[str], str]) -> None:
    """10: two connections."""
    result: Told = told(
        vary(f"""{OPENED}
        31.01   A>B  A   seq 1099        ack 5000         | keepalive-probe
        31.02   B>A  A   seq 5000        ack 1100         | keepalive-answer of 31.01
        900.00  A>B  PA  seq 3000000000  ack 2000000000  len 10
        900.01  B>A  A   seq 2000000000  ack 3000000010
        930.05  A>B  A   seq 3000000009  ack 2000000000   | keepalive-probe
        930.06  B>A  A   seq 2000000000  ack 3000000010   | keepalive-answer of 930.05
        """)
    )
    assert len(result.analysis.flows) == 2


def test_an_ack_repeated_once_is_no_train_of_probes() -> None:
    """Nobody else is heard, in mid-stream: as well a scanner's."""
    told("""
    0.00   A>B  A  seq 1099  ack 5000
    1.00   A>B  A  seq 1099  ack 5000
    """)


def test_capture_times_that_were_rewritten_are_seen_by_timestamps() -> None:
    """An editor put the frames microseconds apart; the sender's clock says that 30 s passed."""
    told("""
    0.000000  A>B  S   seq 999                         tsval 1000
    0.000001  B>A  SA  seq 4999  ack 1000              tsval 9000
    0.000002  A>B  A   seq 1000  ack 5000              tsval 1002
    0.000003  A>B  PA  seq 1000  ack 5000  len 100     tsval 1010
    0.000004  B>A  A   seq 5000  ack 1100              tsval 9012
    0.000005  A>B  A   seq 1099  ack 5000              tsval 31015  | keepalive-probe
    0.000006  B>A  A   seq 5000  ack 1100              tsval 39017  | keepalive-answer of 0.000005
    0.000007  A>B  A   seq 1099  ack 5000              tsval 61018  | keepalive-probe
    """)


def test_a_fin_counts_behind_ten_thousand_unacknowledged_segments() -> None:
    """25: tshark stops counting there; one side was captured."""
    data = "".join(f"    1.{n:05}  A>B  PA  seq {1000 + n}  ack 5000  len 1\n" for n in range(12_000))
    told(f"""
    0.000  A>B  S   seq 999
    0.020  A>B  A   seq 1000  ack 5000
{data}
    2.000  A>B  FA  seq 13000  ack 5000
    62.05  A>B  A   seq 13000  ack 5001   | keepalive-probe
    92.05  A>B  A   seq 13000  ack 5001   | keepalive-probe
    """)
