"""What torch.save pickles of dicts, lists, numbers and tensors, read by a machine that knows nothing else.

A pickle is a program. Unpickled, it may call what it can name, set attributes of what it was given and fill memory
with a few bytes. This machine imports and calls nothing, and what it hands to the program are plain containers,
numbers, texts and named tuples. Opcodes: pickletools of the standard library; upstream: torch/_utils.py.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
_ORDERED_DICT = ("collections", "OrderedDict")
_TENSOR = ("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = ("torch._utils", "_rebuild_parameter")

# what their argument is, is what they push
_PLAIN = {
    *(
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "LONG4",
        "BINFLOAT",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
    ),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KEYS = (
    str,
    int,
    float,
    type(None),
)  # of dicts; and nothing is shown: tuples of tuples may take years to hash or say
_MARK = object()
_MOST_STEPS = 4_000_000  # 30 for each tensor


class PickleError(ValueError):
    """The pickle is damaged, or does what no checkpoint does."""


class StrangerError(PickleError):
    """It names something that is neither a tensor nor a plain container."""


class Global(NamedTuple):
    """A name that a pickle refers to; nothing is looked up."""

    module: str
    name: str


class Storage(NamedTuple):
    """`count` numbers of a type (a key of weights.header.NUMPY_TYPES), in the file under `key`."""

    dtype: str
    key: str
    count: int


class View(NamedTuple):
    """A tensor: where it lies in its storage, in elements. Nothing of it was compared with the storage yet."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_pickle(data: bytes) -> Any:
    """Dicts (in the place of OrderedDicts, too), lists, tuples, numbers, texts and Views.

    Attributes that are set on dicts are left out, and so are entries whose key is no text or number. Raises
    PickleError, and StrangerError for names that it does not know.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count == _MOST_STEPS:
                raise PickleError(f"more than {count} opcodes")
            machine.step(opcode.name, argument)
        (result,) = _unmarked(machine.stack, 1)
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise PickleError(f"{type(error).__name__}: {str(error)[:200]}") from None
    return result


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Run one opcode."""
        stack = self.stack
        if name in _PLAIN:
            stack.append(argument)
        elif name in _NEW:
            stack.append(_NEW[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack[-count:] = [tuple(_unmarked(stack[-count:], count))]
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name in ("SETITEM", "SETITEMS"):
            pairs = (
                self._since_mark() if name == "SETITEMS" else _unmarked([stack.pop(), stack.pop()][::-1], 2)
            )
            _of(stack[-1], dict).update(
                {
                    key: value
                    for key, value in zip(pairs[::2], pairs[1::2], strict=True)
                    if isinstance(key, _KEYS)
                }
            )
        elif name in ("APPEND", "APPENDS"):
            items = self._since_mark() if name == "APPENDS" else [stack.pop()]
            _of(stack[-1], list).extend(_unmarked(items, len(items)))
        elif name == "GLOBAL":
            stack.append(_known(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            what, module = stack.pop(), stack.pop()
            stack.append(_known(module, what))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            arguments = _of(stack.pop(), tuple)
            stack.append(_rebuilt(_of(stack.pop(), Global), arguments))
        elif name == "BUILD":  # attributes of an OrderedDict: a state_dict has versions of its modules there
            stack.pop()
            _of(stack[-1], dict)
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise PickleError(f"the opcode {name}, which no checkpoint has")

    def _since_mark(self) -> list[Any]:
        """What was pushed after the last mark, both taken off."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise PickleError("a mark is missing")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items


def _of(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise PickleError(f"a {type(value).__name__} in the place of a {kind.__name__}")
    return value


def _unmarked(items: list[Any], count: int) -> list[Any]:
    if len(items) != count or any(item is _MARK for item in items):
        raise PickleError("a mark in the wrong place")
    return items


def _known(module: Any, name: Any) -> Global:
    _of(module, str), _of(name, str)
    if (module, name) in (_ORDERED_DICT, _TENSOR, _PARAMETER) or (module == "torch" and name in STORAGES):
        return Global(module, name)
    raise StrangerError(f"{module:.60}.{name:.60}")


def _storage(reference: Any) -> Storage:
    tag, kind, key, _location, count = _of(reference, tuple)
    module, name = _of(kind, Global)
    if tag != "storage" or module != "torch" or type(key) is not str or type(count) is not int or count < 0:
        raise PickleError("an unknown reference to a storage")
    return Storage(STORAGES[name], key, count)


def _rebuilt(function: Global, arguments: tuple[Any, ...]) -> Any:
    if function == _ORDERED_DICT and not arguments:
        return {}
    if function == _PARAMETER and arguments:
        return _of(arguments[0], View)
    if function == _TENSOR and len(arguments) >= 4:
        storage, offset, size, stride = arguments[:4]
        size, stride = _of(size, tuple), _of(stride, tuple)
        if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
            raise PickleError("a tensor of impossible size")
        return View(_of(storage, Storage), offset, size, stride)
    raise PickleError(f"{function.module}.{function.name} is called with {len(arguments)} arguments")
