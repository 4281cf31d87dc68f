"""Gives the site the tree of the repository.

A page has the path of its source, so that one link serves on GitHub and on
the site: from docs/ to configs/*/README.md and to single files, too.
"""
import re
from pathlib import Path
from typing import Iterator

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.utils import is_markdown_file

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ('README.md', 'data/README.md', 'docs/**/*.md',
           'configs/*/README.md', 'docs/hooks/site.css')
ASSETS = ('.css', '.jpg', '.png', '.svg')


class SourcePage(File):
    """A file that is no document, such as a config, shown as a page."""

    def is_documentation_page(self) -> bool:
        return True


def on_config(config: MkDocsConfig) -> None:
    """Let fences of ``math``, which GitHub knows, become MathML."""
    config.mdx_configs['pymdownx.superfences'] = dict(custom_fences=[
        dict(name='math', **{'class': 'math'}, format=format_math)
    ])


def format_math(source: str, *args, **kwargs) -> str:
    """Convert one formula.

    Args:
        source (str): LaTeX.
        args: What superfences knows about the fence; so are ``kwargs``.

    Returns:
        str: HTML.
    """
    return f'<p class="math">{convert(source, display="block")}</p>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace docs/ by the documents of the repository and what they link.

    Args:
        files (Files): What MkDocs found in docs/, and the theme's files.
        config (MkDocsConfig): The config.

    Returns:
        Files: The files of the site.
    """
    sources = [path for glob in SOURCES for path in ROOT.glob(glob)]
    paths = set(sources).union(*map(linked_files, sources))
    of_theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files(of_theme +
                 [make_file(path, config) for path in sorted(paths)])


def linked_files(document: Path) -> Iterator[Path]:
    """Find the files that a document links to.

    Args:
        document (Path): A Markdown file.

    Yields:
        Path: Each file that exists; MkDocs reports the others.
    """
    for link in re.findall(r'\]\(([^)#]+)', document.read_text('utf-8')):
        path = (document.parent / link).resolve()
        if path.is_file():
            yield path


def make_file(path: Path, config: MkDocsConfig) -> File:
    """Make a document, an asset, or a page that shows another file.

    Args:
        path (Path): The file.
        config (MkDocsConfig): The config.

    Returns:
        File: The file of the site.
    """
    name = path.relative_to(ROOT).as_posix()
    if is_markdown_file(name) or path.suffix in ASSETS:
        return File.generated(config, name, abs_src_path=str(path))
    return SourcePage.generated(
        config,
        name,
        content=f'# {name}\n\n````{path.suffix[1:]}\n'
        f'{path.read_text("utf-8")}````\n',
        inclusion=InclusionLevel.NOT_IN_NAV)
