"""`python -m bench`: measure, print the tables, write `bench/latest.json`.

Exit status: 0 when everything was measured, whether it met its targets or not; 1 when something
could not be; 2 when the load generator is missing.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.campaign import FULL, QUICK, Campaign
from bench.envoy import BENCH
from bench.errors import MeasurementFailed, WrkMissing
from bench.report import as_json, as_text, machine


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure how fast Sluice is.")
    parser.add_argument("--quick", action="store_true", help="a short run, for development")
    plan = QUICK if parser.parse_args().quick else FULL
    # So that being told to stop ends every process, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    about = machine()
    print(f"{about['cpu']}, {about['cores']} cores, load {about['load']}", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as workdir:
            measured = Campaign(plan, Path(workdir), lambda line: print(line, flush=True)).run()
    except WrkMissing as error:
        print(error, file=sys.stderr)
        return 2
    except MeasurementFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{as_text(measured)}")
    figures = json.dumps(as_json(measured, {**about, "plan": asdict(plan)}), indent=1)
    (BENCH / "latest.json").write_text(figures + "\n")
    return 1 if measured.failures else 0


if __name__ == "__main__":
    sys.exit(main())
