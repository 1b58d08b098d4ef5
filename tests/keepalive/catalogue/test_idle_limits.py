"""The table of idle limits is whole: every entry says the same things, in the same words."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest

FIELDS: Mapping[str, type] = {
    "name": str,
    "idle_s": int,
    "setting": str,
    "range": str,
    "clock": str,
    "closes": str,
    "side": str,
    "ports": list,
    "source": str,
    "verified": bool,
}
TABLE = tomllib.loads(files("analyzer.keepalive.catalogue").joinpath("idle_limits.toml").read_text(encoding="utf-8"))
LIMITS: list[dict[str, Any]] = TABLE["idle_limit"]

each = pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit["name"])


def test_there_is_one_table_and_it_is_long() -> None:
    assert set(TABLE) == {"idle_limit"}
    assert len(LIMITS) >= 40
    assert sum(limit["verified"] for limit in LIMITS) >= 30


def test_names_are_unique() -> None:
    names = [limit["name"] for limit in LIMITS]
    assert len(names) == len(set(names))


@each
def test_every_entry_has_the_known_fields(limit: dict[str, Any]) -> None:
    assert {field: type(value) for field, value in limit.items()} == FIELDS


@each
def test_values_are_allowed(limit: dict[str, Any]) -> None:
    assert limit["idle_s"] >= 0
    assert limit["clock"] in {"data", "peer-data", "heartbeat"}
    assert limit["closes"] in {"fin", "rst", "unknown"}
    assert limit["side"] in {"server", "client"}
    assert all(type(port) is int and 0 < port < 65536 for port in limit["ports"])
    assert len(limit["ports"]) == len(set(limit["ports"]))


@each
def test_texts_are_not_empty(limit: dict[str, Any]) -> None:
    assert all(limit[field].strip() for field in ("name", "setting", "range", "source"))


@each
def test_what_cannot_be_set_is_fixed(limit: dict[str, Any]) -> None:
    assert (limit["setting"] == "none") == (limit["range"] == "fixed")


@each
def test_what_was_not_looked_up_says_so(limit: dict[str, Any]) -> None:
    assert limit["verified"] or "recalled" in limit["source"]
