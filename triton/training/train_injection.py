"""Train the `injection` model on prompts.yaml, and measure it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import yaml

HERE = Path(__file__).parent
MODEL = HERE.parent / "models/injection/1/weights.npz"
sys.path.insert(0, str(HERE.parent / "runtime"))

from fitting import fit, quantised  # noqa: E402 - it imports the runtime
from sluice_triton.grams import WINDOW, Scorer, grams, windows  # noqa: E402
from sluice_triton.hashing import slots  # noqa: E402

SIZE = 1 << 15
COPIES = 20
SEED = 7
LABELS = ("ordinary", "injection")
LONGEST = 3 * WINDOW


def main() -> None:
    document = yaml.safe_load((HERE / "prompts.yaml").read_text("utf-8"))
    rows, wanted = [], []
    for number, label in enumerate(LABELS):
        for prompt in document[label]:
            for window in windows(prompt)[:1]:
                row = slots(grams(window), SIZE)
                rows.append(row + [-1] * (LONGEST - len(row)))
                wanted.append(number)
    weights = fit(
        np.array(rows * COPIES, np.int32),
        np.array(wanted * COPIES, np.int32),
        size=SIZE,
        labels=len(LABELS),
        seed=SEED,
    )
    whole, scales = quantised(weights)
    MODEL.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(MODEL, weights=whole, scales=scales, labels=np.array(LABELS))
    print(f"{MODEL.stat().st_size} bytes")
    scorer = Scorer(MODEL)
    for label in LABELS:
        for prompt in document["held_out"][label]:
            print(f"{scorer.score(prompt)[1]:.2f} {label}: {prompt}")


if __name__ == "__main__":
    main()
