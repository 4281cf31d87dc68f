"""Metrics, imported when they are first used."""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs=dict(
        coco_metric=['CocoMetric', 'FasterCocoMetric'],
        instance_ap=['InstanceAPMetric'],
        instance_iou=['InstanceIoUMetric'],
        ious=['mask_iou', 'summarize_ious'],
        mask_files=['compare_masks', 'evaluate_mask_file']))
