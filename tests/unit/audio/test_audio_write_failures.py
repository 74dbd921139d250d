"""open_writer when it cannot write, is interrupted or runs out of disk: nothing half-written stays."""

import errno
import io
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pocket_fast.audio import sink
from pocket_fast.audio.codecs import wav_header
from pocket_fast.audio.write import open_writer
from pocket_fast.errors import AudioError, NotFoundError

SRC = Path(__file__).parents[3] / "src"
X = (0.3 * np.sin(np.arange(24000) / 17)).astype(np.float32)
FORMATS = ["wav", "raw", "flac", "mp3", "ogg", "opus", "aiff"]
no_dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")


class FailsLater(io.BytesIO):
    """Raises `error` in every write from byte `limit` on, like a disk that fills up."""

    def __init__(self, limit, error):
        super().__init__()
        self.limit, self.error = limit, error

    def write(self, data):
        if self.tell() + len(data) > self.limit:
            raise self.error
        return super().write(data)


@pytest.fixture
def full_disk(monkeypatch):
    """Files that open_writer creates accept 10,000 bytes."""

    def limited(path, mode):
        file = open(path, mode)  # noqa: SIM115  the writer closes it
        write = file.write

        class Limited:
            def write(self, data):
                if file.tell() + len(data) > 10000:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return write(data)

            def __getattr__(self, name):
                return getattr(file, name)

        return Limited()

    monkeypatch.setattr(sink, "open", limited, raising=False)


# -- the target ------------------------------------------------------------------------------------


def test_nothing_appears_under_the_name_before_close(tmp_path):
    writer = open_writer(tmp_path / "x.wav")
    writer.write(X)
    assert not (tmp_path / "x.wav").exists()
    writer.close()
    assert os.listdir(tmp_path) == ["x.wav"]


def test_missing_folder(tmp_path):
    with pytest.raises(NotFoundError, match="there is no folder"):
        open_writer(tmp_path / "nowhere" / "x.wav")


def test_a_directory_as_target(tmp_path):
    with pytest.raises(AudioError, match="is a directory"):
        open_writer(tmp_path, "wav")


def test_a_file_as_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(AudioError, match="cannot write"):
        open_writer(tmp_path / "file" / "x.wav")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that even root cannot write")
def test_an_unwritable_folder():
    with pytest.raises(AudioError, match=r"cannot write /proc/self/x\.wav: "):
        open_writer("/proc/self/x.wav")


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "x.wav"
    path.write_bytes(b"precious")
    monkeypatch.setattr(os, "access", lambda *args: False)  # root would be allowed
    with pytest.raises(AudioError, match="write-protected"):
        open_writer(path)
    assert path.read_bytes() == b"precious"


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_and_symbolic_links_survive(tmp_path):
    real = tmp_path / "real.wav"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link = tmp_path / "link.wav"
    link.symlink_to(real)
    with open_writer(link) as writer:
        writer.write(X)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.stat().st_size == 44 + 48000


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_new_file_obeys_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        open_writer(tmp_path / "x.wav").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.wav").stat().st_mode) == 0o640


# -- errors on the way -----------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("before", [b"precious", None])
@pytest.mark.parametrize("samples", [0, 24000])
def test_an_exception_leaves_what_was_there(tmp_path, format, before, samples):
    path = tmp_path / "x"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(RuntimeError, match="model"), open_writer(path, format) as writer:  # noqa: PT012
        if samples:
            writer.write(X[:samples])
        raise RuntimeError("the model failed")
    assert os.listdir(tmp_path) == ([] if before is None else ["x"])
    if before is not None:
        assert path.read_bytes() == before


@pytest.mark.parametrize("format", FORMATS)
def test_ctrl_c_leaves_a_valid_file_of_what_was_said(tmp_path, format):
    path = tmp_path / "x"
    with pytest.raises(KeyboardInterrupt), open_writer(path, format) as writer:  # noqa: PT012
        for _ in range(3):
            writer.write(X)
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["x"]
    if format == "raw":
        assert path.stat().st_size == 2 * 72000
    else:
        assert soundfile.info(path).frames == 72000


def test_ctrl_c_before_any_sound_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_writer(tmp_path / "x.wav"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("format", FORMATS)
def test_disk_full(tmp_path, full_disk, format):
    path = tmp_path / "x"
    path.write_bytes(b"precious")
    noise = (0.3 * np.random.default_rng(0).standard_normal(240000)).astype(np.float32)
    with pytest.raises(AudioError, match=r"cannot write .*x: No space left on device"):  # noqa: SIM117
        with open_writer(path, format) as writer:
            writer.write(noise)
    assert os.listdir(tmp_path) == ["x"]
    assert path.read_bytes() == b"precious"


@no_dev_full
@pytest.mark.parametrize("format", FORMATS)
def test_dev_full(format):
    with pytest.raises(AudioError, match="No space left on device"):  # noqa: SIM117
        with open_writer("/dev/full", format) as writer:
            writer.write(X)
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)  # a device is written to, not replaced


def test_an_error_at_the_last_moment_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EACCES, "Permission denied")

    writer = open_writer(tmp_path / "x.wav")
    writer.write(X)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(AudioError, match="Permission denied"):
        writer.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("error", [ConnectionResetError("gone"), RuntimeError("mine"), BrokenPipeError()])
def test_errors_of_a_file_object_pass_unchanged(format, error, capfd):
    target = FailsLater(5000, error)
    noise = (0.3 * np.random.default_rng(0).standard_normal(240000)).astype(np.float32)
    with pytest.raises(type(error)) as caught, open_writer(target, format) as writer:
        writer.write(noise)
    assert caught.value is error
    assert "Traceback" not in capfd.readouterr().err  # as cffi prints what a callback raises


@pytest.mark.parametrize("format", FORMATS)
def test_ctrl_c_inside_a_write_is_not_lost(format):
    class Interrupted(io.BytesIO):
        armed = True

        def write(self, data):
            if self.armed and self.tell() > 3000:
                self.armed = False
                raise KeyboardInterrupt
            return super().write(data)

    target = Interrupted()
    noise = (0.3 * np.random.default_rng(0).standard_normal(120000)).astype(np.float32)
    with pytest.raises(KeyboardInterrupt), open_writer(target, format) as writer:  # noqa: PT012
        for i in range(0, len(noise), 4000):
            writer.write(noise[i : i + 4000])
    if format not in ("raw", "ogg", "opus"):  # an Ogg that lost a page is found damaged by strict readers
        assert soundfile.info(io.BytesIO(target.getvalue())).samplerate == 24000


def test_use_after_close_and_abort():
    for end in ("close", "abort"):
        writer = open_writer(io.BytesIO())
        writer.write(X)
        getattr(writer, end)()
        writer.close()  # twice is fine
        writer.abort()
        with pytest.raises(AudioError, match="already closed"):
            writer.write(X)
        with pytest.raises(AudioError, match="already closed"):
            writer.silence(10)


# -- standard output and devices, in a process of their own ----------------------------------------


def run(code, **options):
    program = f"import sys; sys.path.insert(0, {str(SRC)!r})\n" + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", program], **options)


SPEAK = """
    import numpy as np
    from pocket_fast.audio.write import open_writer
    with open_writer("-", {format!r}) as writer:
        for _ in range(10):
            writer.write(np.full(2400, 0.25, np.float32))
"""


def test_stdout_to_a_pipe_is_streamed():
    with run(SPEAK.format(format=None), stdout=subprocess.PIPE) as process:
        data = process.stdout.read()
    assert process.returncode == 0
    assert data[:44] == wav_header(24000, None)
    assert len(data) == 44 + 48000


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_stdout_redirected_to_a_file_is_patched(tmp_path, format):
    with open(tmp_path / "x", "wb") as out, run(SPEAK.format(format=format), stdout=out) as process:
        process.wait()
    assert soundfile.info(tmp_path / "x").frames == 24000
    if format == "wav":
        assert (tmp_path / "x").read_bytes()[40:44] == struct.pack("<I", 48000)


def test_a_closed_pipe_is_a_broken_pipe_error():
    code = SPEAK.format(format=None).replace("range(10)", "range(10000)")
    with run(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(100)
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode != 0
    assert b"BrokenPipeError" in stderr
    assert b"AudioError" not in stderr


@no_dev_full
def test_stdout_on_a_full_disk():
    with open("/dev/full", "wb") as full, run(SPEAK.format(format=None), stdout=full, stderr=-1) as process:
        stderr = process.stderr.read()
    assert b"AudioError: cannot write standard output: No space left on device" in stderr


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout on this system")
def test_dev_stdout_and_named_pipes_are_written_directly(tmp_path):
    code = SPEAK.format(format=None).replace('"-"', '"/dev/stdout"')
    with run(code, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        data = process.stdout.read()
    assert len(data) == 44 + 48000
    assert os.listdir(tmp_path) == []


def test_no_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(AudioError, match="takes no bytes"):
        open_writer("-")


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_sigint_in_a_real_process_leaves_a_valid_wav(tmp_path):
    code = """
        import signal, numpy as np
        from pocket_fast.audio.write import open_writer
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
        with open_writer("x.wav") as writer:
            for _ in range(20000):
                writer.write(np.full(2400, 0.25, np.float32))
                print("said", flush=True)
    """
    with run(code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert os.listdir(tmp_path) == ["x.wav"]
    data = (tmp_path / "x.wav").read_bytes()
    size = struct.unpack("<I", data[40:44])[0]
    assert size >= 5 * 4800
    assert len(data) - 44 - size in (0, 4800)  # a block whose write was interrupted may not be counted
