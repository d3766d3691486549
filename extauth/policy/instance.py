"""One instance of a compiled policy: JSON bytes in, JSON bytes out, by OPA's Wasm ABI 1.2.

`opa-py-wasm` instantiates the module and loads its data. Its own evaluator takes some twelve calls
into the guest, each of which costs 10 to 60 us in wasmtime's Python wrapper, depending on its
arguments. So the arguments are baked into a module of a few instructions, and a decision takes one
call without arguments.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import wasmtime
from opapywasm.abi import OpaAbi
from opapywasm.data import DataManager
from opapywasm.memory import MemoryCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opapywasm.runtime import WasmtimeRuntimeFactory

INPUT_BYTES = 1 << 16
"""The most that an input may take. Facts take some 800 bytes."""

_DATA_BYTES = 1 << 26
_LENGTH = 4

_MODULE = """
(module
  (import "policy" "opa_eval" (func $opa_eval
    (param $reserved i32) (param $entrypoint i32) (param $data i32) (param $input i32)
    (param $length i32) (param $heap i32) (param $format i32) (result i32)))
  (import "policy" "memory" (memory 1))
  {functions})
"""
_FUNCTION = """
  (func (export "{name}") (result i32)
    (call $opa_eval
      (i32.const 0) (i32.const {entrypoint}) (i32.const {data}) (i32.const {input})
      (i32.load (i32.const {length})) (i32.const {heap}) (i32.const 0)))
"""


class WasmInstance:
    """A policy module with its data loaded. Not thread-safe, and never yields while it evaluates.

    Whatever `evaluate` raises leaves the instance unusable: close it and make another.
    """

    def __init__(self, factory: WasmtimeRuntimeFactory, data: bytes, ticks: int) -> None:
        """Instantiate the factory's module. An evaluation may last `ticks` of its epoch."""
        self._ticks = ticks
        self._runtime = factory.create_runtime()
        try:
            abi = OpaAbi(self._runtime)
            codec = MemoryCodec(
                abi,
                max_input_bytes=INPUT_BYTES,
                max_data_bytes=_DATA_BYTES,
                max_result_bytes=_DATA_BYTES,
                max_cstring_scan_bytes=_DATA_BYTES,
            )
            self.entrypoints = codec.decode_entrypoints()
            self.host_builtins = sorted(codec.decode_builtins())
            manager = DataManager(abi, codec, max_data_bytes=_DATA_BYTES)
            manager.load_data(data)
            self._buffer = abi.opa_malloc(_LENGTH + INPUT_BYTES)
            # opa_eval resets the heap to this pointer itself, so nothing piles up.
            self._functions = self._bind(factory, manager.data_addr, abi.opa_heap_ptr_get())
        except BaseException:
            self._runtime.close()
            raise
        self._store, self._memory = self._runtime.store, self._runtime.memory

    def evaluate(self, entrypoint: str, document: bytes) -> bytes:
        """The result set of `entrypoint`, `[{"result": ...}]` or `[]`, for an input document.

        `document` is at most INPUT_BYTES of JSON. Raises wasmtime.Trap when the time is up, and
        OpaAbortError when rules conflict.
        """
        store, memory = self._store, self._memory
        store.set_epoch_deadline(self._ticks)
        ctypes.memmove(
            ctypes.addressof(memory.data_ptr(store).contents) + self._buffer,
            len(document).to_bytes(_LENGTH, "little") + document,
            _LENGTH + len(document),
        )
        result = self._functions[entrypoint](store)
        # The memory may have grown, and so moved. OPA ends the text with NUL.
        return ctypes.string_at(ctypes.addressof(memory.data_ptr(store).contents) + result)

    def close(self) -> None:
        """Free the memory."""
        self._runtime.close()

    def _bind(
        self, factory: WasmtimeRuntimeFactory, data: int, heap: int
    ) -> Mapping[str, wasmtime.Func]:
        functions = "".join(
            _FUNCTION.format(
                name=name,
                entrypoint=number,
                data=data,
                input=self._buffer + _LENGTH,
                length=self._buffer,
                heap=heap,
            )
            for name, number in self.entrypoints.items()
        )
        store = self._runtime.store
        exports = wasmtime.Instance(
            store,
            wasmtime.Module(factory.engine, _MODULE.format(functions=functions)),
            [self._runtime.get_func("opa_eval"), self._runtime.memory],
        ).exports(store)
        return {
            name: function
            for name in self.entrypoints
            if isinstance(function := exports[name], wasmtime.Func)
        }
