"""What of the code determines an outcome: a hash that comments, layout and other code leave alone.

An episode's identity holds the hash of the modules that run it, found by following their imports.
A hash is of the parsed code without docstrings, so an upgrade that touches none of these modules,
or only their comments, leaves every episode as it is; any other change makes it another episode.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from diagnose.errors import ConfigError

OURS = ("diagnose", "interventions")
EPISODE = "diagnose.episode"
# An episode with a model of our own never enters these; an outside agent names them itself.
_OUTSIDE = "diagnose.subjects.outside"
_SILENT = frozenset({"ctx", "kind", "type_comment"})  # of a node: they follow from the rest


def code_sha256(modules: Iterable[str], besides: Iterable[str] = ()) -> str:
    """Return the hash of ``modules`` and all of ours that they import.

    Args:
        modules: dotted names.
        besides: modules whose own closure is left out, because it is hashed elsewhere.
    """
    found = closure(tuple(modules)) - closure(tuple(besides))
    return _sha256("".join(f"{name}:{_parsed(name)[0]}\n" for name in sorted(found)))


def own_sha256(modules: Iterable[str]) -> str:
    """Return the hash of ``modules`` alone."""
    return _sha256("".join(f"{name}:{_parsed(name)[0]}\n" for name in sorted(modules)))


@cache
def closure(modules: tuple[str, ...]) -> frozenset[str]:
    """Return ``modules`` and every module of ours that they import, at any depth."""
    outside = any(_within(name, _OUTSIDE) for name in modules)
    found: set[str] = set()
    waiting = [name for name in modules if _source(name)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [one for one in _parsed(name)[1] if outside or not _within(one, _OUTSIDE)]
    return frozenset(found)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@cache
def _root(package: str) -> Path | None:
    spec = find_spec(package) if package else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]).parent if places else None


@cache
def _source(name: str) -> Path | None:
    """Return the file of a module; None for what is none, such as a class, and for our version."""
    root = _root(name.partition(".")[0])
    if root is None or name == "diagnose":
        return None
    place = root.joinpath(*name.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)


@cache
def _parsed(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the hash of a module's code, and the modules of ours that it names."""
    path = _source(name)
    if path is None:
        raise ConfigError("module", name, "its source must be a file that can be read")
    parts: list[str] = []
    named: set[str] = set()
    _walk(ast.parse(path.read_bytes()), parts.append, named)
    # A module's packages are run before it.
    named |= {name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)}
    ours = {one for one in named if one.partition(".")[0] in OURS and _source(one)}
    return _sha256("\0".join(parts)), tuple(sorted(ours - {name}))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _walk(node: object, say: Callable[[str], None], named: set[str]) -> None:
    """Say what the code does, in words that are the same for every version of Python.

    Not ``ast.dump``, whose text changed between versions; and without what is empty, so that a
    field that a later version adds for a new construct changes nothing here.
    """
    if isinstance(node, list):
        for one in node:
            _walk(one, say, named)
        return
    if not isinstance(node, ast.AST):
        say(repr(node))
        return
    if isinstance(node, ast.Import):
        named.update(one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        named.update((node.module, *(f"{node.module}.{one.name}" for one in node.names)))
    say(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        if value is None or value == [] or field in _SILENT:
            continue
        if field == "body" and isinstance(value, list):
            value = _undocumented(value)
        say(field)
        _walk(value, say, named)
    say(")")


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body
