from .writer import ProxyWriter

__all__ = ['ProxyWriter']
