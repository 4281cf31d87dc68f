from .report import ProxyReport
from .review import ProxyReview

__all__ = ['ProxyReport', 'ProxyReview']
