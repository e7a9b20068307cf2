"""Several processes that write: forked workers, children of multiprocessing, one spool for all.

What each way of ending costs is in `test_client_loss`.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.writing import PRELUDE, Writing, once

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")


@pytest.mark.parametrize("method", ["fork", "spawn", "pool", "terminated pool"])
def test_children_of_multiprocessing(writing: Writing, method: str, tmp_path: Path) -> None:
    # They end by os._exit, after finalizers of their own and without atexit.
    script = tmp_path / "program.py"
    script.write_text(
        "import sys\n"
        "sys.argv[1:] = [" + repr("{}") + "] if len(sys.argv) < 2 else sys.argv[1:]\n"
        "import json, multiprocessing, os\n"
        "from support.writing import PRELUDE\n"
        "if 'GIVEN' in os.environ: sys.argv[1:] = [os.environ['GIVEN']]\n"
        "os.environ['GIVEN'] = sys.argv[1]\n"
        "exec(PRELUDE)\n"
        "def work(k):\n"
        "    put(k * 1000, k * 1000 + 500)\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context({'spawn' if method == 'spawn' else 'fork'!r})\n"
        "    put(5000, 5500)\n"
        + (
            "    pool = context.Pool(2)\n"
            "    pool.map(work, range(3), chunksize=1)\n"
            "    pool.close(); pool.join()\n"
            if method == "pool"
            # The end of the block sends SIGTERM to the workers.
            else "    with context.Pool(2) as pool: pool.map(work, range(3), chunksize=1)\n"
            if method == "terminated pool"
            else "    children = [context.Process(target=work, args=(k,)) for k in range(2)]\n"
            "    [each.start() for each in children]; [each.join() for each in children]\n"
        )
    )
    text = f"runpy.run_path({str(script)!r}, run_name='__main__')"
    program = writing.program(text, prelude="import runpy\n", linger=60)
    assert program.ends() == 0, program.errors
    expected = once(5000, 5500) + once(0, 500) + once(1000, 1500)
    assert writing.ids() == expected + (once(2000, 2500) if "pool" in method else Counter())


def test_workers_forked_before_they_serve(writing: Writing) -> None:
    """As with gunicorn and a preloaded application: made once, used after the fork, SIGTERM."""
    program = writing.program(
        """
put(9000, 9010)
workers = []
for k in range(3):
    child = os.fork()
    if not child:
        alive = True
        def stop(*_):
            global alive
            alive = False
        signal.signal(signal.SIGTERM, stop)
        threads = [threading.Thread(target=put, args=(k * 1000 + t * 100, k * 1000 + t * 100 + 100))
                   for t in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        say('serving')
        while alive: time.sleep(0.01)
        sys.exit(0)
    workers.append(child)
def end(*_):
    for each in workers:
        os.kill(each, signal.SIGTERM)
    for each in workers:
        os.waitpid(each, 0)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
say('master')
while True: time.sleep(0.01)
""",
        linger=60,
    )
    assert program.process.stdout is not None
    assert sorted(program.process.stdout.readline().strip() for _ in range(4)) == [
        "master", *["serving"] * 3
    ]  # fmt: skip
    program.process.send_signal(signal.SIGTERM)
    assert program.ends() == 0, program.errors
    assert writing.ids() == once(9000, 9010) + sum(
        (once(k * 1000, k * 1000 + 400) for k in range(3)), Counter()
    )


def test_two_processes_find_the_same_spool(writing: Writing, tmp_path: Path) -> None:
    assert writing.program("put(0, 500); os._exit(0)", spool=tmp_path, linger=60).ends() == 0
    others = [writing.program("app.flush(60)", spool=tmp_path) for _ in range(2)]
    for other in others:
        assert other.ends() == 0, other.errors
    assert writing.ids() == once(0, 500)


def test_two_processes_that_end_at_once_with_one_spool(writing: Writing, tmp_path: Path) -> None:
    """Each has some on its way and some on disk; the next one delivers what both left."""
    writing.endpoint.hang.set()
    text = "put({0}, {0} + 300); say('ready'); sys.stdin.readline()"
    both = [
        writing.program(text.format(k * 1000), spool=tmp_path, capacity=50, exit_seconds=0.3)
        for k in range(2)
    ]
    for program in both:
        program.says("ready")
    for program in both:
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
    for program in both:
        assert program.ends() == 0, program.errors
    writing.endpoint.hang.clear()
    after = writing.program("while app.stats.delivered < 600: app.flush(1)", spool=tmp_path)
    assert after.ends() == 0, after.errors
    assert set(writing.ids()) == set(once(0, 300) + once(1000, 1300)), "lost"
    counted = Counter(each["bulkhead.record.id"] for each in writing.arrived() if "_aws" in each)
    assert max(counted.values()) == 1
    assert list(tmp_path.rglob("*.spool")) == []


def test_a_fork_while_a_spool_is_taken_over(writing: Writing, tmp_path: Path) -> None:
    """The child neither delivers what the parent found nor keeps it from being found."""
    assert writing.program("put(0, 300); os._exit(0)", spool=tmp_path, linger=60).ends() == 0
    program = writing.program(
        """
child = os.fork()
if not child:
    put(1000, 1100)
    assert app.flush(60)
    sys.exit(0)
go.set()
assert os.waitpid(child, 0)[1] == 0
while app.stats.delivered < 300: app.flush(1)
""",
        # The thread that takes it over stands in the middle of that until the fork is done.
        prelude="import threading\nfrom bulkhead.segment import Segment\n"
        "go, inside, real = threading.Event(), threading.Event(), Segment._leftovers\n"
        "def slow(self):\n    inside.set(); go.wait(20)\n    return real(self)\n"
        "Segment._leftovers = slow\n" + PRELUDE + "assert inside.wait(20)\n",
        spool=tmp_path,
    )
    assert program.ends() == 0, program.errors
    assert writing.ids() == once(0, 300) + once(1000, 1100)
    assert list(tmp_path.rglob("*.spool")) == []


def test_a_child_that_lives_on_does_not_hold_what_its_dead_parent_left(
    writing: Writing, tmp_path: Path
) -> None:
    program = writing.program(
        """
put(0, 100)
if not os.fork():
    say('alive')
    sys.stdin.read()
    os._exit(0)
time.sleep(60)
""",
        spool=tmp_path,
        linger=60,
    )
    program.says("alive")
    program.process.kill()
    after = writing.program("app.flush(60)", spool=tmp_path)
    assert after.ends() == 0, after.errors
    assert writing.ids() == once(0, 100)
    program.ends()  # the child, when its standard input ends


def test_a_forked_child_leaves_the_parents_spool_alone(writing: Writing, tmp_path: Path) -> None:
    program = writing.program(
        """
put(0, 100)
child = os.fork()
if not child:
    put(100, 200)
    os._exit(0)  # its records are in a spool of its own
os.waitpid(child, 0)
put(200, 300)
""",
        spool=tmp_path,
        linger=60,
    )
    assert program.ends() == 0, program.errors
    assert writing.program("app.flush(60)", spool=tmp_path).ends() == 0
    assert writing.ids() == once(0, 300)
