from .proxy_condinst_mask_head import ProxyCondInstMaskHead
from .proxy_rtmdet_ins_head import ProxyRTMDetInsHead, ProxyRTMDetInsSepBNHead

__all__ = [
    'ProxyCondInstMaskHead', 'ProxyRTMDetInsHead', 'ProxyRTMDetInsSepBNHead'
]
