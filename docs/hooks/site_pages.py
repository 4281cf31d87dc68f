"""Gives the site the same folders as the repository.

A page has the path of its source, so the same links work on GitHub and on the
site, including links to configs/*/README.md, to notebooks and to single files.
"""
import json
import re
from pathlib import Path
from typing import Iterator

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.utils import is_markdown_file

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ('*.md', 'data/README.md', 'docs/**/*.md', 'configs/*/README.md',
           'demo/*.ipynb', 'docs/hooks/site.css')
ASSETS = ('.css', '.jpg', '.png', '.svg')


class SourcePage(File):
    """A page that shows a source file, such as a config."""

    def is_documentation_page(self) -> bool:
        return True


def on_config(config: MkDocsConfig) -> None:
    """Convert ``math`` fences, which GitHub renders as well, to MathML."""
    config.mdx_configs['pymdownx.superfences'] = dict(custom_fences=[
        dict(name='math', **{'class': 'math'}, format=format_math)
    ])


def format_math(source: str, *args, **kwargs) -> str:
    """Convert a LaTeX formula to HTML; superfences passes more arguments."""
    return f'<p class="math">{convert(source, display="block")}</p>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace docs/ with all documents of the repository and linked files.

    Args:
        files (Files): The files that MkDocs found in docs/ and in the theme.
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
    """Yield the files that a document links to, if they exist."""
    for link in re.findall(r'\]\(([^)#]+)', document.read_text('utf-8')):
        path = (document.parent / link).resolve()
        if path.is_file():
            yield path


def make_file(path: Path, config: MkDocsConfig) -> File:
    """Make a document, an asset, or a page that shows a source file."""
    name = path.relative_to(ROOT).as_posix()
    if is_markdown_file(name) or path.suffix in ASSETS:
        return File.generated(config, name, abs_src_path=str(path))
    if path.suffix == '.ipynb':
        return SourcePage.generated(
            config, name, content=notebook_text(path.read_text('utf-8')))
    return SourcePage.generated(
        config,
        name,
        content=f'# {name}\n\n````{path.suffix[1:]}\n'
        f'{path.read_text("utf-8")}````\n',
        inclusion=InclusionLevel.NOT_IN_NAV)


def notebook_text(content: str) -> str:
    """Convert a notebook to Markdown, without outputs.

    Args:
        content (str): The notebook, JSON.

    Returns:
        str: Its text, and its code in fences.
    """
    parts = []
    for cell in json.loads(content)['cells']:
        text = ''.join(cell['source'])
        is_code = cell['cell_type'] == 'code'
        parts.append(f'```python\n{text}\n```' if is_code else text)
    return '\n\n'.join(parts) + '\n'
