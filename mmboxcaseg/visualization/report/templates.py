"""Load the templates of the HTML pages, which are in this folder."""
import os.path as osp
from typing import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def load_template(name: str, **filters: Callable) -> Template:
    """Load a template; ``basename`` is available as a filter.

    Args:
        name (str): File name of the template.
        filters (Callable): Further filters by name.

    Returns:
        Template: It escapes strings for HTML and refuses undefined names.
    """
    environment = Environment(
        loader=PackageLoader('mmboxcaseg', 'visualization/report'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True)
    environment.filters.update(basename=osp.basename, **filters)
    return environment.get_template(name)
