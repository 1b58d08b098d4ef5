"""The columns from which the JSON document is written: texts to copy, and known settings to compare with."""

from analyzer.schema import Column, table

STRINGS = table(
    "STRINGS",
    Column("first", "q", "", "place of the first octet"),
    Column("length", "q", "octets", ""),
    Column("place", "b", "explain_settings.PLACES", "what is written after it before the next row; -1 ends a sentence"),
)

SENTENCES = table("SENTENCES", Column("first_phrase", "q", "", "row in STRINGS"))

PROFILES = table(
    "PROFILES",
    Column("idle_s", "q", "s", "tcp_keepalive_time"),
    Column("intvl_s", "q", "s", "tcp_keepalive_intvl, -1 where the system decides"),
    Column("probes", "q", "", "probes that the wire shows before the give-up, -1 as above"),
    Column("payload_len", "q", "octets", "in a probe, -1 unknown"),
    Column("is_kernel", "b", "bool", "it applies to every socket of a system"),
    Column("port", "i", "", "where the program listens, -1 anywhere"),
    Column("second_port", "i", "", "another such port, -1 without"),
    Column("third_port", "i", "", "the last, -1 without"),
)
"""Well-known settings (`keepalive/catalogue/profiles.py`)."""
