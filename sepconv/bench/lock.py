"""One sweep at a time on a device: two would measure each other."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, sleep
from types import TracebackType

from sepconv.errors import DeviceBusy

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

FOLDER_VARIABLE = "SEPCONV_LOCK_DIR"
FOLDER = "sepconv-locks"  # below the system's folder for temporary files: all users share it
LOOK_S = 0.2  # of who waits: a signal that falls between a look and a sleep is soon noticed
HOLDER_BYTES = 400  # of what a lock file says: anybody may have written it


class DeviceLock:
    """Keeps other sweeps on this machine off `devices` for as long as the context lasts.

    A lock is the kernel's and ends with the process, however it ends; children do not inherit
    it. With `wait`, entering the context says once on stderr whom it waits for, and Ctrl-C or
    SIGTERM ends the wait. Devices are locked in the order of their names, so that two sweeps on
    several devices cannot each wait for the other.

    Raises:
        DeviceBusy: On entering without `wait`, if another sweep holds one of the devices.
    """

    def __init__(self, devices: Sequence[str], *, wait: bool = False) -> None:
        self.devices = sorted({device_name(device) for device in devices})
        self._wait = wait
        self._held = ExitStack()
        self.missing_because: str | None = None  # why there is no lock at all
        self.waited_s = 0.0  # which no time budget has to pay for

    def __enter__(self) -> DeviceLock:
        start = perf_counter()
        with ExitStack() as held:
            try:
                for device in self.devices:
                    held.enter_context(_locked(device, wait=self._wait))
                self.waited_s = perf_counter() - start
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                self.missing_because = f"{where}{error.strerror}"
                return self
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()


def lock_folder() -> Path:
    """Where the lock files are: `SEPCONV_LOCK_DIR`, else one folder for all users."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(tempfile.gettempdir()) / FOLDER


def device_name(device: str) -> str:
    """The one name of a device that torch knows by two: "cuda" is "cuda:0"."""
    return device if device == "cpu" or ":" in device else f"{device}:0"


@contextmanager
def _locked(device: str, *, wait: bool) -> Iterator[None]:
    """Hold one lock.

    Raises:
        DeviceBusy: Another process holds it, and we do not wait.
        OSError: Locks cannot be had here.
    """
    if fcntl is None:
        raise OSError(errno.ENOSYS, "this system has no file locks")
    file = _open_lock_file(device)
    try:
        if not _take(file):
            holder = _read_holder(file)
            if not wait:
                raise DeviceBusy(device, holder)
            with _interruptible():
                print(f"waiting for {device}, held by {holder}", file=sys.stderr, flush=True)
                while not _take(file):
                    sleep(LOOK_S)
        _write_holder(file)
        yield
    finally:
        with suppress(OSError):  # closing does not do it while a child is between fork and exec
            fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def _take(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_lock_file(device: str) -> int:
    """The lock file of a device, which every user may open.

    An existing one is opened without O_CREAT: Linux refuses that for other users' files in
    folders like /tmp, so that nobody is made to write to a file that is not theirs.
    """
    folder = lock_folder()
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o1777)  # whatever the umask: as /tmp itself
    path = folder / f"{device.replace(':', '-').replace('/', '-')}.lock"
    safely = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, safely)
    except FileNotFoundError:
        file = os.open(path, safely | os.O_CREAT, 0o666)
    if os.fstat(file).st_uid == os.geteuid():
        os.fchmod(file, 0o666)  # whatever the umask
    return file


def _write_holder(file: int) -> None:
    started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    text = f"process {os.getpid()} since {started}: {_command()}"
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(errors="replace")[:HOLDER_BYTES], 0)


def _read_holder(file: int) -> str:
    """What the holder says of itself, harmless to a terminal."""
    text = os.pread(file, HOLDER_BYTES, 0).decode(errors="replace")
    shown = "".join(letter for letter in text if letter.isprintable())
    return shown or "a process that has not told its name yet"


def _command() -> str:
    """The command line of this process, without what may be a password in a URL."""
    program = Path(sys.argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name
    told = [word.partition("://")[0] + "://…" if "://" in word else word for word in sys.argv[1:]]
    return " ".join([name, *told])


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end a wait, also where it would only be noted."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
