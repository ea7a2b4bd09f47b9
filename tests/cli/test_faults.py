"""Faults of the disk, the terminal and other processes while a model is trained: a sentence for each, and nothing lost.

Each fault is the real one, and a training that one befalls on its way is a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seqgen.manifest import read_manifest, verify

TINY = ("--backend", "torch", "--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4)
ENDLESS = ("--max-steps", 10_000_000, "--eval-every", 10_000_000, "--checkpoint-every", "0.01s")

# A shell may have started the tests with signals ignored, and children inherit that.
SIGNALS_AS_USUAL = """if True:
    import signal, sys
    from seqgen.cli.app import main
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    {before}
    main(sys.argv[1:])
"""


@pytest.fixture
def start(tmp_path, seqgen_home):
    """Starts ``seqgen ARGUMENTS`` in a process of its own."""
    processes = []

    def run(*arguments, before="", home=seqgen_home, through=(), **options):
        process = subprocess.Popen(
            [*through, sys.executable, "-c", SIGNALS_AS_USUAL.format(before=before), *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "SEQGEN_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"},
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                **options,
            },
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        with process:
            process.kill()


@contextlib.contextmanager
def mounted(folder, options):
    """A file system in memory, which only a process sees that waits beside it; the path leads there from others."""
    folder.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, of Linux")
    become_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    mount = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec cat'
    with subprocess.Popen(
        ["unshare", *become_root, "--mount", "sh", "-c", mount, "sh", options, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout.readline() != "mounted\n":
            pytest.skip(f"no file system can be mounted here: {process.stderr.read()}")
        yield Path(f"/proc/{process.pid}/root{folder}")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    with mounted(tmp_path / "disk", "size=3m") as folder:
        yield folder


@pytest.fixture
def read_only_disk(tmp_path):
    """A file system that can only be read."""
    with mounted(tmp_path / "disk", "ro") as folder:
        yield folder


def wait_for(pattern, folder, process):
    """Until there is such a file or folder."""
    until = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def step_of(checkpoint):
    return int(checkpoint.name.split("-")[1])


def fill(folder):
    """Leave no byte free."""
    with (folder / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue


@contextlib.contextmanager
def kept_full(folder):
    """No byte is free, nor what is removed meanwhile, such as the checkpoint before the last."""
    ended = threading.Event()

    def keep():
        while not ended.wait(0.005):
            fill(folder)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_full_disk_ends_no_training_and_what_was_trained_goes_elsewhere_until_there_is_room(
    start, seqgen, corpus, small_disk, monkeypatch
):
    home = small_disk / "home"
    process = start("train", corpus, *TINY, *ENDLESS, home=home)
    wait_for("training/novel/1/step-*", home, process)
    with kept_full(small_disk):
        for line in process.stderr:
            if "There is no checkpoint now" in line:
                break
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert re.search(r"home/training/novel/1\S* cannot be written: No space left on device\.  Training goes on\.", line)
    *_, problem, rescued = stderr.strip().splitlines()
    assert process.returncode == 1
    assert "Traceback" not in stderr
    assert re.fullmatch(r"error: \S+ cannot be written: No space left on device\.", problem)
    match = re.fullmatch(
        r"The checkpoint of step ([\d,]+) is kept\.  The model as it is now: (\S+)\.  "
        r"Once it can be written: seqgen train --resume novel",
        rescued,
    )
    elsewhere = Path(match[2])
    try:
        monkeypatch.setenv("SEQGEN_HOME", str(home))
        assert seqgen("generate", "--model", elsewhere, "--length", 5).exit_code == 0
    finally:
        shutil.rmtree(elsewhere.parents[1])

    (small_disk / "filler").unlink()
    kept = int(match[1].replace(",", ""))
    more = seqgen("train", "--resume", "novel", "--max-steps", kept + 3)
    assert more.exit_code == 0, more
    assert f"resume   novel at step {kept:,}\n" in more.stderr


def test_a_disk_that_is_full_from_the_start_is_told_before_anything_is_trained(
    refused, corpus, small_disk, monkeypatch
):
    monkeypatch.setenv("SEQGEN_HOME", str(small_disk / "home"))
    fill(small_disk)
    sentence = refused("train", corpus, *TINY, "--max-steps", 1, exit_code=1)
    assert re.fullmatch(r".*disk/home\S* cannot be written: No space left on device\.", sentence)


def test_a_folder_that_can_only_be_read_is_told_before_anything_is_trained(
    refused, corpus, read_only_disk, monkeypatch
):
    monkeypatch.setenv("SEQGEN_HOME", str(read_only_disk / "home"))
    sentence = refused("train", corpus, *TINY, "--max-steps", 1, exit_code=1)
    assert re.fullmatch(r".*disk/home\S* cannot be written: Read-only file system\.", sentence)


def test_a_folder_without_permission_is_told_before_anything_is_trained(start, corpus, seqgen_home, without_privileges):
    seqgen_home.mkdir(mode=0o500)
    process = start("train", corpus, *TINY, *ENDLESS, through=without_privileges)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.fullmatch(r"error: .*/home\S* cannot be written: Permission denied\.\n", stderr)


def test_a_training_that_is_ended_while_it_reads_standard_input_keeps_nothing_of_it(start, seqgen_home):
    process = start("train", "-", *TINY, stdin=subprocess.PIPE)
    process.stdin.write("The ice was an inch in.\n" * 10_000)
    process.stdin.flush()
    wait_for("corpora/stdin/.new-*/stdin", seqgen_home, process)
    process.terminate()
    process.stdin.close()  # or a signal that comes just before it reads would wait for more
    assert process.wait(timeout=60) == 143
    assert list((seqgen_home / "corpora" / "stdin").iterdir()) == []


@pytest.mark.slow
def test_a_home_that_vanishes_is_made_anew_with_all_that_going_on_needs(start, seqgen, corpus, seqgen_home):
    process = start("train", corpus, *TINY, *ENDLESS)
    wait_for("training/novel/1/step-*", seqgen_home, process)
    seqgen_home.rename(seqgen_home.with_name("moved"))
    wait_for("training/novel/1/step-*", seqgen_home, process)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert stderr.endswith("Saved as novel:1.  To go on: seqgen train --resume novel\n")
    step = max(map(step_of, seqgen_home.glob("training/novel/1/step-*")))
    more = seqgen("train", "--resume", "novel", "--max-steps", step + 3)
    assert more.exit_code == 0, more
    assert f"resume   novel at step {step:,}\n" in more.stderr


@pytest.mark.slow
def test_two_processes_that_train_one_name_at_once_each_publish_a_version(start, corpus, seqgen_home):
    processes = [start("train", corpus, *TINY, "--max-steps", 6, "--json") for _ in range(2)]
    versions = set()
    for process in processes:
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        versions.add(json.loads(stdout)["version"])
    assert versions == {1, 2}
    for version in versions:
        folder = seqgen_home / "models" / "novel" / str(version)
        manifest = read_manifest(folder, where="")
        for name in manifest["files"]:
            verify(folder, name, manifest, where="")
    assert not list(seqgen_home.glob("training/novel/[0-9]*"))


@pytest.mark.slow
def test_a_corpus_that_changes_under_a_run_changes_nothing_and_is_refused_when_it_goes_on(
    start, seqgen, refused, corpus, seqgen_home
):
    text = corpus.read_text("utf-8")
    process = start("train", corpus, *TINY, *ENDLESS)
    wait_for("training/novel/1/step-*", seqgen_home, process)
    corpus.write_text("Something else.  " * 90, "utf-8")
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143, stderr
    about = json.loads((seqgen_home / "training" / "novel" / "1" / "run.json").read_text())
    manifest = json.loads((seqgen_home / "models" / "novel" / "1" / "manifest.json").read_text())
    assert manifest["corpus"]["fingerprint"] == about["fingerprint"]
    assert refused("train", "--resume", "novel", exit_code=2).startswith("The corpus of novel has changed since")
    corpus.write_text(text, "utf-8")
    step = max(map(step_of, seqgen_home.glob("training/novel/1/step-*")))
    assert seqgen("train", "--resume", "novel", "--max-steps", step + 1).exit_code == 0


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)], ids=["INT", "TERM"]
)
def test_a_second_signal_leaves_at_once_and_says_how_to_go_on(start, seqgen, corpus, seqgen_home, number):
    # So slow to measure that the first signal has not been followed when the second comes.
    before = "import time, seqgen.training.trainer as loop; loop.evaluate = lambda *_: time.sleep(600)"
    process = start("train", corpus, *TINY, *ENDLESS, before=before)
    wait_for("training/novel/1/step-*", seqgen_home, process)
    process.send_signal(number)
    for line in process.stderr:
        if line.startswith(f"{number.name}: finishing this step and saving"):
            break
    time.sleep(0.5 if number == signal.SIGINT else 2.5)  # a second SIGTERM that comes sooner is no wish of its own
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)  # measuring would take ten minutes
    assert process.returncode == 128 + number
    step = max(map(step_of, seqgen_home.glob("training/novel/1/step-*")))
    assert stderr.endswith(
        f"Left at once.  The checkpoint of step {step:,} is kept.  To go on: seqgen train --resume novel\n"
    )
    assert not list(seqgen_home.glob("training/novel/1/.new-*"))
    assert seqgen("train", "--resume", "novel", "--max-steps", step + 1).exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGHUP, signal.SIGHUP), (signal.SIGTERM, signal.SIGHUP)],
    ids=["a terminal closes", "systemd ends a session"],
)
def test_signals_that_come_at_once_are_one_after_which_the_model_is_published(start, corpus, seqgen_home, numbers):
    before = "import time, seqgen.training.trainer as loop; loop.evaluate = lambda *_: time.sleep(1) or 1.0"
    process = start("train", corpus, *TINY, *ENDLESS, "--ngram-order", 0, before=before)
    wait_for("training/novel/1/step-*", seqgen_home, process)
    process.send_signal(numbers[0])
    for line in process.stderr:
        if line.startswith(f"{numbers[0].name}: finishing this step and saving"):
            break
    process.send_signal(numbers[1])
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + numbers[0]
    assert stderr.endswith("Saved as novel:1.  To go on: seqgen train --resume novel\n")


@pytest.mark.slow
def test_a_terminal_that_is_closed_is_as_good_as_sigterm(start, seqgen, corpus, seqgen_home):
    import pty

    ours, theirs = pty.openpty()
    become_its_own = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    process = start(
        *("train", corpus, *TINY, *ENDLESS),
        before=become_its_own,
        start_new_session=True,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    until = time.monotonic() + 60
    while not list(seqgen_home.glob("training/novel/1/step-*")):
        assert time.monotonic() < until
        time.sleep(0.02)
        try:
            os.read(ours, 65536)
        except BlockingIOError:
            continue
    os.close(ours)
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    assert (seqgen_home / "models" / "novel" / "1" / "model.safetensors").exists()
    step = max(map(step_of, seqgen_home.glob("training/novel/1/step-*")))
    assert f"resume   novel at step {step:,}\n" in seqgen("train", "--resume", "--max-steps", step + 1).stderr


LIMIT = (  # of the address space, so many megabytes above what the process has now
    "import resource, re, torch, numpy; "
    "size = int(re.search(r'VmSize:\\s+(\\d+)', open('/proc/self/status').read())[1]) * 1024; "
    "resource.setrlimit(resource.RLIMIT_AS, (size + {} * 2**20,) * 2)"
)
only_linux = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux says here how much memory a process has"
)


@only_linux
def test_too_little_memory_says_what_to_reduce(start, corpus):
    options = ("--backend", "torch", "--hidden-size", 6000, "--seq-len", 64, "--batch-size", 8, "--max-steps", 5)
    process = start("train", corpus, *options, before=LIMIT.format(400))
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert stderr.splitlines()[-1].startswith(
        "error: There is not enough memory for a step of training.  Reduce one of --batch-size (8), --seq-len (64), "
        "--hidden-size (6000)"
    ), stderr
    assert stderr.endswith(
        "With --auto-batch fewer sequences of a batch are computed at a time, which gives the same.\n"
    )


@only_linux
@pytest.mark.slow
def test_with_auto_batch_too_little_memory_is_enough_for_fewer_sequences_at_a_time(start, tmp_path):
    corpus = tmp_path / "long.txt"
    corpus.write_text("The sea is wide and the ice is white.  " * 7000)
    options = (
        *("--backend", "torch", "--hidden-size", 64, "--embedding-size", 8, "--num-layers", 1, "--dropout", 0.1),
        *("--seq-len", 64, "--batch-size", 3500, "--max-steps", 2, "--validation-fraction", 0, "--json"),
    )
    process = start("train", corpus, *options, "--auto-batch", before=LIMIT.format(250))
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    told = re.findall(r"memory   is not enough: from now on (\d+) sequences of a batch at a time", stderr)
    assert told, stderr
    assert all(int(each) < 3500 for each in told)
    record = json.loads(stdout)
    assert (record["steps"], record["tokens"], record["training"]["batch_size"]) == (2, 2 * 64 * 3500, 3500)


# The clock of one process, which the system has for all alone: what Python says of the time, a day ahead until it is put right.
AHEAD = """
import datetime, pathlib, time
real, right = time.time, pathlib.Path("put-right")
time.time = lambda: real() + (0 if right.exists() else 86400)
time.time_ns = lambda: int(time.time() * 10**9)

class Ahead(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

datetime.datetime = Ahead
"""


@pytest.mark.slow
def test_a_clock_that_goes_backwards_stretches_no_training_and_leaves_the_model_trained_last_the_latest(
    start, seqgen, corpus, seqgen_home, tmp_path
):
    (tmp_path / "ahead.py").write_text(AHEAD)
    first = start("train", corpus, *TINY, "--max-steps", 6, "--name", "zebra", before="import ahead")
    assert first.wait(timeout=60) == 0
    budget = ("--max-time", "3s", "--eval-every", 10_000_000, "--checkpoint-every", "0.2s", "--json")
    second = start("train", corpus, *TINY, *budget, "--name", "apple", before="import ahead")
    wait_for("training/apple/1/step-*", seqgen_home, second)
    before = max(map(step_of, seqgen_home.glob("training/apple/1/step-*")))
    (tmp_path / "put-right").touch()
    while max(map(step_of, seqgen_home.glob("training/apple/1/step-*"))) == before:
        assert second.poll() is None, second.communicate()
        time.sleep(0.02)
    stdout, stderr = second.communicate(timeout=60)
    assert second.returncode == 0, stderr
    assert 3 <= json.loads(stdout)["seconds"] < 6
    shown = re.findall(r"(\d+):(\d\d) left", stderr)
    assert shown, stderr
    assert all(int(minutes) == 0 and int(seconds) <= 3 for minutes, seconds in shown), stderr
    ahead, right = (
        json.loads((seqgen_home / "models" / name / "1" / "manifest.json").read_text())["created"]
        for name in ("zebra", "apple")
    )
    assert right < ahead
    assert json.loads(seqgen("generate", "--length", 5, "--json").stdout)["model"] == "apple"
