"""The columns of the exported tables: DataFrames, CSV and Parquet. The names are a contract."""

from typing import NamedTuple


class Field(NamedTuple):
    """A column of an exported table (report/tables/rows.py)."""

    name: str
    dtype: str
    """pandas' name; 'Int64' where a number may be missing."""
    unit: str
    meaning: str


INT, MAYBE_INT, REAL, TEXT, KIND, BOOL = "int64", "Int64", "float64", "str", "category", "bool"
TIME, DURATION = "datetime64[ns, UTC]", "timedelta64[ns]"

FLOW_FIELD = Field("flow", INT, "", "number of the connection, the same in every output")
END_FIELD = Field("end", INT, "0|1", "which end of the connection; 0 is the originator where the capture shows it")
FRAME_FIELD = Field("frame", INT, "", "number of the frame in the capture, from 1")
TIME_FIELD = Field("time", TIME, "UTC", "capture time")
PROBES_MEANING = "keepalive probes of a connection, or of an end"
PAYLOAD_MEANING = "TCP payload; of a probe 0, or 1 for the garbage octet"
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_user_timeout")
"""Linux's names, whatever the system."""


def _setting_fields(*names: str, with_basis: bool) -> tuple[Field, ...]:
    """Return the fields of each setting: `value`, bounds, and optionally what they rest on."""
    fields = []
    for name in names:
        unit = "count" if name == "tcp_keepalive_probes" else "s"
        fields += [
            Field(name, MAYBE_INT, unit, "the likeliest setting; missing where the wire does not determine it"),
            Field(f"{name}_low", REAL, unit, "inclusive lower bound"),
            Field(f"{name}_high", REAL, unit, "inclusive upper bound; missing where nothing bounds it"),
        ]
        if with_basis:
            fields += [
                Field(f"{name}_n", MAYBE_INT, "count", "observations behind it"),
                Field(f"{name}_basis", TEXT, "", "what it rests on, in words"),
            ]
    return tuple(fields)


FRAMES: dict[str, tuple[Field, ...]] = {
    "flows": (
        FLOW_FIELD,
        Field("addr_0", TEXT, "", "address of end 0"),
        Field("port_0", INT, "", "port of end 0"),
        Field("role_0", KIND, "", "originator, responder or unknown"),
        Field("addr_1", TEXT, "", "address of end 1"),
        Field("port_1", INT, "", "port of end 1"),
        Field("role_1", KIND, "", "originator, responder or unknown"),
        Field("tunnel", TEXT, "", "the tunnel that it was captured in"),
        Field("opened", KIND, "", "syn where the capture has the handshake, else midstream"),
        Field("start", TIME, "UTC", "first segment"),
        Field("stop", TIME, "UTC", "last segment"),
        Field("packets", INT, "count", "segments captured"),
        Field("bytes", INT, "octets", "TCP payload captured, without that of probes"),
        Field("max_idle", DURATION, "ns", "longest time without any segment"),
        Field("continues", MAYBE_INT, "", "number of the connection whose sequence numbers go on here (NAT rebinding)"),
        Field("silent", DURATION, "ns", "from its last segment to the capture's end, where it is open"),
        Field("ended_by", KIND, "", "who closed it: 0 or 1, an end; path; missing while it goes on, or if unknown"),
        Field("ended_how", KIND, "", "fin, rst, give-up; silence where it hangs; missing while it goes on"),
        Field("ended_frame", MAYBE_INT, "", "the frame that closed it"),
        Field("since_data", DURATION, "ns", "by then, since new data moved in either direction"),
        Field("since_peer_data", DURATION, "ns", "since new data of the end that did not close"),
        Field("since_no_heartbeat", DURATION, "ns", "since data that is no heartbeat, nor an answer to one"),
        Field("lost", INT, "count", "segments of data that were lost to the close"),
        Field("outcome", KIND, "", "what became of it"),
        Field("cause", KIND, "", "why; missing where the outcome needs no cause"),
        Field("prober", MAYBE_INT, "0|1", "the end whose probes decide the outcome"),
        Field("errno", TEXT, "", "what the application of that end got"),
        Field("epoll", MAYBE_INT, "bits", "the epoll events that it got"),
        Field("detection_delay", DURATION, "ns", "from the last sign of the peer until its loss was noticed"),
        Field("confidence", KIND, "", "certain, likely or guess"),
        Field("probes", INT, "count", PROBES_MEANING),
        Field("answered", INT, "count", "those that were answered"),
        Field("summary", TEXT, "", "outcome and cause in words"),
    ),
    "ends": (
        FLOW_FIELD,
        END_FIELD,
        Field("addr", TEXT, "", "its address"),
        Field("port", INT, "", "its port"),
        Field("role", KIND, "", "originator, responder or unknown"),
        Field("keepalive", KIND, "", "on where it sent a probe, else not-seen"),
        Field("probed_by", KIND, "", "who sends its probes: itself, or a middlebox in its name; missing if not known"),
        Field("probes", INT, "count", PROBES_MEANING),
        Field("answered", INT, "count", "those that were answered"),
        Field("payload_len", MAYBE_INT, "octets", PAYLOAD_MEANING),
        *_setting_fields(*SETTINGS, with_basis=True),
        Field("clocks", TEXT, "", "the kinds of timer that explain its probes, separated by spaces"),
        Field("matches", TEXT, "", "well-known settings that fit, separated by '; '"),
        Field("heartbeat", DURATION, "ns", "period of its application's own heartbeat"),
        Field("heartbeats", INT, "count", "number of these"),
        Field("heartbeats_answered", INT, "count", "those after which the other end sent data before the next"),
        Field(
            "heartbeat_stopped",
            DURATION,
            "ns",
            "how long it had stopped when the connection closed, or the capture ended",
        ),
    ),
    "probes": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        TIME_FIELD,
        Field("payload_len", INT, "octets", PAYLOAD_MEANING),
        Field(
            "answer", KIND, "", "what came back: nothing, ack, data, rst, icmp; unseen if the other end is not captured"
        ),
        Field("answer_frame", MAYBE_INT, "", "number of the frame that answers"),
        Field("delay", DURATION, "ns", "from the probe to its answer"),
    ),
    "gaps": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        Field("kind", KIND, "", "what ended it: first, cycle, spacing, give-up; or survived, pending"),
        Field("is_censored", BOOL, "", "the timer did not end it: the setting is longer"),
        Field("since_heard", DURATION, "ns", "since the other end's last acceptable segment"),
        Field("since_any", DURATION, "ns", "since the other end's last segment of any kind"),
        Field("since_probe", DURATION, "ns", "since this end's previous probe"),
        Field("unanswered", INT, "count", "consecutive unanswered probes before it"),
        Field("lag", DURATION, "ns", "round trip between the capture point and this end"),
    ),
    "segments": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        TIME_FIELD,
        Field("tag", KIND, "", "what the segment is"),
        Field("rule", KIND, "", "the rule that says so"),
        Field("of", MAYBE_INT, "", "the probe that it answers, by frame number"),
        Field("idle", DURATION, "ns", "since any segment of the connection"),
        Field("payload_len", INT, "octets", PAYLOAD_MEANING),
    ),
    "silences": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        TIME_FIELD,
        Field("path", TEXT, "", "the service that the connection leads to"),
        Field("length", DURATION, "ns", "without any segment, while neither end waited for the other"),
        Field("result", KIND, "", "survived; failed, by fault of the path; or unknown"),
    ),
    "hosts": (
        Field("addr", TEXT, "", "address with at least one probing end; missing for a middlebox"),
        Field("port", MAYBE_INT, "", "the service whose connections differ from the host's other ones"),
        Field("flows", INT, "count", "connections that this rests on"),
        *_setting_fields(*SETTINGS[:3], with_basis=False),
        Field("stack", TEXT, "", "what the timer says about the system"),
        Field("hz", MAYBE_INT, "Hz", "the kernel's clock rate, where one is left"),
        Field("before", TEXT, "", "for a middlebox, the addresses in whose names it probes, separated by spaces"),
    ),
    "path_limits": (
        Field("path", TEXT, "", "a service, a network, or all"),
        Field("survived", DURATION, "ns", "the longest silence that it survived"),
        Field("failed", DURATION, "ns", "the shortest silence that it did not survive"),
        Field("survived_n", INT, "count", "silences survived"),
        Field("failed_n", INT, "count", "silences, and connections, that an idle limit did not let survive"),
        Field("survived_flows", INT, "count", "connections that survived any"),
        Field("unexplained", INT, "count", "connections lost after silences that others survived, or nearly"),
        Field("on_expiry", KIND, "", "silent or rst; missing without a failure or where they differ"),
        Field("by", KIND, "", "path; unknown where what came back may be the other end's own"),
        Field("half_closed", BOOL, "", "it holds for connections that one end has closed"),
        Field("matches", TEXT, "", "up to three known boxes that fit, separated by '; '"),
        Field("probes_kept_open", BOOL, "", "probes kept connections open for longer than that without data"),
    ),
    "services": (
        Field("service", TEXT, "", "address and port that connections lead to"),
        Field("flows", INT, "count", "connections that lead there"),
        Field("by", KIND, "", "who ends idle ones: responder, originator, path or unknown"),
        Field("how", KIND, "", "fin or rst; silent where a path drops what comes later"),
        Field("clock", KIND, "", "what counts as use: data, peer-data (of the other end), no-heartbeat"),
        Field("value", DURATION, "ns", "the round number that explains it; missing where there is none"),
        Field("low", DURATION, "ns", "not less: the longest idle time survived"),
        Field("high", DURATION, "ns", "not more: the shortest that ended"),
        Field("closed", INT, "count", "connections that it ended"),
        Field("survived", DURATION, "ns", "the longest idle time survived; missing without"),
        Field("lost", INT, "count", "requests that were lost to it"),
        Field("half_closed", BOOL, "", "it holds for connections that one end has closed"),
        Field("matches", TEXT, "", "known limits that fit, separated by '; '"),
        Field("confidence", KIND, "", "certain, likely or guess"),
    ),
    "conclusions": (
        Field("code", KIND, "", "what is concluded"),
        Field("service", TEXT, "", "the service that it concerns; missing where it concerns several"),
        Field("flows_n", INT, "count", "connections that say so"),
        Field("text", TEXT, "", "in words, with the numbers"),
        Field("fix", TEXT, "", "what to do about it; missing where there is nothing to do"),
        Field("confidence", KIND, "", "certain, likely or guess"),
        Field("flows", TEXT, "", "these connections, separated by spaces"),
        Field("frames", TEXT, "", "up to twelve frames that show it, separated by spaces"),
    ),
    "survival": (
        Field("path", TEXT, "", "a service, a network, or all"),
        Field("length", DURATION, "ns", "a silence of this length"),
        Field("share", REAL, "1", "the likeliest share of such silences that is survived"),
    ),
    "advice": (
        Field("code", TEXT, "", "what should be changed"),
        Field("flows", TEXT, "", "the connections that it is based on, separated by spaces"),
        Field("text", TEXT, "", "in words, with the numbers"),
    ),
    "diagnostics": (
        Field("code", TEXT, "", "what is imperfect about the capture"),
        Field("severity", KIND, "", "damage, or a limit of the capture or of this program"),
        Field("count", INT, "count", "number of occurrences"),
        Field("first_frame", MAYBE_INT, "", "number of the first frame concerned"),
        Field("message", TEXT, "", "in words"),
    ),
}
"""The tables of the library, of --csv and of --parquet; the names are a contract."""
