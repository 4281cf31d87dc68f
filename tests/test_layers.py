"""Imports point down only, see docs/design.md."""
import ast
import re
from pathlib import Path
from typing import Iterator, Tuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'mmboxcaseg'
# A room may import rooms of a lower level, and those of its own level.
LEVELS = dict(
    errors=0,
    progress=0,
    version=0,
    registry=0,
    structures=1,
    datasets=2,
    models=2,
    proxy=3,
    visualization=4,
    engine=5,
    evaluation=5,
    apis=5,
    checks=6,
    utils=6)
FILES = sorted(PACKAGE.rglob('*.py'))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def imported_rooms(path: Path) -> Iterator[Tuple[str, int]]:
    """Rooms of the package that a file imports, and in which line."""
    module = ('mmboxcaseg', *path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text('utf-8'))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split('.') for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(module[:-node.level]) if node.level else []
            base += node.module.split('.') if node.module else []
            names = [[*base, alias.name] for alias in node.names]
        for name in names:
            if name[0] == 'mmboxcaseg' and len(name) > 1:
                yield name[1], node.lineno


@pytest.mark.parametrize(
    'path', [path for path in FILES if path.parent != PACKAGE],
    ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    room = room_of(path)
    for other, line in imported_rooms(path):
        level = LEVELS.get(other, 0)  # a name of mmboxcaseg/__init__.py
        assert level <= LEVELS[room], f'line {line} imports {other}'
        siblings = LEVELS[room] == level and room != other
        assert not siblings or room in ('checks', 'apis'), (
            f'line {line}: {room} and {other} must not know each other')


def test_every_room_has_a_level():
    rooms = {room_of(path) for path in FILES} - {'__init__'}
    assert rooms == set(LEVELS)


def test_design_lists_the_levels():
    text = (PACKAGE.parent / 'docs/design.md').read_text('utf-8')
    rows = re.findall(r'^\| `(\w+)/` \| (\d) \|', text, re.MULTILINE)
    packages = {room: level for room, level in LEVELS.items() if level}
    assert {room: int(level) for room, level in rows} == packages


def test_upward_import_is_found(tmp_path, monkeypatch):
    path = PACKAGE / 'structures' / 'boxes.py'
    source = 'from ..proxy.writer import X\nimport mmboxcaseg.utils\n'
    monkeypatch.setattr(Path, 'read_text', lambda *_: source)
    assert list(imported_rooms(path)) == [('proxy', 1), ('utils', 2)]
