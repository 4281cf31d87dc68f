import torch
from torch import Tensor, nn

from mmboxcaseg import InputError
from mmboxcaseg.datasets.transforms.pack_crops import box_maps
from mmboxcaseg.models import BoxCaseg


class _FromCrops(nn.Module):
    """A labeller together with its preprocessor, as one network."""

    def __init__(self, labeller: BoxCaseg) -> None:
        super().__init__()
        self.labeller = labeller

    def forward(self, crops: Tensor) -> Tensor:
        data = self.labeller.data_preprocessor(dict(inputs=[crops[:, :3]]))
        return self.labeller.foreground(
            torch.cat([data['inputs'], crops[:, 3:]], dim=1))


def export_onnx(labeller: BoxCaseg, size: int, out: str) -> float:
    """Export a labeller to ONNX, and compare the outputs of both.

    The exported network turns ``crops``, (N, 3, S, S), float32, BGR in
    [0, 255], into ``foreground``, (N, S, S), probabilities. N is dynamic. With
    a :class:`BoxPrompt` crops have a fourth channel: 1 inside the box, else
    -1.

    Args:
        labeller (BoxCaseg): The labeller, on the CPU, in eval mode.
        size (int): Side S of the crops in pixels.
        out (str): The file to write.

    Returns:
        float: The largest difference between the probabilities of labeller
        and file, for crops of random noise.

    Raises:
        InputError: The model is not a BoxCaseg, or a package is missing.
    """
    if not isinstance(labeller, BoxCaseg):
        raise InputError('only a BoxCaseg can be exported, not a '
                         f'{type(labeller).__name__}.')
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  torch.onnx needs it
    except ImportError as error:
        raise InputError(
            f'the export needs a package that is missing: {error}. Install '
            'it with: pip install "mmboxcaseg[onnx]"') from error
    network = _FromCrops(labeller).eval()
    crops = _noise(size, bool(labeller.box_prompt))
    # 2 crops here, 5 in the comparison: this shows that N is dynamic.
    example = (crops[:2], )
    torch.onnx.export(
        network,
        example,
        out,
        input_names=['crops'],
        output_names=['foreground'],
        dynamic_shapes=[{
            0: torch.export.Dim('N')
        }],
        dynamo=True,
        external_data=False,
        verbose=False)
    session = onnxruntime.InferenceSession(
        out, providers=['CPUExecutionProvider'])
    found, = session.run(None, dict(crops=crops.numpy()))
    with torch.no_grad():
        return (network(crops) - torch.from_numpy(found)).abs().max().item()


def _noise(size: int, with_box: bool) -> Tensor:
    """Crops of noise, (5, 3 or 4, S, S); the fourth channel shows a box."""
    crops = 255 * torch.rand(5, 3, size, size)
    if not with_box:
        return crops
    boxes = crops.new_tensor([[0.2, 0.3, 0.9, 0.8]]) * size
    shown = torch.from_numpy(box_maps(boxes, size)) / 127.5 - 1
    return torch.cat([crops, shown.expand(5, -1, -1, -1)], dim=1)
