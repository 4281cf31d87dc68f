from .proxy_fcn_mask_head import ProxyFCNMaskHead

__all__ = ['ProxyFCNMaskHead']
