"""Imports go down only: DESIGN section 2 as a table, and every import of the package against it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "rewriter"
#: Each test asks all files: as a test of its own for each of them they took longer to report than to ask.
FILES = sorted(PACKAGE.rglob("*.py"))
FILES_OF_PASSES = sorted((PACKAGE / "passes").glob("*.py"))

#: What every part stands on: they import nothing of ours.
GROUND = {"records", "patterns"}
#: Each part of the package, and the parts that it may import beside the ground.
MAY_IMPORT: dict[str, set[str]] = {
    "yamltext": set(),
    "cilium": set(),
    "finding": {"cilium"},
    "suppress": set(),
    "discovery": set(),
    "cache": set(),
    "parallel": set(),
    "inventory": {"yamltext", "cilium", "finding", "discovery", "cache", "parallel"},
    "config": {"cilium", "finding", "inventory", "discovery"},
    "text": {"cilium"},
    "catalogue": set(),
    "evidence": {"cilium", "finding", "inventory", "config", "text"},
    "passes": {"cilium", "finding", "inventory", "config", "text", "evidence"},
    "reach": {"cilium", "finding", "inventory", "text"},
    "engine": {
        "yamltext",
        "cilium",
        "finding",
        "suppress",
        "cache",
        "parallel",
        "discovery",
        "inventory",
        "config",
        "evidence",
        "passes",
        "reach",
        "text",
    },
    "output": {"engine", "finding", "passes", "config", "inventory", "reach", "cilium", "text", "yamltext"},
    "server": {"cache", "engine", "finding", "output", "config", "discovery", "inventory"},
    "bot": {"engine", "finding", "output", "config", "discovery", "inventory", "parallel", "passes", "reach"},
    "fleet": {"bot", "discovery", "inventory"},
    "cli": {
        "bot",
        "fleet",
        "server",
        "cache",
        "catalogue",
        "evidence",
        "text",
        "cilium",
        "config",
        "discovery",
        "engine",
        "finding",
        "inventory",
        "output",
        "parallel",
        "passes",
        "reach",
        "suppress",
        "yamltext",
    },
    "records": set(),
    "patterns": set(),
    "__main__": {"cli"},
    "__init__": set(),
}


def _part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def _nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def _import_lines(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(node for node in _nodes(path) if isinstance(node, ast.Import | ast.ImportFrom))


def _imported_parts(path: Path) -> set[str]:
    parts = set()
    for node in _import_lines(path):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "rewriter" else [module]
        parts |= {name.split(".")[1] for name in names if name.startswith("rewriter.")}
    return parts - {"__version__"}


def test_imports_go_down_only() -> None:
    for path in FILES:
        part = _part(path)
        assert part in MAY_IMPORT, f"{part} has no place in the layers"
        upward = _imported_parts(path) - MAY_IMPORT[part] - {part, *GROUND}
        assert not upward, f"{path} imports {sorted(upward)}, which {part} may not"


def test_every_dataclass_is_one_of_ours() -> None:
    """One of the standard library would compile its methods at each start."""
    for path in FILES:
        imports = (node for node in _import_lines(path) if isinstance(node, ast.ImportFrom))
        named = {alias.name for node in imports if node.module == "dataclasses" for alias in node.names}
        assert "dataclass" not in named or path.stem in GROUND, f"{path}: take `dataclass` from rewriter.records"


def test_the_inside_does_not_know_the_library() -> None:
    """`cnpfix` is what programs outside import; what is behind it never goes through it."""
    lines = (line.split() for path in PACKAGE.rglob("*.py") for line in path.read_text().splitlines())
    assert not [words for words in lines if words[:1] in (["from"], ["import"]) and words[1].split(".")[0] == "cnpfix"]


def _imports(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere: when it is loaded, in a function, or for types alone."""
    found: set[str] = set()
    for node in _import_lines(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            module = node.module or ""
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("rewriter")}


def test_no_file_imports_itself_by_way_of_others() -> None:
    """A circle is a place where neither file can be understood, or tested, without the other."""
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    graph = {name: {each for each in _imports(path) if each in names and each != name} for name, path in names.items()}
    packages = {name for name, path in names.items() if path.name == "__init__.py"}
    settled: set[str] = set()

    def visit(name: str, below: tuple[str, ...]) -> None:
        assert name not in below, f"imports in a circle: {' -> '.join((*below[below.index(name) :], name))}"
        if name in settled:
            return
        for each in graph[name]:
            # A package's own __init__ is loaded before its files; it gathers them and is no circle.
            if not (each in packages and name.startswith(f"{each}.")):
                visit(each, (*below, name))
        settled.add(name)

    for name in graph:
        visit(name, ())


def test_a_file_holds_one_idea() -> None:
    for path in FILES:
        lines = len(path.read_text().splitlines())
        assert lines <= 400, f"{path} has {lines} lines: split it by idea"


def test_a_pass_fits_on_a_few_screens() -> None:
    for path in FILES_OF_PASSES:
        lines = len(path.read_text().splitlines())
        assert lines <= 220, f"{path} has {lines} lines: what it shares, or only words, goes to passes/kit"


#: What a pass would need to take a manifest apart by itself, where `cilium.nodes` has types and `kit.forms` new forms.
UNTYPED = {"Any", "Mapping", "MutableMapping", "cast", "dict", "list"}


def test_passes_see_manifests_as_types() -> None:
    for path in FILES_OF_PASSES:
        nodes = _nodes(path)
        imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not imported & UNTYPED, path
        assert "raw" not in {node.attr for node in nodes if isinstance(node, ast.Attribute)}, path
        asked = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"]
        names = {name.id for call in asked for name in ast.walk(call.args[1]) if isinstance(name, ast.Name)}
        assert not names & UNTYPED, path


def test_no_pass_and_nothing_of_the_kit_gives_types_up() -> None:
    """What a manifest holds is an object until it is known to be more: with `Any` no checker would ask."""
    for path in sorted((PACKAGE / "passes").rglob("*.py")):
        imports = (node for node in _import_lines(path) if isinstance(node, ast.ImportFrom))
        assert not {"Any", "cast"} & {alias.name for node in imports for alias in node.names}, path


def _rooms(part: str) -> dict[str, set[str]]:
    """Each room of a part (a folder, or a file beside the folders), and the rooms that its files import."""
    folder, name = PACKAGE.joinpath(*part.split(".")), f"rewriter.{part}."
    rooms: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        others = {found.removeprefix(name).split(".")[0] for found in _imports(path) if found.startswith(name)}
        rooms.setdefault(room, set()).update(others - {room})
    return rooms


@pytest.mark.parametrize("part", ["engine", "inventory", "passes.kit"])
def test_the_rooms_of_a_part_import_down_only(part: str) -> None:
    """Folders stand above each other too: of any two, at most one knows the other, by whatever way."""
    rooms = _rooms(part)
    while rooms:
        ground = {room for room, others in rooms.items() if not others & rooms.keys()}
        assert ground, f"rooms of {part} that import each other: {sorted(rooms)}"
        rooms = {room: others for room, others in rooms.items() if room not in ground}


#: Words that keep their capital at the beginning of a text: names. `Invalid` begins messages of Cilium's own.
NAMES = {"Cilium", "CiliumCIDRGroup", "CloudNativePG", "EndpointSlice", "Hubble", "Invalid", "Namespace", "Service"}


def _texts(path: Path) -> list[tuple[int, str, str]]:
    """The texts of a file that are no docstrings: line, the first constant part and the last one."""
    nodes = _nodes(path)
    inner = {id(value) for node in nodes if isinstance(node, ast.JoinedStr) for value in node.values}
    inner |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    found = []
    for node in nodes:
        if id(node) not in inner and isinstance(node, ast.Constant | ast.JoinedStr):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            shown = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts]
            found.append((node.lineno, *(shown[0], shown[-1])) if shown else (node.lineno, "", ""))
    return found


def test_texts_of_findings_are_parts_of_a_sentence() -> None:
    """Message, reason and advice stand behind a colon or another text: no capital, and no full stop."""
    for path in (path for part in ("passes", "evidence") for path in sorted((PACKAGE / part).rglob("*.py"))):
        for line, start, end in _texts(path):
            first, *others = start.split() or [""]
            if len(others) < 2:
                continue
            name = first[1:2].isupper() or first[1:2].isdigit() or first.removesuffix("'s").removesuffix("s") in NAMES
            assert not first[0].isupper() or name, f"{path}:{line}: begins with a capital: {start}"
            assert not end.endswith("."), f"{path}:{line}: ends with a full stop: {end}"
