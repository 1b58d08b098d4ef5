// The application at one end, on gVisor's netstack in place of the kernel's TCP: plan and log as in plan.py.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"sort"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/syserr"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	nic                  = 1
	look                 = 20 * time.Millisecond
	packetIgnoreOutgoing = 23 // linux/if_packet.h
	watched              = waiter.EventIn | waiter.EventErr | waiter.EventHUp
)

var start float64

// connection is one endpoint; port is its own, which names it in the log.
type connection struct {
	port                       uint16
	endpoint                   tcpip.Endpoint
	dataAt, heardAt            float64
	received, sent, sentByThen uint64
	isOver, isHalfClosed       bool
}

type step struct {
	at   float64
	port uint16
	do   func()
}

func main() {
	var connections = map[uint16]*connection{}
	var steps []step
	var netstack *stack.Stack
	var seconds float64
	input := bufio.NewReader(os.Stdin)
	for seconds == 0 {
		var kind string
		line, err := input.ReadString('\n')
		check(err)
		fmt.Sscan(line, &kind)
		switch kind {
		case "network":
			netstack = newStack(line)
		case "open":
			var port, to uint16
			var at, idle, interval, userTimeout float64
			var peer string
			var keepalive, count int
			scan(line, &kind, &port, &at, &peer, &to, &keepalive, &idle, &interval, &count, &userTimeout)
			steps = append(steps, step{at, port, func() {
				connections[port] = open(netstack, port, peer, to, keepalive == 1, idle, interval, count, userTimeout)
			}})
		case "step":
			var port uint16
			var at float64
			var verb, argument string
			fmt.Sscan(line, &kind, &port, &at, &verb, &argument)
			steps = append(steps, step{at, port, func() { connections[port].act(verb, argument) }})
		case "run":
			scan(line, &kind, &start, &seconds)
		}
	}
	sort.SliceStable(steps, func(a, b int) bool { return steps[a].at < steps[b].at })
	log("ready", 0, nil)
	for now() < seconds {
		for len(steps) > 0 && steps[0].at <= now() {
			steps[0].do()
			steps = steps[1:]
		}
		for _, one := range connections {
			one.look()
		}
		time.Sleep(look)
	}
	for _, one := range connections {
		if !one.isOver {
			one.lastWords()
		}
	}
	log("done", 0, nil)
	io.Copy(io.Discard, input) // the sockets stay as they are until then
}

// newStack gives the interface's address to netstack; the kernel knows none.
func newStack(line string) *stack.Stack {
	var kind, name, address, gateway string
	var prefix int
	scan(line, &kind, &name, &address, &prefix, &gateway)
	device, err := net.InterfaceByName(name)
	check(err)
	every := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(every))
	check(err)
	check(unix.SetsockoptInt(fd, unix.SOL_PACKET, packetIgnoreOutgoing, 1))
	check(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every, Ifindex: device.Index}))
	link, err := fdbased.New(&fdbased.Options{
		FDs:                []int{fd},
		MTU:                uint32(device.MTU),
		EthernetHeader:     true,
		Address:            tcpip.LinkAddress(device.HardwareAddr),
		PacketDispatchMode: fdbased.RecvMMsg,
	})
	check(err)
	netstack := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4},
	})
	sack := tcpip.TCPSACKEnabled(true) // as runsc does
	succeed(netstack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack))
	succeed(netstack.CreateNIC(nic, link))
	own := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: ip(address), PrefixLen: prefix},
	}
	succeed(netstack.AddProtocolAddress(nic, own, stack.AddressProperties{}))
	routes := []tcpip.Route{{Destination: own.AddressWithPrefix.Subnet(), NIC: nic}}
	if gateway != "-" {
		routes = append(routes, tcpip.Route{Destination: header.IPv4EmptySubnet, Gateway: ip(gateway), NIC: nic})
	}
	netstack.SetRouteTable(routes)
	return netstack
}

func open(netstack *stack.Stack, port uint16, peer string, to uint16, keepalive bool, idle, interval float64, count int, userTimeout float64) *connection {
	var queue waiter.Queue
	endpoint, failure := netstack.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &queue)
	succeed(failure)
	succeed(endpoint.Bind(tcpip.FullAddress{Port: port}))
	if idle > 0 {
		option := tcpip.KeepaliveIdleOption(duration(idle))
		succeed(endpoint.SetSockOpt(&option))
	}
	if interval > 0 {
		option := tcpip.KeepaliveIntervalOption(duration(interval))
		succeed(endpoint.SetSockOpt(&option))
	}
	if count > 0 {
		succeed(endpoint.SetSockOptInt(tcpip.KeepaliveCountOption, count))
	}
	if userTimeout > 0 {
		option := tcpip.TCPUserTimeoutOption(duration(userTimeout))
		succeed(endpoint.SetSockOpt(&option))
	}
	endpoint.SocketOptions().SetKeepAlive(keepalive)
	if failure := endpoint.Connect(tcpip.FullAddress{Addr: ip(peer), Port: to}); failure != nil {
		if _, isStarted := failure.(*tcpip.ErrConnectStarted); !isStarted {
			succeed(failure)
		}
	}
	return &connection{port: port, endpoint: endpoint, dataAt: now(), heardAt: now()}
}

func (one *connection) act(verb, argument string) {
	if one.isOver {
		return
	}
	switch verb {
	case "send":
		var octets int
		scan(argument, &octets)
		_, failure := one.endpoint.Write(bytes.NewReader(bytes.Repeat([]byte("k"), octets)), tcpip.WriteOptions{})
		succeed(failure)
		one.dataAt = now()
	case "shutdown":
		log("closes", one.port, map[string]any{"how": "fin"})
		succeed(one.endpoint.Shutdown(tcpip.ShutdownWrite))
	case "close":
		log("closes", one.port, map[string]any{"how": "fin"})
		one.lastWords()
		one.endpoint.Close()
	default:
		panic(verb)
	}
}

// look is what an event loop would be told, and what the endpoint has counted since the last look.
func (one *connection) look() {
	if one.isOver {
		return
	}
	ready := one.endpoint.Readiness(watched)
	if ready&waiter.EventErr != 0 {
		failure := one.endpoint.LastError()
		name := "none"
		if failure != nil {
			name = unix.ErrnoName(unix.Errno(syserr.TranslateNetstackError(failure).ToLinux()))
		}
		log("error", one.port, map[string]any{"errno": name, "epoll": int(ready)})
		one.lastWords()
		return
	}
	if ready&waiter.EventIn != 0 && !one.isHalfClosed {
		_, failure := one.endpoint.Read(io.Discard, tcpip.ReadOptions{})
		one.dataAt = now()
		if _, isClosed := failure.(*tcpip.ErrClosedForReceive); isClosed {
			one.isHalfClosed = true
			log("end-of-stream", one.port, map[string]any{"epoll": int(ready)})
		}
	}
	counts := one.endpoint.Stats().(*tcp.Stats)
	received := counts.SegmentsReceived.Value()
	one.sent = counts.SegmentsSent.Value()
	if received != one.received {
		one.received, one.sentByThen, one.heardAt = received, one.sent, now()
	}
}

// lastWords tells the settings as the endpoint returns them, and the segments sent since the peer was last heard.
func (one *connection) lastWords() {
	one.isOver = true
	var idle tcpip.KeepaliveIdleOption
	var interval tcpip.KeepaliveIntervalOption
	var userTimeout tcpip.TCPUserTimeoutOption
	succeed(one.endpoint.GetSockOpt(&idle))
	succeed(one.endpoint.GetSockOpt(&interval))
	succeed(one.endpoint.GetSockOpt(&userTimeout))
	count, failure := one.endpoint.GetSockOptInt(tcpip.KeepaliveCountOption)
	succeed(failure)
	log("settings", one.port, map[string]any{
		"settings": map[string]any{
			"keepalive":       one.endpoint.SocketOptions().GetKeepAlive(),
			"time":            time.Duration(idle).Seconds(),
			"intvl":           time.Duration(interval).Seconds(),
			"probes":          count,
			"user_timeout_ms": time.Duration(userTimeout).Milliseconds(),
		},
		"probes_out":    one.sent - one.sentByThen,
		"since_data_ms": milliseconds(now() - one.dataAt),
		"since_ack_ms":  milliseconds(now() - one.heardAt),
		"waiting":       0,
	})
}

func log(event string, port uint16, details map[string]any) {
	entry := map[string]any{"t": float64(milliseconds(now())) / 1000, "event": event, "port": port}
	for name, value := range details {
		entry[name] = value
	}
	line, err := json.Marshal(entry)
	check(err)
	os.Stdout.Write(append(line, '\n'))
}

// now is seconds after the plan's start, on the clock of all that record.
func now() float64 {
	var at unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_MONOTONIC, &at))
	return float64(at.Sec) + float64(at.Nsec)/1e9 - start
}

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

func milliseconds(seconds float64) int64 { return int64(seconds * 1000) }

// ip reads the address from a header, since the type of addresses is not the same in all versions.
func ip(address string) tcpip.Address {
	packet := make(header.IPv4, header.IPv4MinimumSize)
	copy(packet[12:], net.ParseIP(address).To4())
	return packet.SourceAddress()
}

func scan(line string, into ...any) {
	_, err := fmt.Sscan(line, into...)
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func succeed(failure tcpip.Error) {
	if failure != nil {
		panic(failure.String())
	}
}
