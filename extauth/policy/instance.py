"""An instance of a compiled policy: JSON bytes in, JSON bytes out, by OPA's Wasm ABI 1.2.

`opa-py-wasm` instantiates the module and loads its data. Its own evaluator takes some twelve calls
into the guest, each of which costs 10 to 60 us in wasmtime's Python wrapper, depending on its
arguments. So the arguments are baked into a module of a few instructions, and a decision takes one
call without arguments; and what surrounds it goes to wasmtime's C API directly.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import wasmtime
from opapywasm.abi import OpaAbi
from opapywasm.data import DataManager
from opapywasm.memory import MemoryCodec
from wasmtime import _bindings as capi
from wasmtime._ffi import dll
from wasmtime._func import maybe_raise_last_exn

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

_Trap = ctypes.POINTER(capi.wasm_trap_t)

# Both take less than a microsecond: these keep the interpreter lock, which others would take.
_c = ctypes.PyDLL(dll._name)
_data_of = _c.wasmtime_memory_data
_data_of.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
_data_of.restype = ctypes.c_void_p
_set_deadline = _c.wasmtime_context_set_epoch_deadline
_set_deadline.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
_set_deadline.restype = None


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
        self._context = self._runtime.store._context()
        self._context_address = ctypes.cast(self._context, ctypes.c_void_p).value
        self._memory = self._runtime.memory._memory
        self._memory_address = ctypes.addressof(self._memory)
        self._result = (capi.wasmtime_val_t * 1)()

    def evaluate(self, entrypoint: str, document: bytes) -> bytes:
        """Return the result set of `entrypoint` for an input: `[{"result": ...}]` or `[]`.

        `document` is at most INPUT_BYTES of JSON. Raises wasmtime.Trap when the time is up, and
        OpaAbortError when rules conflict.
        """
        _set_deadline(self._context_address, self._ticks)
        ctypes.memmove(
            _data_of(self._context_address, self._memory_address) + self._buffer,
            len(document).to_bytes(_LENGTH, "little") + document,
            _LENGTH + len(document),
        )
        trap = _Trap()
        # The lock is let go: the clock that ends an evaluation is a thread.
        error = capi.wasmtime_func_call(
            *(self._context, self._functions[entrypoint], None, 0, self._result, 1),
            ctypes.byref(trap),
        )
        if error or trap:
            failure = (
                wasmtime.WasmtimeError._from_ptr(error) if error else wasmtime.Trap._from_ptr(trap)
            )
            # What a builtin of ours raised comes first: the trap only tells that it did.
            maybe_raise_last_exn()
            raise failure
        # The memory may have grown, and so moved. OPA ends the text with NUL.
        data = _data_of(self._context_address, self._memory_address)
        return ctypes.string_at(data + self._result[0].of.i32)

    def close(self) -> None:
        """Free the memory."""
        self._runtime.close()

    def _bind(self, factory: WasmtimeRuntimeFactory, data: int, heap: int) -> Mapping[str, object]:
        """Return references to the functions, by entry point."""
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
            name: ctypes.byref(function._func)
            for name in self.entrypoints
            if isinstance(function := exports[name], wasmtime.Func)
        }
