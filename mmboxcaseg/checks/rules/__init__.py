"""Checks of data sets, one topic per module.

To add a check, write a function in a module of this folder (old or new, every
module is imported) and decorate it with the kinds of findings that it yields:

    @data_check(('box-huge', NOTE, 'a box covers its image', 'nothing'))
    def check_huge_boxes(one: CheckedSource) -> Iterator[Case]:
        for ann in one.coco.annotations:
            if ...:
                yield 'box-huge', f'annotation {ann["id"]}'

Then add a row for each kind to docs/check_data.md, and a test.
"""
import pkgutil
from importlib import import_module

for _module in pkgutil.iter_modules(__path__):
    import_module(f'{__name__}.{_module.name}')
