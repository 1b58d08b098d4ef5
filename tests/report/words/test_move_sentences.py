"""What is said of connections that something on the way has forgotten."""

from analyzer.report.words.move_sentences import what_goes_astray, where_it_goes_on
from tests.keepalive.context import test_rebinding, test_stray_requests
from tests.keepalive.context.test_rebinding import OLD, rebound
from tests.keepalive.context.test_stray_requests import OPENED, asks


def test_both_of_two_say_where_it_goes_on() -> None:
    old, new = test_rebinding.found(OLD + rebound()).flows
    assert where_it_goes_on(old) == [
        "#1 goes on with its sequence numbers 723.93 s later from another port: a NAT on the way has rebound it."
    ]
    assert where_it_goes_on(new) == [
        "It goes on with the sequence numbers of #0 from another port: a NAT on the way has rebound it."
    ]
    assert what_goes_astray(old) == []


def test_an_address_is_another_one() -> None:
    _, new = test_rebinding.found(OLD + rebound("C:40000>B")).flows
    assert where_it_goes_on(new) == [
        "It goes on with the sequence numbers of #0 from another address: a NAT on the way has rebound it."
    ]


def test_what_goes_astray() -> None:
    [flow] = test_stray_requests.found(OPENED + asks()).flows
    [words] = what_goes_astray(flow)
    assert words == (
        "After 1023.98 s idle, 10.0.0.1 asked again and again, in vain, who has an address other than 10.0.0.2, "
        "as if what it sends on this connection went there."
    )
    assert where_it_goes_on(flow) == []
