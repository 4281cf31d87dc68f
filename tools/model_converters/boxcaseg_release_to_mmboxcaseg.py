"""Convert a checkpoint of the authors' release, or convert one back.

Reads both kinds of released file: those of an epoch (``epoch``,
``state_dict``, ``optimizer``) and ``final_state.pth``, a bare state dict.
"""
import argparse
import re
from collections import OrderedDict
from typing import Dict, Mapping

import torch
from mmengine.runner import save_checkpoint
from torch import Tensor

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import check_file, check_output

# Start of a name in the release: start of the same name here.
NAMES = {
    'last_layer.0.': 'weak_head.conv1.',
    'last_layer.1.': 'weak_head.bn.',
    'last_layer.3.': 'weak_head.conv2.',
    'fcn.0.': 'salient_head.conv1.',
    'fcn.1.': 'salient_head.bn.',
    'fcn.3.': 'salient_head.conv2.',
    'transfer1.': 'transferred_head.transfer1.',
    'transfer2.': 'transferred_head.transfer2.',
    'transfer_bn.': 'transferred_head.bn.',
}
BACKBONE = re.compile(r'(conv|bn|layer|transition|stage)\d\.')
WIDTHS = {270: 'w18', 480: 'w32', 720: 'w48'}


def to_ours(name: str) -> str:
    """Translate the name of a parameter of the release.

    Args:
        name (str): The name, with its prefixes ``module.`` and ``model.``.

    Returns:
        str: Its name here.

    Raises:
        KeyError: The release has no such parameter.
    """
    name = re.sub(r'^(module\.)?(model\.)?', '', name)
    for theirs, ours in NAMES.items():
        if name.startswith(theirs):
            return ours + name[len(theirs):]
    if BACKBONE.match(name):
        return 'backbone.' + name
    raise KeyError(name)


def to_theirs(name: str) -> str:
    """Translate the name of a parameter to that of ``final_state.pth``.

    Args:
        name (str): The name here.

    Returns:
        str: Its name in the release.

    Raises:
        KeyError: The release has no such parameter.
    """
    for theirs, ours in NAMES.items():
        if name.startswith(ours):
            return 'model.' + theirs + name[len(ours):]
    if name.startswith('backbone.') and BACKBONE.match(name[9:]):
        return 'model.' + name[9:]
    raise KeyError(name)


def convert(state_dict: Mapping[str, Tensor],
            reverse: bool = False) -> Dict[str, Tensor]:
    """Rename all parameters.

    Args:
        state_dict (Mapping[str, Tensor]): Parameters by name.
        reverse (bool): Whether they are ours. Defaults to False.

    Returns:
        dict[str, Tensor]: The same parameters by their other names.

    Raises:
        InputError: A name is unknown, or no head is among them.
    """
    translate = to_theirs if reverse else to_ours
    converted, unknown = OrderedDict(), []
    for name, value in state_dict.items():
        try:
            converted[translate(name)] = value
        except KeyError:
            unknown.append(name)
    if unknown or not any('transfer2.' in name for name in converted):
        raise InputError(
            f'{len(unknown)} of {len(state_dict)} names are unknown '
            f'({", ".join(unknown[:5])}): this is no checkpoint of '
            f'{"mmboxcaseg" if reverse else "the release"} with all heads'
            f'{"; leave out --reverse" if reverse else ""}.')
    return converted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument(
        '--reverse',
        action='store_true',
        help='from mmboxcaseg to the form of final_state.pth')
    args = parser.parse_args()
    check_file(args.src, 'checkpoint')
    check_output(args.dst)
    # The optimizer's state of an epoch file is left behind. Downloads that
    # run code when they are loaded are refused; our own checkpoints hold
    # MMEngine's objects.
    try:
        checkpoint = torch.load(args.src, 'cpu', weights_only=not args.reverse)
        state_dict = checkpoint.get('state_dict', checkpoint)
    except Exception as error:  # torch raises many kinds
        raise SystemExit(f'{args.src} is no checkpoint, was cut short, or '
                         f'runs code when it is loaded '
                         f'({type(error).__name__}).') from error
    try:
        converted = convert(state_dict, args.reverse)
    except ValueError as error:
        raise SystemExit(f'{args.src}: {error}') from None
    if args.reverse:
        save_checkpoint(converted, args.dst)
    else:
        meta = dict(source=args.src, epoch=checkpoint.get('epoch'))
        save_checkpoint(dict(meta=meta, state_dict=converted), args.dst)
    channels = next(v for k, v in state_dict.items()
                    if k.endswith(('last_layer.1.weight',
                                   'weak_head.bn.weight')))
    print(f'{args.dst}: {len(converted)} parameters, HRNetV2-'
          f'{WIDTHS.get(len(channels), f"? of {len(channels)} channels")}')


if __name__ == '__main__':
    main()
