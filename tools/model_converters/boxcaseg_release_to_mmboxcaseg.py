"""Convert a checkpoint from the authors' release, or to its format.

It reads both kinds of released files: the file of an epoch (``epoch``,
``state_dict``, ``optimizer``) and ``final_state.pth``, a bare state dict.
"""
import argparse
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Dict, Mapping

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import (add_trust_checkpoint, check_output,
                                  exit_on_bad_input)

if TYPE_CHECKING:
    from torch import Tensor

# Prefixes of parameter names: in the release, and here.
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
    """Translate a name from the release; KeyError if it is unknown."""
    name = re.sub(r'^(module\.)?(model\.)?', '', name)
    for theirs, ours in NAMES.items():
        if name.startswith(theirs):
            return ours + name[len(theirs):]
    if BACKBONE.match(name):
        return 'backbone.' + name
    raise KeyError(name)


def to_theirs(name: str) -> str:
    """Translate a name to ``final_state.pth``; KeyError if it is unknown."""
    for theirs, ours in NAMES.items():
        if name.startswith(ours):
            return 'model.' + theirs + name[len(ours):]
    if name.startswith('backbone.') and BACKBONE.match(name[9:]):
        return 'model.' + name[9:]
    raise KeyError(name)


def convert(state_dict: Mapping[str, 'Tensor'],
            reverse: bool = False) -> Dict[str, 'Tensor']:
    """Rename all parameters.

    Args:
        state_dict (Mapping[str, Tensor]): Parameters by name.
        reverse (bool): Convert to the release. Defaults to False.

    Returns:
        dict[str, Tensor]: The same parameters under their new names.

    Raises:
        InputError: A name is unknown, or a part of the heads is missing.
    """
    translate = to_theirs if reverse else to_ours
    converted, unknown = OrderedDict(), []
    for name, value in state_dict.items():
        try:
            converted[translate(name)] = value
        except KeyError:
            unknown.append(name)
    ours = state_dict if reverse else converted
    if unknown or not all(
            any(name.startswith(part) for name in ours)
            for part in NAMES.values()):
        raise InputError(
            f'{len(unknown)} of {len(state_dict)} names are unknown '
            f'({", ".join(unknown[:5])}): this is not a checkpoint of '
            f'{"mmboxcaseg" if reverse else "the release"} with all heads'
            f'{"; leave out --reverse" if reverse else ""}.')
    return converted


@exit_on_bad_input()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument(
        '--reverse',
        action='store_true',
        help='convert from mmboxcaseg to the format of final_state.pth')
    add_trust_checkpoint(parser)
    args = parser.parse_args()
    check_output(args.dst)
    # After the arguments: PyTorch takes seconds to import.
    from mmengine.runner import save_checkpoint

    from mmboxcaseg.engine.checkpoint import read_checkpoint, safe_checkpoints

    with safe_checkpoints(args.trust_checkpoint):
        checkpoint = read_checkpoint(args.src)
    state_dict = checkpoint['state_dict']
    try:
        converted = convert(state_dict, args.reverse)
    except InputError as error:
        raise InputError(f'{args.src}: {error}') from None
    ours, saved = state_dict, converted
    if not args.reverse:
        # The optimizer state in the file of an epoch is dropped.
        meta = dict(source=args.src, epoch=checkpoint.get('epoch'))
        ours, saved = converted, dict(meta=meta, state_dict=converted)
    save_checkpoint(saved, args.dst)
    channels = len(ours['weak_head.bn.weight'])
    print(f'{args.dst}: {len(converted)} parameters, HRNetV2-'
          f'{WIDTHS.get(channels, f"? of {channels} channels")}')


if __name__ == '__main__':
    main()
