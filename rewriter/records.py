"""Dataclasses whose methods are compiled once they are called often: a run makes few of most, and none of many.

`dataclasses` compiles six methods for each class while its module is imported, which took half of the start of a run.
To checkers, readers and callers these are dataclasses in every way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    import operator
    from dataclasses import MISSING, FrozenInstanceError, fields
    from functools import partial
    from types import MemberDescriptorType

    #: So many calls of a method take less than to compile it.
    _FEW = 24
    _NOT_SO = object()
    _EQUAL = {"__eq__": ("==", operator.eq)}
    _ORDER = {
        "__lt__": ("<", operator.lt),
        "__le__": ("<=", operator.le),
        "__gt__": (">", operator.gt),
        "__ge__": (">=", operator.ge),
    }

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, order=False, kw_only=False):
        """As `dataclasses.dataclass`, which has more options."""
        made = partial(_made, frozen=frozen, slots=slots, eq=eq, order=order, kw_only=kw_only)
        return made if cls is None else made(cls)

    def _made(cls, frozen, slots, eq, order, kw_only):
        given = {name for name in ("__init__", "__repr__", "__eq__", "__hash__") if cls.__dict__.get(name) is not None}
        cls.__doc__ = cls.__doc__ or cls.__name__  # Else it is made of the signature, which takes a while.
        cls = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
        methods = {"__init__": _at_first(cls, "__init__", _init_of, _init_slowly), "__repr__": _repr}
        for name, (sign, how) in ((_EQUAL if eq else {}) | (_ORDER if order else {})).items():
            compiled = partial(_comparing, name=name, sign=sign)
            methods[name] = _at_first(cls, name, compiled, partial(_comparing_slowly, how=how))
        if eq:
            methods["__hash__"] = _at_first(cls, "__hash__", _hash_of, _hash_slowly) if frozen else None
        if frozen:
            methods |= {"__setattr__": _refuse_change, "__delattr__": _refuse_removal}
            if slots:
                methods |= {"__getstate__": _state, "__setstate__": _restore}
        for name, method in methods.items():
            if name not in given:
                setattr(cls, name, method)
        return cls

    def _at_first(cls, name, compiled, slowly):
        """A method that does without compiling for its first calls, then puts the compiled one in its own place."""
        left = _FEW
        slow = None

        def method(self, *given, **named):
            nonlocal left, slow
            left -= 1
            if left > 0:
                slow = slow or slowly(cls)
                found = slow(self, *given, **named)
                if found is not _NOT_SO:
                    return found
            own = compiled(cls)
            setattr(cls, name, own)
            return own(self, *given, **named)

        return method

    def _put_of(cls, name):
        """What sets a field by its place, twice as fast as by its name; None where it has none."""
        place = getattr(cls, name, None)
        return place.__set__ if isinstance(place, MemberDescriptorType) else None

    def _init_slowly(cls):
        """Arguments that do not fit are left to the compiled one, which says what is wrong with them."""
        every = fields(cls)
        places = [member.name for member in every if member.init and not member.kw_only]
        own = {member.name for member in every if not member.init}
        plan = [
            (
                member.name,
                _put_of(cls, member.name) or partial(_put_by_name, member.name),
                member.default,
                member.default_factory,
            )
            for member in every
        ]
        after = getattr(cls, "__post_init__", None)

        def init(self, *given, **named):
            values = dict(zip(places, given, strict=False))
            if len(given) > len(places) or values.keys() & named.keys() or own & named.keys():
                return _NOT_SO
            values.update(named)
            for name, put, default, factory in plan:
                if name in values:
                    put(self, values.pop(name))
                elif default is not MISSING:
                    put(self, default)
                elif factory is not MISSING:
                    put(self, factory())
                elif name not in own:
                    return _NOT_SO
            if values:
                return _NOT_SO
            if after is not None:
                self.__post_init__()
            return None

        return init

    def _put_by_name(name, made, value):
        object.__setattr__(made, name, value)

    def _init_of(cls):
        required, optional, named, lines = [], [], [], []
        values = {"_not_given": MISSING}
        for member in fields(cls):
            default, factory = f"_default_{member.name}", f"_made_{member.name}"
            value = member.name
            if member.default is not MISSING:
                values[default] = member.default
                parameter = f"{member.name}={default}"
                value = member.name if member.init else default
            elif member.default_factory is not MISSING:
                values[factory] = member.default_factory
                parameter = f"{member.name}=_not_given"
                value = (
                    f"{factory}() if {member.name} is _not_given else {member.name}" if member.init else f"{factory}()"
                )
            else:
                parameter = member.name
            if member.init:
                (named if member.kw_only else required if parameter == member.name else optional).append(parameter)
            elif value == member.name:
                continue
            put = _put_of(cls, member.name)
            values[f"_put_{member.name}"] = put or object.__setattr__
            lines.append(f"_put_{member.name}(self, {'' if put else repr(member.name) + ', '}{value})")
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        parameters = ["self", *required, *optional, *(["*", *named] if named else [])]
        return _compiled(cls, "__init__", parameters, lines or ["pass"], values)

    def _comparing(cls, name, sign):
        used = [member.name for member in fields(cls) if member.compare]
        mine, others = _values(used, "self"), _values(used, "other")
        lines = [f"return {mine} {sign} {others} if other.__class__ is self.__class__ else NotImplemented"]
        return _compiled(cls, name, ["self", "other"], lines, {})

    def _comparing_slowly(cls, how):
        used = [member.name for member in fields(cls) if member.compare]

        def comparing(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return how(tuple(getattr(self, name) for name in used), tuple(getattr(other, name) for name in used))

        return comparing

    def _hash_slowly(cls):
        used = _hashed(cls)
        return lambda self: hash(tuple(getattr(self, name) for name in used))

    def _hashed(cls):
        return [member.name for member in fields(cls) if (member.compare if member.hash is None else member.hash)]

    def _hash_of(cls):
        return _compiled(cls, "__hash__", ["self"], [f"return hash({_values(_hashed(cls), 'self')})"], {})

    def _values(names, whose):
        return f"({''.join(f'{whose}.{name}, ' for name in names)})"

    def _compiled(cls, name, parameters, lines, values):
        body = "".join(f"  {line}\n" for line in lines)
        found = {}
        text = f"def made({', '.join(values)}):\n def {name}({', '.join(parameters)}):\n{body} return {name}\n"
        exec(text, {"__name__": cls.__module__}, found)
        method = found["made"](**values)
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        return method

    def _repr(self):
        shown = ", ".join(f"{member.name}={getattr(self, member.name)!r}" for member in fields(self) if member.repr)
        return f"{self.__class__.__qualname__}({shown})"

    def _refuse_change(self, name, _value):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_removal(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _state(self):
        return [getattr(self, member.name) for member in fields(self)]

    def _restore(self, state):
        for member, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, member.name, value)
