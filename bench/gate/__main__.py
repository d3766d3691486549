"""`python -m bench.gate --base REVISION`: compare the working tree with a revision.

Exit status: 0 when every ratio is within its limit; 1 when one is over; 2 when something can't be
measured.
"""

from __future__ import annotations

import argparse
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench.errors import MeasurementFailed
from bench.gate.checkout import Checkout, revision, working_tree
from bench.gate.instructions import instructions, require_valgrind
from bench.gate.memory import memory
from bench.gate.opcodes import opcodes
from bench.gate.service import prepare
from bench.gate.verdict import Figures, Limits, as_text, rows


def main() -> int:
    """Run the comparison."""
    arguments = _parser().parse_args()
    limits = Limits(arguments.limit, arguments.memory_limit)
    # So that being told to stop ends every process, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        require_valgrind()
        with tempfile.TemporaryDirectory(prefix="sluice-gate-") as directory:
            workdir = Path(directory)
            base = revision(arguments.base, workdir / "base")
            new = revision(arguments.new, workdir / "new") if arguments.new else working_tree()
            print(f"new: {new.title}; base: {base.title}; Python {platform.python_version()}")
            compared = rows(_figures(base, workdir), _figures(new, workdir), limits)
    except MeasurementFailed as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 2
    print(f"\n{as_text(compared)}\n")
    over = [row.what for row in compared if not row.passes]
    verdict = f"over the limit: {'; '.join(over)}" if over else "all within the limits"
    print(f"{verdict} ({time.monotonic() - started:.0f} s)")
    return 1 if over else 0


def _figures(checkout: Checkout, workdir: Path) -> Figures:
    def tell(what: str) -> None:
        print(f"{checkout.title}: {what} ...", flush=True)

    with tempfile.TemporaryDirectory(dir=workdir) as own:
        tell("compiling")
        command = prepare(checkout, Path(own))
        tell("memory")
        resident = memory(command)
        tell("opcodes")
        python = opcodes(command)
        tell("instructions")
        return Figures(instructions(command), python, resident)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.gate", description="Compare what a request costs with what it cost."
    )
    parser.add_argument(
        "--base", required=True, metavar="REVISION", help="the revision to compare with"
    )
    parser.add_argument(
        "--new", metavar="REVISION", help="what to compare, by default the working tree"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=Limits().work,
        help="highest ratio of instructions and opcodes",
    )
    parser.add_argument(
        "--memory-limit", type=float, default=Limits().memory, help="highest ratio of memory"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
