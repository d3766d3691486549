"""The default engine: policies compiled to Wasm, evaluated in process."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
import wasmtime
from opapywasm import OpaWasmError
from opapywasm.runtime import WasmtimeRuntimeFactory

from extauth.errors import ConfigurationError, PolicyError, PolicyUnavailable
from extauth.obligations import Admission, Decision
from extauth.policy.engine import LISTING, Entrypoint, Listing, malformed, undefined
from extauth.policy.instance import INPUT_BYTES, WasmInstance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.snapshot import Snapshot
    from extauth.types import Facts, ListingFacts

_MEMORY_PAGES = 4096
_REMEMBERED = 4096


T = TypeVar("T")


class _Row(msgspec.Struct, Generic[T], frozen=True):
    """A row of OPA's result set."""

    result: T


class WasmEngine:
    """Engine that decides in process.

    An evaluation is synchronous and never yields, so the tasks of one event loop share the one
    instance safely; threads must not. Admission is a pure function of its input, which holds the
    time to the minute, so its latest decisions are remembered; those of inference, whose usage
    always differs, are not.
    """

    name = "wasm"

    def __init__(self, directory: Path, timeout: float) -> None:
        """Load `policy.wasm` and `data.json`. An evaluation may last `timeout` seconds.

        The bound is kept to about 10 ms. Raises ConfigurationError when the module is missing,
        does not come from OPA, lacks an entry point, or needs builtins that Wasm does not have.
        """
        module = directory / "policy.wasm"
        try:
            self._data = (directory / "data.json").read_bytes()
            self._factory = WasmtimeRuntimeFactory(
                module.read_bytes(), max_memory_pages=_MEMORY_PAGES
            )
            self._ticks = self._factory.epoch.deadline_ticks(timeout)
            self._instance: WasmInstance | None = self._instantiate()
        except OSError as error:
            raise ConfigurationError(f"{error.strerror}; compile it again", file=module) from None
        except (OpaWasmError, wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise ConfigurationError(
                f"not a policy that OPA compiled: {error}", file=module
            ) from None
        try:
            _check(self._instance, module)
        except ConfigurationError:
            self._instance.close()
            raise
        self._closed = False
        self._factory.epoch.ensure_running()
        self._encode = msgspec.json.Encoder().encode
        self._early = msgspec.json.Decoder(list[_Row[Admission]]).decode
        self._decision = msgspec.json.Decoder(list[_Row[Decision]]).decode
        self._listing = msgspec.json.Decoder(list[_Row[Listing]]).decode
        self._admission = lru_cache(_REMEMBERED)(self._admit)

    @classmethod
    def open(cls, snapshot: Snapshot) -> WasmEngine:
        """Open the engine of a snapshot. Raises ConfigurationError."""
        return cls(snapshot.root / "policy", snapshot.settings.policy.timeout)

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """See PolicyEngine. Does not yield to the event loop."""
        return self.ask(entrypoint, facts)

    def ask(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Decide without an event loop, in the one thread that uses the engine. See `decide`."""
        document = self._encode(facts)
        if entrypoint is Entrypoint.ADMISSION:
            return self._admission(document)
        return self._evaluate(entrypoint, document, self._decision)

    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        """See PolicyEngine. Does not yield to the event loop."""
        return self.ask_models(facts)

    def ask_models(self, facts: ListingFacts) -> frozenset[str]:
        """List models without an event loop. See `list_models`."""
        return self._evaluate(LISTING, self._encode(facts), self._listing).models

    async def close(self) -> None:
        """Free the instance and stop the clock of the time bound."""
        self._closed = True
        self._discard()
        self._admission.cache_clear()
        self._factory.close()

    def _admit(self, document: bytes) -> Decision:
        return self._evaluate(Entrypoint.ADMISSION, document, self._early).decision()

    def _evaluate(
        self, entrypoint: str, document: bytes, decode: Callable[[bytes], list[_Row[T]]]
    ) -> T:
        if len(document) > INPUT_BYTES:
            raise PolicyError(f"the facts take more than {INPUT_BYTES} bytes")
        if self._closed:
            raise PolicyUnavailable("the engine is closed", retry_after=1)
        if self._instance is None:
            self._instance = self._instantiate()
        try:
            rows = decode(self._instance.evaluate(entrypoint, document))
        except msgspec.MsgspecError as error:
            raise malformed(entrypoint, error) from None
        except wasmtime.Trap as trap:
            self._discard()
            if trap.trap_code == wasmtime.TrapCode.INTERRUPT:
                raise PolicyUnavailable(
                    f"the decision {entrypoint} took too long", retry_after=1
                ) from None
            raise PolicyError(f"the decision {entrypoint} failed: {trap.message}") from None
        except (OpaWasmError, wasmtime.WasmtimeError) as error:
            self._discard()
            raise PolicyError(f"the decision {entrypoint} failed: {error}") from None
        if not rows:
            raise undefined(entrypoint)
        return rows[0].result

    def _instantiate(self) -> WasmInstance:
        return WasmInstance(self._factory, self._data, self._ticks)

    def _discard(self) -> None:
        if self._instance is not None:
            self._instance.close()
            self._instance = None


def _check(instance: WasmInstance, module: Path) -> None:
    missing = [entry for entry in (*Entrypoint, LISTING) if entry not in instance.entrypoints]
    if missing:
        raise ConfigurationError(
            f"no entry point {', '.join(missing)}; compile it again", file=module
        )
    if instance.host_builtins:
        raise ConfigurationError(
            f"Wasm lacks the builtins {', '.join(instance.host_builtins)}: do without them, or "
            "choose `policy.engine: opa`",
            file=module,
        )
