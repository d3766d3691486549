"""A model's `signature.yaml` and its backend's profile to Triton's `config.pbtxt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extauth.compiler.document import Document, read_document
from extauth.compiler.validation import validate
from extauth.settings import Model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.settings import Auxiliary, BackendSettings

# Triton, model_config.proto: 1 is the highest priority. The gateway owns the parameter.
_PRIORITY_LEVELS = 3
_DEFAULT_PRIORITY = 2
_QUEUE_MICROSECONDS = 10_000_000
_QUEUE_SIZE = 256
_BATCH_DELAY_MICROSECONDS = 500

# One process a core would starve the gateway; a GPU has room for two streams of work.
_INSTANCES = {"cpu": ("KIND_CPU", 1), "gpu": ("KIND_GPU", 2)}


def model_config(model: Model | Auxiliary, backend: BackendSettings, repository: Path) -> bytes:
    """`config.pbtxt` of one model.

    Raises ConfigurationError for a bad signature, or one that takes less than the model promises.
    """
    document = read_signature(repository)
    most = document.value["context_length"]
    if isinstance(model, Model) and model.context_length > most:
        raise document.error(
            ("context_length",),
            f"the model takes {most} tokens, but models.{model.name}.context_length is "
            f"{model.context_length}",
        )
    return ("\n".join(_lines(model, backend, document.value)) + "\n").encode()


def read_signature(repository: Path) -> Document:
    """Read the signature of a model. Raises ConfigurationError for one that is not valid."""
    document = read_document(repository / "signature.yaml")
    validate(document, "signature")
    return document


def _lines(
    model: Model | Auxiliary, backend: BackendSettings, signature: dict[str, Any]
) -> Iterator[str]:
    batch, decoupled = signature["max_batch_size"], signature["decoupled"]
    kind, count = _INSTANCES[backend.profile]
    yield f'name: "{model.name}"'
    yield 'backend: "python"'
    yield f"max_batch_size: {batch}"
    for side in ("input", "output"):
        for tensor in signature[f"{side}s"]:
            yield from _tensor(side, tensor)
    yield "model_transaction_policy {"
    yield f"  decoupled: {str(decoupled).lower()}"
    yield "}"
    yield f"instance_group {{\n  count: {count}\n  kind: {kind}\n}}"
    if batch > 0:
        yield from _batching(batch)
    yield "version_policy {"
    yield f"  specific {{\n    versions: [{', '.join(model.versions)}]\n  }}"
    yield "}"


def _tensor(side: str, tensor: dict[str, Any]) -> Iterator[str]:
    kind = "STRING" if tensor["data_type"] == "BYTES" else tensor["data_type"]
    yield f"{side} {{"
    yield f'  name: "{tensor["name"]}"'
    yield f"  data_type: TYPE_{kind}"
    yield f"  dims: [{', '.join(map(str, tensor['dims']))}]"
    if tensor.get("optional"):
        yield "  optional: true"
    yield "}"


def _batching(largest: int) -> Iterator[str]:
    yield "dynamic_batching {"
    yield f"  preferred_batch_size: [{largest}]"
    yield f"  max_queue_delay_microseconds: {_BATCH_DELAY_MICROSECONDS}"
    yield f"  priority_levels: {_PRIORITY_LEVELS}"
    yield f"  default_priority_level: {_DEFAULT_PRIORITY}"
    yield "  default_queue_policy {"
    yield "    timeout_action: REJECT"
    yield f"    default_timeout_microseconds: {_QUEUE_MICROSECONDS}"
    yield "    allow_timeout_override: true"
    yield f"    max_queue_size: {_QUEUE_SIZE}"
    yield "  }"
    yield "}"
