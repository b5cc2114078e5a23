"""A quick way to make frozen values, and to make them anew with other fields: the same classes, in a third of the time.

A frozen dataclass sets each field by a call of `object.__setattr__`, since its own refuses. Of a class with many fields, like a line of an
invoice, that is most of what making one costs, and values are what reading and deriving make all day. Here a value is, while it is made,
of a twin class with the same slots that isn't frozen, so that its fields are set as those of any object are; then it becomes what it is.
Nobody else sees it before that.

    @assigned
    @dataclass(frozen=True, slots=True)
    class Point: ...

`replace` is that of `dataclasses`, which looks at every field by its name each time; here that is written out once for each class and the
names that are replaced.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

T = TypeVar("T")


def assigned(kind: type[T]) -> type[T]:
    """A frozen dataclass with slots whose values are made quickly. Raises TypeError for a class that does more than set its fields."""
    params = getattr(kind, "__dataclass_params__", None)
    if params is None or not params.frozen or "__slots__" not in vars(kind) or kind.__bases__ != (object,):
        raise TypeError(f"{kind.__name__} is no frozen dataclass with slots that stands by itself")
    of_kind = fields(kind)  # type: ignore[arg-type]  # it is a dataclass
    if hasattr(kind, "__post_init__") or any(not f.init or f.kw_only or f.default_factory is not MISSING for f in of_kind):
        raise TypeError(f"{kind.__name__} does more than set its fields when it is made")
    names = [f.name for f in of_kind]
    defaults = {f.name: f.default for f in of_kind if f.default is not MISSING}
    kind.__init__ = _making(kind, names, defaults)  # type: ignore[method-assign]  # what `dataclass` does, too
    return kind


def _making(kind: type[Any], names: list[str], defaults: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` of the same parameters, written out as `dataclasses` does it. One of a class that is derived from it is made as before."""
    parameters = [f"{name}=_default_{name}_" if name in defaults else name for name in names]
    lines = [
        f"if self.__class__ is not _kind_: return _before_(self, {', '.join(names)})",
        "_become_(self, '__class__', _twin_)",
        *(f"self.{name} = {name}" for name in names),
        "self.__class__ = _kind_",
    ]
    body = "\n  ".join(lines)
    known: dict[str, Any] = {f"_default_{name}_": default for name, default in defaults.items()}
    source = (
        f"def make(_kind_, _twin_, _become_, _before_):\n def __init__(self, {', '.join(parameters)}):\n  {body}\n return __init__"
    )
    exec(source, known)  # noqa: S102  # of names of fields alone
    twin = type(kind.__name__, (), {"__slots__": vars(kind)["__slots__"]})
    before = kind.__init__
    quick: Callable[..., None] = known["make"](kind, twin, object.__setattr__, before)
    quick.__qualname__, quick.__module__ = before.__qualname__, kind.__module__
    quick.__annotations__ = dict(before.__annotations__)
    return quick


# --- other fields -------------------------------------------------------------------------------------------------------------


class _Replacing(dict[tuple[Any, ...], Callable[..., Any]]):
    """What makes values anew, by their class and the names of the fields that are replaced, in the order given."""

    def __missing__(self, key: tuple[Any, ...]) -> Callable[..., Any]:
        kind, *changed = key
        of_kind = fields(kind)
        names = [f.name for f in of_kind]
        if not set(changed) <= set(names) or any(not f.init or f.kw_only for f in of_kind):
            found: Callable[..., Any] = dataclasses.replace  # which says what is wrong
        else:
            given = ", ".join(name if name in changed else f"_value_.{name}" for name in names)
            known: dict[str, Any] = {"_kind_": kind}
            exec(f"def anew(_value_, *, {', '.join(changed)}): return _kind_({given})", known)  # noqa: S102  # of names of fields alone
            found = known["anew"]
        self[key] = found
        return found


_replacing: Final = _Replacing()

if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414  # the checker knows that one's arguments by class
else:

    def replace(value: T, /, **changes: Any) -> T:
        """A value with other fields, as `dataclasses.replace` makes it."""
        return _replacing[(value.__class__, *changes)](value, **changes) if changes else dataclasses.replace(value)
