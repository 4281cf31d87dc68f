import torch

from mmboxcaseg.models import CropPreprocessor

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def test_crops_of_all_items_form_one_batch():
    torch.manual_seed(0)
    crops = [
        torch.randint(0, 256, (n, 3, 6, 6), dtype=torch.uint8)
        for n in (2, 1, 3)
    ]
    preprocessor = CropPreprocessor(mean=MEAN, std=STD, bgr_to_rgb=True)
    samples = [object() for _ in crops]
    batch = preprocessor(dict(inputs=crops, data_samples=samples))
    assert batch['data_samples'] == samples
    inputs = batch['inputs']
    assert inputs.shape == (6, 3, 6, 6)
    assert inputs.dtype == torch.float32
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    for i, crop in enumerate(crop for item in crops for crop in item):
        for channel in range(3):
            # Images are loaded as BGR; mean and std are those of RGB.
            expected = (crop[2 - channel].float() -
                        MEAN[channel]) / STD[channel]
            torch.testing.assert_close(inputs[i, channel], expected)


def test_box_maps():
    """Some items show their box, others do not."""
    torch.manual_seed(0)
    plain = torch.randint(0, 256, (2, 3, 6, 6), dtype=torch.uint8)
    shown = torch.randint(0, 256, (1, 4, 6, 6), dtype=torch.uint8)
    shown[:, 3] = 0
    shown[:, 3, 1:3, 2:6] = 255
    preprocessor = CropPreprocessor(mean=MEAN, std=STD, bgr_to_rgb=True)
    inputs = preprocessor(dict(inputs=[plain, shown]))['inputs']
    expected = preprocessor(dict(inputs=[plain, shown[:, :3]]))['inputs']
    assert torch.equal(inputs[:, :3], expected)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    box_map = torch.full((6, 6), -1.)
    box_map[1:3, 2:6] = 1
    assert torch.equal(inputs[:, 3],
                       torch.stack([box_map * 0, box_map * 0, box_map]))
