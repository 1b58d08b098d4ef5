# ruff: noqa: E501
"""What people paste: the same connection in several forms. Its originator probes after 8 s, and every 2 s; the peer
answers twice, then falls silent; made by a configured kernel (samples/started-late-8-2-4)."""

BEGIN = """\
tcpdump: verbose output suppressed, use -v[v]... for full protocol decode
listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes
11:19:05.678034 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [S], seq 580735029, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10], length 0
11:19:05.678072 IP 198.51.100.2.9000 > 192.0.2.1.40000: Flags [S.], seq 152453862, ack 580735030, win 65160, options [mss 1460,sackOK,TS val 9 ecr 1,nop,wscale 10], length 0
11:19:05.678081 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 1, win 63, options [nop,nop,TS val 1 ecr 9], length 0
"""
ANSWERED = """\
11:19:13.685872 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 1, win 63, options [nop,nop,TS val 8008 ecr 9], length 0
11:19:13.685918 IP 198.51.100.2.9000 > 192.0.2.1.40000: Flags [.], ack 1, win 64, options [nop,nop,TS val 8017 ecr 1], length 0
11:19:21.813896 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 1, win 63, options [nop,nop,TS val 16136 ecr 8017], length 0
11:19:21.813973 IP 198.51.100.2.9000 > 192.0.2.1.40000: Flags [.], ack 1, win 64, options [nop,nop,TS val 16145 ecr 1], length 0
"""
GIVEN_UP = """\
11:19:30.005923 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 1, win 63, options [nop,nop,TS val 24328 ecr 16145], length 0
11:19:32.021894 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 1, win 63, options [nop,nop,TS val 26344 ecr 16145], length 0
11:19:34.037889 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 1, win 63, options [nop,nop,TS val 28360 ecr 16145], length 0
11:19:36.053880 IP 192.0.2.1.40000 > 198.51.100.2.9000: Flags [R.], seq 1, ack 1, win 63, options [nop,nop,TS val 30376 ecr 16145], length 0
"""
WHOLE = BEGIN + ANSWERED + GIVEN_UP
