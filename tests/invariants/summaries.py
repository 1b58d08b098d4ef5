"""What is said of many connections together: hosts, paths, services, advice."""

from collections import defaultdict

from tests.invariants.reading import Document, Faults, codes

SAMPLED = "findings-sampled"
"""Findings are drawn from some of very many connections."""


def hosts_are_ends_of_connections(document: Document) -> Faults:
    """A host has as many connections as have its address, and no port that differs has more of their ends."""
    flows_of, ends_of = defaultdict(set), defaultdict(int)
    for flow in document["flows"]:
        for end in flow["ends"]:
            flows_of[end["addr"]].add(flow["id"])
            ends_of[end["addr"]] += 1
    for host in document["hosts"]:
        address, apart = host["addr"], [one["flows"] for one in host["overrides"]]
        if SAMPLED not in codes(document) and host["flows"] > len(flows_of[address]):
            yield f"{address} {host['flows']} of {len(flows_of[address])}"
        if (
            sum(apart) > ends_of[address]
            or any(one > host["flows"] for one in apart)
            or host["kernels"] > host["flows"]
        ):
            yield f"{address} {apart} of {host['flows']}, {host['kernels']} kernels"


def what_failed_was_longer_than_what_survived(document: Document) -> Faults:
    """An idle limit explains no silence that was survived."""
    for limit in document["path_limits"]:
        if None not in (limit["survived_s"], limit["failed_s"]) and limit["failed_s"] <= limit["survived_s"]:
            yield f"{limit['path']} survived {limit['survived_s']}, failed {limit['failed_s']}"


def limits_are_counted(document: Document) -> Faults:
    """A limit has connections that failed and frames that show it, and what was survived is counted.

    Without a limit nothing is named for it.
    """
    for limit in document["path_limits"]:
        is_limit = limit["failed_s"] is not None
        if not is_limit == bool(limit["failed"]) == bool(limit["failed_flows"]) == bool(limit["failed_frames"]):
            yield f"{limit['path']} failed {limit['failed']}"
        if not is_limit and (limit["matches"] or limit["on_expiry"] or limit["probes_kept_open"]):
            yield f"{limit['path']} has no limit"
        has_survived = limit["survived_s"] is not None
        if (
            not has_survived
            == bool(limit["survived"])
            == bool(limit["survived_flows"])
            == bool(limit["survived_frames"])
        ):
            yield f"{limit['path']} survived {limit['survived']}"
        if not len(limit["survived_frames"]) <= limit["survived"] >= limit["survived_flows"]:
            yield f"{limit['path']} survived {limit['survived']} on {limit['survived_flows']}"
        if len(limit["failed_frames"]) > limit["failed"] or not (has_survived or is_limit or limit["unexplained"]):
            yield f"{limit['path']} failed {limit['failed']}"


def curves_fall(document: Document) -> Faults:
    """The longer the silence, the fewer survive it."""
    for limit in document["path_limits"]:
        lengths, shares = [one for one, _ in limit["curve"]], [one for _, one in limit["curve"]]
        if lengths != sorted(set(lengths)) or shares != sorted(shares, reverse=True):
            yield f"{limit['path']} {limit['curve']}"


def idle_limits_lie_within_their_bounds(document: Document) -> Faults:
    """A service ends what was idle for longer than what it let live; its timer may be late, and never early."""
    for service in document["services"]:
        for limit in service["idle_limits"]:
            low_s, value_s, high_s = (limit[name] or 0 for name in ("low_s", "value_s", "high_s"))
            is_ordered = max(low_s, value_s) <= high_s
            if not is_ordered or limit["closed"] < 1 or not set(limit["flow_ids"]) <= _ids(document):
                yield f"{service['service']} {low_s}, {value_s}, {high_s}: {limit['closed']} closed"


def advice_is_about_connections(document: Document) -> Faults:
    """Each names connections of the document, in their order, and none twice; so do conclusions."""
    for one in (*document["advice"], *document["conclusions"]):
        if not set(one["flows"]) <= _ids(document) or one["flows"] != sorted(set(one["flows"])):
            yield f"{one['code']} {one['flows']}"


def advice_does_not_contradict_itself(document: Document) -> Faults:
    """What is proposed is sooner than what is in force, and than what failed, with two probes to lose."""
    for advice in document["advice"]:
        numbers = advice["numbers"]
        if "failed_s" in numbers and numbers.get("survived_s", -1) >= numbers["failed_s"]:
            yield f"{advice['code']} survived {numbers['survived_s']}, failed {numbers['failed_s']}"
        if "failed_s" in numbers and numbers.get("longest_idle_s", numbers["failed_s"]) < numbers["failed_s"]:
            yield f"{advice['code']} idle {numbers['longest_idle_s']}, failed {numbers['failed_s']}"
        if "set_time" not in numbers:
            continue
        proposed_s = numbers["set_time"] + 2 * numbers["set_intvl"]
        for name in ("failed_s", "survived_s"):
            if name in numbers and proposed_s > numbers[name]:
                yield f"{advice['code']} proposes {proposed_s}, {name} {numbers[name]}"
        if numbers["set_time"] > numbers.get("tcp_keepalive_time", numbers["set_time"]):
            yield f"{advice['code']} proposes {numbers['set_time']} instead of {numbers['tcp_keepalive_time']}"


def _ids(document: Document) -> set[int]:
    return {flow["id"] for flow in document["flows"]}


INVARIANTS = (
    hosts_are_ends_of_connections,
    what_failed_was_longer_than_what_survived,
    limits_are_counted,
    curves_fall,
    idle_limits_lie_within_their_bounds,
    advice_is_about_connections,
    advice_does_not_contradict_itself,
)
