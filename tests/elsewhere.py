"""This interpreter made to treat our package as Windows and macOS would, for what can be shown without them.

pretend() is for a fresh process, before pocket_fast is imported. From then on, for the code of the package alone:
modules and names that one of those systems lacks are missing, at import and later; text files opened without an
encoding are errors. And for everyone: nothing is found in /proc and /sys, and a file that this process has open or
mapped can be neither renamed, replaced nor removed, nor a folder be put in the place of another, as on Windows.
The names are those that typeshed has for Linux and not for both of the others.
"""

from __future__ import annotations

import builtins
import importlib
import os
import re
import sys
import types
import warnings

PACKAGE = "pocket_fast"
NO_MODULES = {
    *("crypt", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd", "resource", "spwd", "syslog"),
    *("termios", "tty", "curses", "readline"),
}
NO_NAMES = {
    "os": r"""CLD_\w+|CLONE_\w+|EFD_\w+|EX_[^O]\w+|EX_OS\w+|F_\w?LOCK|F_TEST|GRND_\w+|MFD_\w+|NGROUPS_MAX
        |O_(?:ACCMODE|ASYNC|CLOEXEC|DIRECT\w*|\w?SYNC|LARGEFILE|NDELAY|NO\w+|PATH|TMPFILE)|PIDFD_\w+|POSIX_\w+|PRIO_\w+
        |P_(?:ALL|P\w+)|RTLD_\w+|RWF_\w+|SCHED_\w+|SEEK_DATA|SEEK_HOLE|SPLICE_\w+|ST_\w+|W[A-Z]+|XATTR_\w+
        |chown|chroot|confstr\w*|copy_file_range|ctermid|environb|eventfd\w*|fchdir|fchmod|fchown|fdatasync|fork\w*
        |fpathconf|fstatvfs|fwalk|get(?:e|s|res)?[ug]?id|getenvb|getgroup\w*|getloadavg|getp\wid|getpgrp|getpriority
        |getrandom|getxattr|initgroups|killpg|lchown|listxattr|lockf|login_tty|major|makedev|memfd_create|minor|mkfifo
        |mknod|nice|openpty|pathconf\w*|pidfd_open|pipe2|posix_\w+|pread\w*|pwrite\w*|readv|register_at_fork
        |removexattr|sched_\w+|sendfile|set\w*id|setgroups|setns|setpgrp|setpriority|setxattr|spawnv?l?pe?|splice
        |statvfs\w*|sync|sysconf\w*|tcgetpgrp|tcsetpgrp|ttyname|uname|unshare|wait\d?|waitid\w*|writev""",
    "signal": r"""ITIMER_\w+|ItimerError|SIG(?!INT|TERM|ABRT|FPE|ILL|SEGV|_DFL|_IGN)\w+|Sigmasks|alarm|getitimer|pause
        |pidfd_send_signal|pthread_\w+|setitimer|siginterrupt|sig(?:pending|timedwait|wait\w*)|struct_siginfo""",
    "mmap": r"MADV_\w+|MAP_\w+|PROT_\w+",
    "socket": r"""AF_(?!INET|UNSPEC)\w+|SCM_\w+|SOCK_CLOEXEC|SOCK_NONBLOCK|SO_(?:REUSEPORT|PEER\w+|MARK|DOMAIN|PROTOCOL
        |BINDTODEVICE|PRIORITY)|MSG_(?:DONTWAIT|NOSIGNAL|MORE|CONFIRM|CMSG_CLOEXEC)|TCP_(?:CORK|USER_TIMEOUT|QUICKACK
        |INFO)|\w+_fds|sethostname""",
    "time": r"CLOCK_\w+|clock_\w+|pthread_getcpuclockid|tzset",
    "select": r"EPOLL\w+|POLL\w+|PIPE_BUF|epoll|poll",
    # The file is open, so on Windows nobody can open it by its name, which is what it is made for.
    "tempfile": r"NamedTemporaryFile",
}


class Lacking(types.ModuleType):
    """A module of the standard library without some of its names."""

    def __init__(self, module: types.ModuleType, lacks: str) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module
        self.__dict__["_lacks"] = re.compile(re.sub(r"\s", "", lacks))

    def __getattr__(self, name: str) -> object:
        if self._lacks.fullmatch(name):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} elsewhere")
        return getattr(self._module, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._module, name, value)


def pretend() -> None:
    assert PACKAGE not in sys.modules
    lacking = {name: Lacking(importlib.import_module(name), lacks) for name, lacks in NO_NAMES.items()}
    lacking["mmap"].__dict__["mmap"] = _without_madvise()
    plainly = builtins.__import__

    def imports(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and _is_ours(globals):
            if name.split(".")[0] in NO_MODULES:
                raise ModuleNotFoundError(f"No module named {name!r} elsewhere", name=name)
            if name in lacking:
                return lacking[name]
        return plainly(name, globals, locals, fromlist, level)

    builtins.__import__ = imports
    sys.addaudithook(_refuse)
    warnings.filterwarnings("error", category=EncodingWarning, module=rf"{PACKAGE}(\.|$)")


def _is_ours(names: object) -> bool:
    name = (names or {}).get("__name__") or ""
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def _without_madvise() -> type:
    import mmap

    class WithoutAdvice(mmap.mmap):
        @property
        def madvise(self):
            raise AttributeError("madvise")

    return WithoutAdvice


_looking = False  # into /proc, on our own behalf


def _refuse(event: str, arguments: tuple) -> None:
    global _looking
    if _looking:
        return
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        if re.match(r"/(proc|sys)(/|$)", os.fsdecode(arguments[0])):
            raise FileNotFoundError(2, "No such file or directory", arguments[0])
    elif event in ("os.rename", "os.remove"):
        source, *target = (
            os.path.realpath(os.fsdecode(path)) for path in arguments[: 1 + (event == "os.rename")]
        )
        _looking = True
        try:
            busy = [
                path for path in _open_files() if path in (source, *target) or path.startswith(source + "/")
            ]
        finally:
            _looking = False
        if busy or (target and os.path.isdir(target[0])):
            raise PermissionError(13, f"in use: {busy}" if busy else "a folder is there", source)


def _open_files() -> list[str]:
    """What this process has open, or mapped."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:  # the listing itself
            continue
    with open("/proc/self/maps", encoding="utf-8") as maps:
        found += [line.split(maxsplit=5)[5].rstrip("\n") for line in maps if line.count("/")]
    return found
