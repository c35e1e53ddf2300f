"""Find the source code that decides a part, by following imports; a change of this code changes the part's key.

``code_version`` starts at a builder and hashes every module of our packages that the builder can reach.

* Granularity. Within the module of a builder such as ``Pipeline.critic`` only the code that the builder uses counts:
  functions that it names and methods that it calls on ``self``. Methods that make other parts do not count, since
  their folders are in the key. All other modules count as a whole.
* Imports inside functions count like those at the top. So do packages (their ``__init__``), and strings that name a
  module (``"package.module:Class"``, as in registries).
* Imports under ``if TYPE_CHECKING`` are not followed: they do not run, and annotations that need them are never
  evaluated.
* Docstrings, comments and descriptions of settings do not count. Neither do the modules in ``INFRASTRUCTURE``, which
  gives a reason for each.
* Data files count: every file that is not Python in the folder of a reached package, down to the next package.

The closure may be too large; then a part is built again without need. It is never too small.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import ecr_rl
from envs.errors import ConfigError

PACKAGES = ("envs", "algorithms", "ecr_rl")
INFRASTRUCTURE: Mapping[str, str] = {
    "ecr_rl.runs.artefacts": "keeps finished parts; what it is told to keep is made elsewhere",
    "ecr_rl.config": "gathers the settings; those that decide a part stand in its key with their values",
    "ecr_rl.runs.folder": "keeps the run's own files",
    "ecr_rl.runs.parts": "keeps the list of a run's parts",
    "ecr_rl.runs.settings_key": "computes keys and makes nothing",
    "ecr_rl.runs.source_closure": "computes keys and makes nothing",
    "ecr_rl.runs.stage": "shows how far the run is",
    "ecr_rl.ray_instance": "starts and stops Ray; where work runs decides no result",
    "envs.builtin_heads": "defines heads; those that a part is made of stand in its key",
    "envs.corpora.download": "fetches files; the dialogues that are read from them are hashed",
    "envs.errors": "names what ends a build; a finished part met none of it",
    "envs.files": "writes a file whole or not at all, whatever stands in it",
    "envs.progress": "tells how far a build is",
    "envs.corpora.redial": "reads dialogues and films, which are hashed as read",
    "envs.corpora.embedded.sample": "makes dialogues and films, which are hashed as made",
    "envs.corpora.splits": "chooses the validation dialogues, which are hashed split by split",
}
"""Modules that do not influence any part, each with the reason. The search for imports stops at them."""
_MAKES_A_PART = "_artefact"
"""A method that calls this one makes a separate part."""
_DESCRIBED = ("setting", "seed_setting", "size_setting")
"""A call of these functions describes what it makes; the description decides as little as a docstring."""
_MODULE = re.compile(r"[A-Za-z_]\w*((\.\w+)+(:[\w.]+)?|:[\w.]+)")


@dataclass(frozen=True, slots=True)
class Sources:
    """The locations of source code: for each top-level package or module the folder that holds it."""

    folders: Mapping[str, Path]

    @classmethod
    def under(cls, root: Path) -> Sources:
        """Our packages in this folder."""
        return cls(dict.fromkeys(PACKAGES, root))

    def file(self, module: str) -> Path | None:
        """The file of a module or package; None if these sources do not have it."""
        folder = self.folders.get(module.partition(".")[0])
        if folder is None:
            return None
        stem = f"{folder}/{module.replace('.', '/')}"
        return next((Path(file) for file in (f"{stem}.py", f"{stem}/__init__.py") if os.path.isfile(file)), None)


@dataclass(slots=True)
class _Reached:
    """The modules that the search has reached so far."""

    sources: Sources
    modules: dict[str, Path] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=lambda: set(INFRASTRUCTURE))

    def add(self, names: Iterable[str]) -> None:
        """Add modules and everything that they import, as far as the sources have it."""
        left = set(names) - self._seen
        while left:
            module = left.pop()
            self._seen.add(module)
            file = self.sources.file(module)
            if file is not None:
                self.modules[module] = file
                left |= _read(module, file).imports - self._seen

    def digest(self) -> str:
        """SHA-256 (hex) of the modules' code and of their packages' data files."""
        digest = hashlib.sha256()
        for module, file in sorted(self.modules.items()):
            digest.update(f"{module}\n{_read(module, file).digest}\n".encode())
            if file.name == "__init__.py":
                for data in sorted(_data_files(file.parent)):
                    name = data.relative_to(file.parent).as_posix()
                    digest.update(f"{module}/{name}\n{hashlib.sha256(data.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Module:
    """A parsed module: its tree without docstrings, the tree's digest, and the modules that it may import."""

    tree: ast.Module
    digest: str
    imports: frozenset[str]


def code_version(builder: str | Callable[..., object], root: Path | None = None) -> str:
    """A short hash of all code that a builder can reach.

    Args:
        builder: a function or method, or ``module`` or ``module:function`` or ``module:Class.method``. For a nested
            function the outer function counts.
        root: the folder of our packages; None takes the installed ones.

    Raises:
        ModuleNotFoundError: the builder is not in our packages.
    """
    reached, used = _closure(builder, root)
    digest = hashlib.sha256(reached.digest().encode())
    for name in sorted(used):
        digest.update(f"{name}\n{used[name]}\n".encode())
    return digest.hexdigest()[:12]


def closure_of(builder: str | Callable[..., object], root: Path | None = None) -> frozenset[str]:
    """The modules and packages that ``code_version`` hashes as a whole, without the builder's own definitions."""
    return frozenset(_closure(builder, root)[0].modules)


def source_hash(given: str | type | Callable[..., object]) -> str:
    """A short hash of a class or function from outside our packages, for the key of a part that it decides.

    It covers the module that defines it, what this module imports from its own package (or from its folder, if it is in
    no package), and what all of these import from our packages.

    Args:
        given: the class or function, or ``module:Class``. The module itself is not imported, but its packages are.

    Raises:
        ConfigError: there is no such module, or it has no Python source.
    """
    module, _, name = _named(given).partition(":")
    file = _source_file(given, module)
    own = module.partition(".")[0]
    ours = _installed()
    if own in PACKAGES:
        sources = ours
    elif "." in module or file.name == "__init__.py":
        above = module.count(".") + (file.name == "__init__.py")
        sources = Sources({**ours.folders, own: file.parents[above]})
    else:
        module = file.stem
        beside = {} if "site-packages" in file.parts else _beside(file.parent)
        sources = Sources({**beside, **ours.folders, module: file.parent})
    reached = _Reached(sources)
    reached.add(_with_packages([module], ""))
    return hashlib.sha256(f"{module}:{name}\n{reached.digest()}".encode()).hexdigest()[:12]


def _installed() -> Sources:
    return Sources.under(Path(ecr_rl.__file__).resolve().parents[1])


def _beside(folder: Path) -> dict[str, Path]:
    """The modules and packages in a folder that is not itself a package."""
    modules = (file.stem for file in folder.glob("*.py"))
    packages = (file.parent.name for file in folder.glob("*/__init__.py"))
    return dict.fromkeys((*modules, *packages), folder)


def _named(given: str | type | Callable[..., object]) -> str:
    """``module:name`` of a class or function, which may be given in that form already."""
    if isinstance(given, str):
        return given
    return f"{given.__module__}:{given.__qualname__.partition('.<locals>')[0]}"


def _source_file(given: str | type | Callable[..., object], module: str) -> Path:
    try:
        if isinstance(given, str):
            spec = importlib.util.find_spec(module)
            file = spec.origin if spec is not None else None
        else:
            file = inspect.getsourcefile(given)
    except (ImportError, ValueError, TypeError):
        file = None
    if file is None or not file.endswith(".py"):
        raise ConfigError(f"{_named(given)}: no Python source of {module}. Put its folder on PYTHONPATH")
    return Path(file).resolve()


def _closure(builder: str | Callable[..., object], root: Path | None) -> tuple[_Reached, dict[str, str]]:
    """All modules that a builder reaches, and the digest of each definition that it uses of its own module."""
    module, _, name = _named(builder).partition(":")
    reached = _Reached(_installed() if root is None else Sources.under(root))
    file = reached.sources.file(module)
    if file is None:
        raise ModuleNotFoundError(f"{module} is not among {', '.join(PACKAGES)}, but its code decides a part")
    if not name:
        reached.add(_with_packages([module], ""))
        return reached, {}
    definitions = _Definitions(_read(module, file).tree)
    used = definitions.used_by(name)
    package = _package(module, file)
    for node in used.values():
        named = (imported for loaded in _loaded(node) for imported in definitions.imported.get(loaded, ()))
        reached.add(_with_packages([*_imports(node), *named], package))
    return reached, {name: ast.dump(node) for name, node in used.items()}


class _Definitions:
    """The names that a module defines or imports at top level, and the methods of its classes."""

    def __init__(self, tree: ast.Module) -> None:
        self.imported: dict[str, list[str]] = {}
        self._nodes: dict[str, ast.stmt] = {}
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.imported.setdefault(bound, []).extend(_modules_of(node, alias))
            for name in _defined(node):
                self._nodes[name] = node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    self._nodes |= {f"{node.name}.{name}": method for name in _defined(method)}

    def used_by(self, name: str) -> dict[str, ast.stmt]:
        """The definition of this name and all definitions that it uses, by name.

        Raises:
            ModuleNotFoundError: the module does not define it.
        """
        if name not in self._nodes:
            raise ModuleNotFoundError(f"{name} is not defined there, but its code decides a part")
        used: dict[str, ast.stmt] = {}
        left = [name]
        while left:
            name = left.pop()
            node = self._nodes.get(name)
            if node is None or name in used or (used and _makes_another(name, node)):
                continue
            used[name] = node
            left.extend(_loaded(node))
            left.extend(f"{name.partition('.')[0]}.{attribute}" for attribute in _own(node))
        return used


def _makes_another(name: str, method: ast.stmt) -> bool:
    """Whether a method makes a separate part, or is the method that all parts are made with."""
    return name.endswith(f".{_MAKES_A_PART}") or _MAKES_A_PART in _own(method)


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _loaded(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def _own(node: ast.AST) -> set[str]:
    """The attributes of ``self`` that a method uses."""
    attributes = (part for part in ast.walk(node) if isinstance(part, ast.Attribute))
    return {part.attr for part in attributes if isinstance(part.value, ast.Name) and part.value.id == "self"}


@cache
def _parsed(text: str, package: str) -> _Module:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [statement for statement in statements if not _is_text(statement)])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _DESCRIBED:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return _Module(tree, digest, _with_packages(_imports(tree), package))


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a string: a docstring of a module, class, function or attribute, which has no effect."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(node: ast.AST) -> Iterator[str]:
    """Names that may be modules, from imports or strings; a relative name begins with its dots."""
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        for statement in node.orelse:
            yield from _imports(statement)
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield from _modules_of(node, alias)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE.fullmatch(node.value):
        yield node.value.partition(":")[0]
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _modules_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> list[str]:
    """The modules that an import may load: for ``from x import y`` the module ``x``, and ``x.y`` if it is a module."""
    if isinstance(node, ast.Import):
        return [alias.name]
    above = "." * node.level + (node.module or "")
    return [above, f"{above}{'' if above.endswith('.') else '.'}{alias.name}"]


def _with_packages(names: Iterable[str], package: str) -> frozenset[str]:
    """Modules by their absolute names, and the packages above them.

    Args:
        names: names of modules; a relative name begins with its dots.
        package: the package of the importing module.
    """
    modules: set[str] = set()
    for name in names:
        bare = name.lstrip(".")
        above = package.split(".")
        dots = len(name) - len(bare)
        parts = [*above[: len(above) - dots + 1], *bare.split(".")] if dots else bare.split(".")
        modules.update(".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return frozenset(modules)


def _package(module: str, file: Path) -> str:
    """The package to which a module's relative imports refer."""
    return module if file.name == "__init__.py" else module.rpartition(".")[0]


def _data_files(package: Path) -> Iterator[Path]:
    """The files that are not Python in a package's folder, and in its sub-folders that are not packages."""
    for entry in package.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__" and not (entry / "__init__.py").is_file():
                yield from _data_files(entry)
        elif entry.suffix not in {".py", ".pyc"}:
            yield entry


def _read(module: str, file: Path) -> _Module:
    return _parsed(file.read_text(encoding="utf-8"), _package(module, file))
