"""Convert the checkpoint of a detector for stock mmdet.

The new file also contains the classes and a config with mmdet's own mask
heads, so mmboxcaseg is not needed to run it. Example:

    python tools/model_converters/detector_to_mmdet.py \\
        configs/mine/mine_detector.py CHECKPOINT detector.pth

Then, on the other machine, in Python:

    from mmdet.apis import DetInferencer
    detector = DetInferencer(weights='detector.pth')
    detector('photo.jpg', out_dir='found')
"""
import argparse

from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import first_few
from mmboxcaseg.utils.cli import (add_trust_checkpoint, check_output,
                                  exit_on_bad_input)
from mmboxcaseg.utils.config import find_settings, read_config

# Replaces `type` of the backbone; the parameters have the same names.
BACKBONE = dict(
    type='mmpretrain.TIMMBackbone',
    model_name='tf_efficientnet_lite0',
    features_only=True)


def to_stock(part: object) -> object:
    """Replace our classes in the config of a model by those of mmdet.

    A mask head ``mmboxcaseg.ProxyX`` differs from mmdet's ``X`` only in its
    loss.

    Args:
        part (object): The config of the model, or a part of it.

    Returns:
        object: A copy for stock mmdet.
    """
    if isinstance(part, (list, tuple)):
        return type(part)(to_stock(item) for item in part)
    if not isinstance(part, dict):
        return part
    part = {key: to_stock(value) for key, value in part.items()}
    name = str(part.get('type'))
    if name == 'mmboxcaseg.EfficientNetLite0':
        return dict(
            BACKBONE, out_indices=part.get('out_indices', (1, 2, 3, 4)))
    if name.startswith('mmboxcaseg.Proxy'):
        part['type'] = name.removeprefix('mmboxcaseg.Proxy')
    return part


def stock_config(cfg: Config) -> Config:
    """Make the config that stock mmdet needs for inference.

    Args:
        cfg (Config): The config that the detector was trained with.

    Returns:
        Config: The model, the test pipeline and the visualizer.

    Raises:
        InputError: It has no test pipeline, or classes that mmdet lacks.
    """
    from mmdet.utils import get_test_pipeline_cfg

    # Without test data, the pipeline may still be a variable of the config.
    pipeline = (
        get_test_pipeline_cfg(cfg)
        if cfg.get('test_dataloader') else cfg.get('test_pipeline'))
    if 'model' not in cfg or not pipeline:
        raise InputError(f'{cfg.filename} is not the config of a detector: it '
                         'has no `model`, or no `test_pipeline`.')
    stock = dict(
        default_scope='mmdet',
        model=to_stock(cfg.model),
        test_dataloader=dict(
            dataset=dict(type='BaseDetDataset', pipeline=pipeline)),
        visualizer=dict(type='DetLocalVisualizer'))
    foreign = find_settings(
        stock, lambda key, node: str(node[key]).startswith('mmboxcaseg.'))
    if foreign:
        raise InputError(
            f'{cfg.filename}: mmdet has no {first_few([*foreign.values()])}. '
            'Only detectors that consist of mmdet classes can be converted.')
    return Config(stock)


@exit_on_bad_input()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the detector')
    parser.add_argument('src', help='its checkpoint')
    parser.add_argument('dst', help='checkpoint to write')
    add_trust_checkpoint(parser)
    args = parser.parse_args()
    check_output(args.dst)
    cfg = read_config(args.config)
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope
    from mmengine.runner import save_checkpoint

    from mmboxcaseg.engine.checkpoint import (read_checkpoint,
                                              safe_checkpoints, set_weights)
    from mmboxcaseg.utils.runner import check_weights

    # A backbone must not download other weights, here or in mmdet.
    set_weights(cfg, args.src)
    stock = stock_config(cfg)
    init_default_scope('mmdet')
    with safe_checkpoints(args.trust_checkpoint):
        checkpoint = read_checkpoint(args.src)
        check_weights(MODELS.build(stock.model), args.src)
    dataset_meta = checkpoint.get('meta', {}).get('dataset_meta')
    if not dataset_meta:
        raise InputError(f'{args.src} does not name its classes: use a '
                         'checkpoint that tools/train.py has written.')
    meta = dict(cfg=stock.pretty_text, dataset_meta=dataset_meta)
    state_dict = checkpoint['state_dict']
    save_checkpoint(dict(meta=meta, state_dict=state_dict), args.dst)
    print(f'{args.dst}: {len(state_dict)} parameters, '
          f'{len(dataset_meta["classes"])} classes')


if __name__ == '__main__':
    main()
