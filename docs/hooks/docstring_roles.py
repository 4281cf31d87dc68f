import re
from typing import Dict, Iterator, Union

from griffe import Alias, Extension, GriffeLoader, Module, Object

ROLE = re.compile(r':(?:class|func|meth|mod|attr):`~?([\w.]+)`')


class DocstringRoles(Extension):
    """Turns roles in docstrings, such as :class:`X`, into links.

    Names without a page, such as those of mmdet, become code.
    """

    def on_package(self, *, pkg: Module, loader: GriffeLoader,
                   **kwargs) -> None:
        """Rewrite the docstrings of a package after it was loaded."""
        targets: Dict[str, str] = {}
        for module in _modules(pkg):
            for name in module.exports or ():
                targets[name] = _address(module.members[name], name)
        _rewrite(pkg, targets)


def _modules(module: Module) -> Iterator[Module]:
    yield module
    for member in module.modules.values():
        if not member.is_alias:
            yield from _modules(member)


def _address(member: Union[Alias, Module], name: str) -> str:
    """Address of a public name of a package.

    A function with the name of its module is hidden by the module.
    """
    return member.target_path if member.is_alias else f'{member.path}.{name}'


def _rewrite(obj: Object, targets: Dict[str, str]) -> None:
    """Rewrite the docstrings of an object and of all inside it."""

    def link(match: re.Match) -> str:
        name, dot, rest = match[1].partition('.')
        if name not in targets:
            return f'`{match[1]}`'
        return f'[`{match[1]}`][{targets[name]}{dot}{rest}]'

    if obj.docstring:
        obj.docstring.value = ROLE.sub(link, obj.docstring.value)
    for member in obj.members.values():
        if not member.is_alias:
            _rewrite(member, targets)
