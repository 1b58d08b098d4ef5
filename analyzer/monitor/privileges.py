"""Giving up what was needed to open a raw socket, once it is open (capabilities(7)).

What comes from the network is parsed without privileges: as another user, or as root without any capability.
Neither is regained by anything that is started later (PR_SET_NO_NEW_PRIVS).
"""

import ctypes
import os
import pwd
import struct
import sys

from analyzer.errors import OptionError

PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522
DAC_OVERRIDE = 1
"""Root without it could not write into the directories of other users, where reports are asked for."""


def drop(user: str | None) -> str:
    """Become `user`, or keep this one and give up its capabilities; return what was done in words, "" for nothing.

    OptionError if there is no such user, or the kernel refuses.
    """
    try:
        if user is not None:
            return _become(user)
        if os.geteuid() != 0:
            return _keep_only(0)
        return _keep_only(1 << DAC_OVERRIDE)
    except OSError as error:
        raise OptionError(f"privileges cannot be given up: {error.strerror}") from error


def _become(name: str) -> str:
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise OptionError(f"--user {name}: there is no such user") from error
    if os.geteuid() != 0:
        if os.geteuid() == entry.pw_uid:
            return _keep_only(0)
        raise OptionError(f"--user {name}: only root may become another user")
    os.initgroups(name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)  # from root to another, all capabilities go
    _no_new_privileges()
    return f"runs as {name}"


def check_program() -> None:
    """Raise OptionError if this user may not read the files of modules that are loaded: others, which lie beside them,
    are loaded for the report."""
    files = (file for module in tuple(sys.modules.values()) if (file := getattr(module, "__file__", None)))
    unreadable = next((file for file in files if not os.access(file, os.R_OK)), None)
    if unreadable is not None:
        raise OptionError(
            f"--user {pwd.getpwuid(os.geteuid()).pw_name}: that user may not read {unreadable}; install Python and "
            "ka-analyze where every user may read them, below /opt or /usr/local"
        )


def _keep_only(capabilities: int) -> str:
    """Keep only these capabilities, effective and permitted; programs that are started inherit none."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", capabilities, capabilities, 0, 0, 0, 0)  # effective, permitted, inheritable; high halves
    if libc.capset(header, data):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _no_new_privileges()
    return "without capabilities" if not capabilities else "without capabilities but to write files"


def _no_new_privileges() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
