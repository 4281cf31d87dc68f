"""Builds the package; the metadata is in setup.cfg.

``mim`` looks for configs, tools and the two indices in ``.mim`` inside the
installed package. ``BuildPyWithMim`` puts them there: copies in a wheel, links
to the checkout in an editable install.
"""
import os
import re
import shutil
from pathlib import Path
from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_SOURCES = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


def long_description() -> str:
    """README.md for a package index, which has no other files.

    Figures are left out, and links to other documents become plain text.
    """
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    text = re.sub(r'!\[[^]]*\]\((?!https:)[^)]*\)\n\n', '', text)
    return re.sub(r'\[([^]]*)\]\((?!https:)[^)]*\)', r'\1', text)


def add_mim_extension(package_dir: Path, link: bool) -> None:
    """Put the files that ``mim`` needs into ``package_dir/.mim``.

    Args:
        package_dir (Path): The package, in the checkout or in the build
            folder.
        link (bool): Whether to link to the sources instead of copying them.
    """
    mim_dir = package_dir / '.mim'
    # An earlier build may have left configs that no longer exist.
    shutil.rmtree(mim_dir, ignore_errors=True)
    mim_dir.mkdir(parents=True)
    # setup_env.sh and the benchmarks are for work in a checkout.
    ignore = shutil.ignore_patterns('__pycache__', '*.pyc', 'setup_env.sh',
                                    'benchmarks')
    for name in MIM_SOURCES:
        source, target = ROOT / name, mim_dir / name
        if link:
            target.symlink_to(os.path.relpath(source, mim_dir))
        elif source.is_dir():
            shutil.copytree(source, target, ignore=ignore)
        else:
            shutil.copy2(source, target)


class BuildPyWithMim(build_py):
    """The usual ``build_py`` followed by :func:`add_mim_extension`."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            add_mim_extension(ROOT / 'mmboxcaseg', link=True)
        else:
            add_mim_extension(Path(self.build_lib) / 'mmboxcaseg', link=False)


if __name__ == '__main__':
    setup(
        long_description=long_description(),
        cmdclass=dict(build_py=BuildPyWithMim))
