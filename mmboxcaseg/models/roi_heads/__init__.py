from .proxy_mask_heads import (ProxyCoarseMaskHead, ProxyFCNMaskHead,
                               ProxyHTCMaskHead, ProxyMaskIoUHead,
                               ProxyMaskPointHead)

__all__ = [
    'ProxyCoarseMaskHead', 'ProxyFCNMaskHead', 'ProxyHTCMaskHead',
    'ProxyMaskIoUHead', 'ProxyMaskPointHead'
]
