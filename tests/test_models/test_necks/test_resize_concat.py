import torch
from torch.nn import functional as F

from mmboxcaseg.models import ResizeConcat


def test_maps_are_resized_to_the_finest_and_concatenated():
    feats = [
        torch.rand(2, c, *s)
        for c, s in ((3, (19, 26)), (5, (10, 13)), (7, (5, 7)))
    ]
    joined = ResizeConcat()(feats)
    assert joined.shape == (2, 15, 19, 26)
    assert torch.equal(joined[:, :3], feats[0])
    for part, feat in zip(joined.split((3, 5, 7), dim=1), feats):
        expected = F.interpolate(
            feat, (19, 26), mode='bilinear', align_corners=False)
        torch.testing.assert_close(part, expected)


def test_bilinear_without_aligned_corners():
    coarse = torch.tensor([[[[0., 4.]]]])
    joined = ResizeConcat()([torch.zeros(1, 1, 1, 4), coarse])
    assert joined[0, 1].tolist() == [[0, 1, 3, 4]]
