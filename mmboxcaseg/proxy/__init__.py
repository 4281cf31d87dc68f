from .records import make_records
from .writer import ProxyWriter

__all__ = ['ProxyWriter', 'make_records']
