from .report import ProxyReport

__all__ = ['ProxyReport']
