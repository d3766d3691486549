"""The JSON Schema of `sluice replay --format json`, from its types.

`python -m extauth.assurance.replay.schema > schemas/replay.schema.json` writes it anew.
"""

from __future__ import annotations

import json
import sys

from extauth.assurance.replay.report import Document
from extauth.audit.schema import schema_of


def schema() -> dict[str, object]:
    """The schema with everything that it refers to."""
    return schema_of(Document, "Replay")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
