"""Commands that are asked to end, that nobody listens to any more, or that cannot write what they were asked for."""

import errno
import os
import signal
import sys
import threading
import time

import pytest
from scanned import below, grey

from colorzoo.cli import html_report, images, main, zoo
from colorzoo.cli.batch import run_images
from colorzoo.cli.run_summary import RunSummary
from colorzoo.cli.signals import TerminatedError, raise_on_signals, stop_on_signals
from colorzoo.io import atomic
from colorzoo.io.owned_file import PREFIX

SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


def pairs_of(scans, out):
    return [(path, out / path.relative_to(scans)) for path in sorted(scans.rglob("*.*"))]


def run_folder(pairs, transform, **options):
    return run_images(pairs, transform, summary=RunSummary(of_folder=True), **options)


def keep(scan):
    return scan, ""


@pytest.fixture
def nothing_ignored():
    """A hang-up counts, even where the tests are run by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("nothing_ignored")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_run_after_what_is_being_written(number, scans, tmp_path, capsys):
    for index in range(20):
        grey(index).save(scans / f"c{index:02}.png")
    pairs = pairs_of(scans, tmp_path / "out")
    seen = []

    def send(scan):
        seen.append(scan)
        if len(seen) == 5:
            signal.pthread_kill(threading.main_thread().ident, number)
            time.sleep(0.1)
        return scan, ""

    assert run_folder(pairs, send) == 128 + number
    done = below(tmp_path / "out")
    assert 0 < len(done) < len(pairs)
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(str(tmp_path / "out" / name) for name in done)
    assert run_folder(pairs, keep, skip_existing=True) == 0
    assert below(tmp_path / "out") == below(scans)
    total = f"{len(pairs) - len(done)} done, {len(done)} skipped, 0 refused, 0 failed, of {len(pairs)}"
    assert capsys.readouterr().err == f"{total}; skipped: {len(done)} exist\n"


@pytest.mark.usefixtures("nothing_ignored")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_the_run_ends_the_command_in_one_line(number, scans, tmp_path, monkeypatch, capsys, terminal):
    monkeypatch.setattr(images, "_resolve_outputs", lambda *args: os.kill(os.getpid(), number))
    assert main(["denoise", str(scans), "-o", str(tmp_path / "out")]) == 128 + number
    assert capsys.readouterr().err == "colorzoo: interrupted\n"


def test_a_second_signal_ends_at_once_and_a_hang_up_that_is_ignored_does_not():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raise_on_signals(), stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.is_set()
            with pytest.raises(TerminatedError):
                os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(TerminatedError) as raised, raise_on_signals():
            os.kill(os.getpid(), signal.SIGTERM)
        assert raised.value.number == signal.SIGTERM
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("which", ["stdout", "stderr"])
def test_a_run_goes_on_quietly_when_nobody_reads_any_more(which, scans, tmp_path, monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, which, stream)
        assert run_folder(pairs_of(scans, tmp_path / "out"), lambda scan: (scan, "done")) == 0
    assert below(tmp_path / "out") == below(scans)
    assert "Error" not in capsys.readouterr().err


def test_a_list_ends_quietly_when_nobody_reads_any_more(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(zoo, "_list", lambda args: print("a model") or 0)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["list"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device")
def test_names_that_cannot_be_printed_are_a_failure_and_stop_nothing(scans, tmp_path, monkeypatch, capsys):
    with open("/dev/full", "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert run_folder(pairs_of(scans, tmp_path / "out"), keep) == 1
    assert below(tmp_path / "out") == below(scans)
    assert capsys.readouterr().err.splitlines() == [
        "colorzoo: the names of results cannot be printed (No space left on device)",
        "4 done, 0 skipped, 0 refused, 1 failed, of 5",
    ]


@pytest.mark.parametrize("command", ["denoise {scans} -o {out} --report {file}/a.html", "shard {scans} {file}/shards"])
def test_what_cannot_be_written_is_found_before_the_run(command, scans, tmp_path, capsys, monkeypatch):
    file, out = tmp_path / "file", tmp_path / "out"
    file.touch()
    assert main(command.format(scans=scans, out=out, file=file).split()) == 2
    reason = "cannot be written to (it is no folder); choose another folder"
    assert capsys.readouterr().err.endswith(f"colorzoo: {file} {reason}\n")
    assert not out.exists()


def test_shards_are_not_begun_in_a_folder_that_is_read_only(scans, tmp_path, monkeypatch, capsys):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(atomic, "create_owned", refuse)
    assert main(["shard", str(scans), str(tmp_path / "shards")]) == 2
    assert capsys.readouterr().err == (
        f"colorzoo: {tmp_path} cannot be written to (Permission denied); choose another folder\n"
    )


def test_a_report_that_finds_the_disk_full_fails_but_no_image(scans, tmp_path, monkeypatch, capsys):
    def full(page):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(html_report.HtmlReport, "_head", full)
    report = tmp_path / "report.html"
    assert run_folder(pairs_of(scans, tmp_path / "out"), keep, report=report) == 1
    assert below(tmp_path / "out") == below(scans)
    err = capsys.readouterr().err.splitlines()
    assert err[-2] == f"colorzoo: {report} cannot be written (No space left on device); make room on the disk"
    assert not report.exists()


def test_cards_that_find_the_disk_full_stop_no_run(scans, tmp_path, monkeypatch, capsys):
    class Full:
        def write(self, text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

    monkeypatch.setattr(html_report.tempfile, "TemporaryFile", lambda *args, **options: Full())
    assert run_folder(pairs_of(scans, tmp_path / "out"), keep, report=tmp_path / "report.html") == 1
    assert below(tmp_path / "out") == below(scans)
    assert "report.html cannot be written (No space left on device); make room" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("options", [{"skip_existing": True}, {"overwrite": True}, {}])
def test_runs_that_share_a_folder_do_each_image_once(options, scans, tmp_path, capsys):
    for index in range(10):
        grey(index).save(scans / f"c{index}.png")
    pairs, begun, done = pairs_of(scans, tmp_path / "out"), threading.Barrier(3), []
    if "overwrite" in options:
        assert run_folder(pairs, keep) == 0
        capsys.readouterr()

    def slowly(scan):
        done.append(scan)
        time.sleep(0.01)
        return scan, ""

    statuses = []

    def run():
        begun.wait()
        statuses.append(run_folder(pairs, slowly, **options))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0, 0, 0]
    captured = capsys.readouterr()
    assert len(done) == len(pairs)
    assert sorted(captured.out.splitlines()) == sorted(str(target) for _, target in pairs)
    totals = [line for line in captured.err.splitlines() if f" of {len(pairs)}" in line]
    assert len(totals) == 3
    assert sum(int(line.split()[0]) for line in totals) == len(pairs)
    assert all("made by another run" in line or " 0 skipped" in line for line in totals)
    assert not list((tmp_path / "out").rglob(f"{PREFIX}*"))
