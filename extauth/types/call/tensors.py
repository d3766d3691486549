"""Tensors on the wire: JSON, or bytes behind it (Triton's protocol/extension_binary_data.md).

A binary body is the JSON, as long as `inference-header-content-length` says, then the bytes of
every tensor that has a `binary_data_size`, in order. Elements are row-major and little-endian; an
element of a BYTES tensor is its length in four bytes, then itself. JSON data may be nested.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types.call.strings import Change

HEADER_LENGTH: Final = "inference-header-content-length"

_FORMATS: Final = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_LENGTH: Final = struct.Struct("<I")

Dimension = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class BinarySize(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor's `parameters`, as far as they are understood."""

    binary_data_size: Annotated[int, Meta(ge=0)] | None = None


class TensorHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor as it stands in the JSON."""

    name: str
    datatype: str
    shape: list[Dimension]
    parameters: BinarySize | None = None
    data: msgspec.Raw = msgspec.Raw()


class Tensor(msgspec.Struct, frozen=True):
    """A tensor with its data.

    `texts` are the elements of a BYTES tensor, None when they are not UTF-8 or it is another type.
    `data` is what came: the tensor's bytes when `binary`, else its JSON.
    """

    name: str
    datatype: str
    shape: list[int]
    binary: bool
    data: bytes
    texts: list[str] | None = None

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def changed(self, change: Change) -> Tensor:
        """Return the tensor with `change` applied to its texts."""
        if self.texts is None:
            return self
        texts = [change(text) for text in self.texts]
        return Tensor(self.name, self.datatype, self.shape, self.binary, b"", texts)

    def numbers(self) -> list[object]:
        """Return the elements of a tensor of numbers. Raises ValueError for broken promises."""
        if self.binary:
            code = _FORMATS.get(self.datatype)
            if code is None or struct.calcsize(code) * self.size != len(self.data):
                raise ValueError("its data does not fit its datatype and shape")
            return list(struct.unpack(f"<{self.size}{code}", self.data))
        return _flat(msgspec.json.decode(self.data))

    def counting(self, values: list[object]) -> Tensor:
        """Return the tensor of numbers with these elements; itself when they are the same."""
        if values == self.numbers():
            return self
        if self.binary:
            data = struct.pack(f"<{self.size}{_FORMATS[self.datatype]}", *values)
        else:
            data = msgspec.json.encode(values)
        return Tensor(self.name, self.datatype, self.shape, self.binary, data)


def numeric(name: str, datatype: str, shape: list[int], values: Sequence[object]) -> Tensor:
    """Return a tensor of numbers, as JSON."""
    return Tensor(name, datatype, shape, binary=False, data=msgspec.json.encode(values))


def is_text(element: str) -> bool:
    """Tell whether the bytes of an element were UTF-8, where others were read as well."""
    try:
        element.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_tensors(
    heads: Sequence[TensorHead],
    tail: bytes,
    *,
    errors: Literal["strict", "surrogateescape"] = "strict",
) -> list[Tensor]:
    """Join tensors with their data. ValueError, its message safe to tell, when they don't fit.

    With `surrogateescape` (PEP 383) a BYTES tensor that is not UTF-8 has texts too, and
    `write_tensors` gives its bytes back.
    """
    tensors = []
    offset = 0
    for head in heads:
        size = head.parameters.binary_data_size if head.parameters else None
        if size is not None:
            data = tail[offset : offset + size]
            if len(data) != size:
                raise ValueError("the binary data is shorter than 'binary_data_size' tells")
            offset += size
        else:
            data = bytes(head.data)
            if not data.startswith(b"["):
                raise ValueError(f"tensor '{head.name}' has no data")
        texts = None
        if head.datatype == "BYTES":
            texts = _texts(head, data, errors, binary=size is not None)
        elif size is None and b'"' in data:
            raise ValueError(f"tensor '{head.name}' holds a string")
        tensors.append(Tensor(head.name, head.datatype, head.shape, size is not None, data, texts))
    if offset != len(tail):
        raise ValueError("the binary data is longer than 'binary_data_size' tells")
    return tensors


def write_tensors(tensors: Sequence[Tensor]) -> tuple[list[TensorHead], bytes]:
    """Return what goes into the JSON, and the binary data behind it."""
    heads = []
    tail = []
    for tensor in tensors:
        data = tensor.data
        if tensor.binary:
            if tensor.texts is not None:
                data = pack([text.encode(errors="surrogateescape") for text in tensor.texts])
            tail.append(data)
            heads.append(
                TensorHead(tensor.name, tensor.datatype, tensor.shape, BinarySize(len(data)))
            )
        else:
            if tensor.texts is not None:
                data = msgspec.json.encode(tensor.texts)
            heads.append(
                TensorHead(tensor.name, tensor.datatype, tensor.shape, data=msgspec.Raw(data))
            )
    return heads, b"".join(tail)


def pack(elements: Sequence[bytes]) -> bytes:
    """Return the binary form of a BYTES tensor."""
    return b"".join([_LENGTH.pack(len(element)) + element for element in elements])


def unpack(data: bytes) -> list[bytes]:
    """Return the elements of a binary BYTES tensor. Raises ValueError for impossible lengths."""
    elements = []
    offset = 0
    while offset < len(data):
        start = offset + _LENGTH.size
        if start > len(data):
            raise ValueError("a BYTES tensor ends within a length")
        (length,) = _LENGTH.unpack_from(data, offset)
        offset = start + length
        if offset > len(data):
            raise ValueError("a BYTES tensor ends within an element")
        elements.append(data[start:offset])
    return elements


def _texts(head: TensorHead, data: bytes, errors: str, *, binary: bool) -> list[str] | None:
    if binary:
        elements = unpack(data)
        try:
            texts = [element.decode(errors=errors) for element in elements]
        except UnicodeDecodeError:
            texts = None
        count = len(elements)
    else:
        values = _flat(msgspec.json.decode(data))
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) != len(values):
            raise ValueError(f"tensor '{head.name}' holds other things than strings")
        count = len(values)
    if count != math.prod(head.shape):
        raise ValueError(f"tensor '{head.name}' does not have as many elements as its shape")
    return texts


def _flat(value: object) -> list[object]:
    if not isinstance(value, list):
        return [value]
    flat: list[object] = []
    for item in value:
        if isinstance(item, list):
            flat.extend(_flat(item))
        else:
            flat.append(item)
    return flat
