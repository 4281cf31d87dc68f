from .schema import (check_masks, complain, load_coco, load_proxy,
                     schema_problem, some)
from .writer import ProxyWriter

__all__ = [
    'ProxyWriter', 'check_masks', 'complain', 'load_coco', 'load_proxy',
    'schema_problem', 'some'
]
