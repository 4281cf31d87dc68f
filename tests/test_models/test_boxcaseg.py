import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch.nn import functional as F

from mmboxcaseg import InputError
from mmboxcaseg.models import CropLoss
from mmboxcaseg.models.losses import pairwise_loss
from mmboxcaseg.registry import MODELS

SIZE = 48
BOXES = [[5, 8, 40, 41], [10.4, 10.6, 20.5, 20.4]]


def box_sample(boxes) -> DetDataSample:
    bboxes = torch.tensor(boxes, dtype=torch.float32)
    return DetDataSample(gt_instances=InstanceData(bboxes=bboxes))


def salient_sample() -> DetDataSample:
    masks = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    masks[0, 12:30, 20:45] = True
    masks[0, 12:20, 20:30] = False
    bboxes = torch.tensor([[20., 12., 45., 30.]])
    return DetDataSample(gt_instances=InstanceData(bboxes=bboxes, masks=masks))


@pytest.fixture
def mixed_batch() -> tuple:
    """Four crops; the second one is salient and has a mask."""
    torch.manual_seed(1)
    samples = [box_sample(BOXES[:1]), salient_sample(), box_sample(BOXES)]
    return torch.randn(4, 3, SIZE, SIZE), samples


def slow_box_target(box) -> torch.Tensor:
    x0, y0, x1, y1 = box
    return torch.tensor([[
        float(x0 <= x + 0.5 < x1 and y0 <= y + 0.5 < y1) for x in range(SIZE)
    ] for y in range(SIZE)])


def test_maps_of_all_heads(build_labeller):
    model = build_labeller()
    model.eval()
    maps = model(torch.rand(2, 3, SIZE, SIZE))
    assert set(maps) == {'weak', 'salient', 'transferred'}
    for name, logits in maps.items():
        assert logits.shape == (2, SIZE, SIZE)
        for other in maps.keys() - {name}:
            assert not torch.allclose(logits, maps[other], atol=1e-3)


def test_loss_by_hand(build_labeller, mixed_batch):
    model = build_labeller()
    inputs, samples = mixed_batch
    losses = model(inputs, samples, mode='loss')
    maps = model.logit_maps(inputs)
    mask = samples[1].gt_instances.masks[0].float()
    target = torch.stack([
        slow_box_target(BOXES[0]), mask,
        slow_box_target(BOXES[0]),
        slow_box_target(BOXES[1])
    ])
    weak = maps['weak']
    bags = torch.cat([weak.amax(1), weak.amax(2)], dim=1)
    labels = torch.cat([target.amax(1), target.amax(2)], dim=1)
    mil = F.binary_cross_entropy_with_logits(bags, labels)
    prob = (0.7 * maps['salient'][1].sigmoid() +
            0.3 * maps['transferred'][1].sigmoid())
    expected = dict(
        loss_mil=mil,
        loss_pairwise=0.05 * pairwise_loss(weak),
        loss_pixel=F.binary_cross_entropy(prob, mask))
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name])


def test_loss_with_a_fixed_seed(build_labeller, mixed_batch):
    losses = build_labeller().loss(*mixed_batch)
    values = {name: loss.item() for name, loss in losses.items()}
    assert values == pytest.approx(
        dict(
            loss_mil=0.85086936,
            loss_pairwise=3.100940e-05,
            loss_pixel=0.85182357),
        rel=1e-4)


# Which parts of the network each loss trains.
TRAINS = dict(
    loss_mil={'backbone', 'weak_head'},
    loss_pairwise={'backbone', 'weak_head'},
    loss_pixel={'backbone', 'salient_head', 'transferred_head'})


@pytest.mark.parametrize('name', TRAINS)
def test_gradients(build_labeller, mixed_batch, name):
    model = build_labeller()
    model.loss(*mixed_batch)[name].backward()
    trained = {
        key.split('.')[0]
        for key, param in model.named_parameters()
        if param.grad is not None and param.grad.any()
    }
    assert trained == TRAINS[name]


def test_every_parameter_has_a_gradient(build_labeller, mixed_batch):
    # DistributedDataParallel waits for all of them.
    model = build_labeller()
    sum(model.loss(*mixed_batch).values()).backward()
    assert all(param.grad is not None for param in model.parameters())


@pytest.mark.parametrize('pixel_heads_on', ['masked', 'all'])
def test_pixel_loss_without_masks(build_labeller, labeller_cfg, mixed_batch,
                                  pixel_heads_on):
    labeller_cfg.pixel_heads_on = pixel_heads_on
    model = build_labeller()
    inputs, (sample, _, _) = mixed_batch
    statistics = model.salient_head.bn.running_var.clone()
    losses = model.loss(inputs[:2], [sample, sample])
    same = torch.equal(model.salient_head.bn.running_var, statistics)
    assert same == (pixel_heads_on == 'masked')
    assert losses['loss_pixel'] == 0
    assert losses['loss_mil'] > 0
    sum(losses.values()).backward()
    for name, param in model.named_parameters():
        assert param.grad is not None, name
        if name.startswith(('salient_head', 'transferred_head')):
            assert not param.grad.any(), name


def test_mil_loss_uses_the_mask_of_a_salient_crop(build_labeller, mixed_batch):
    model = build_labeller()
    inputs, (_, sample, _) = mixed_batch
    before = model.loss(inputs[:2], [sample, sample])
    sample.gt_instances.bboxes += 9
    after = model.loss(inputs[:2], [sample, sample])
    assert before['loss_mil'] == after['loss_mil']


# The rows of Table 4.
ROWS = [('weak', ), ('salient', ), ('weak', 'transferred'),
        ('weak', 'salient'), ('weak', 'salient', 'transferred')]


@pytest.mark.parametrize('heads', ROWS)
def test_some_heads_only(build_labeller, mixed_batch, heads):
    model = build_labeller(heads)
    assert model.heads == heads
    losses = model.loss(*mixed_batch)
    expected = set()
    if 'weak' in heads:
        expected |= {'loss_mil', 'loss_pairwise'}
    if heads != ('weak', ):
        expected.add('loss_pixel')
    assert set(losses) == expected
    sum(losses.values()).backward()
    assert all(param.grad is not None for param in model.parameters())
    assert {
        key.split('.')[0][:-5]
        for key, _ in model.named_parameters() if '_head' in key
    } == set(heads)


@pytest.mark.parametrize('heads', ROWS)
@torch.no_grad()
def test_output_of_some_heads(build_labeller, heads):
    model = build_labeller(heads).eval()
    crops = torch.rand(3, 3, SIZE, SIZE)
    maps = model(crops)
    assert tuple(maps) == heads
    used = [name for name in heads if name != 'weak'] or ['weak']
    if len(used) == 1:
        expected = maps[used[0]].sigmoid()
    else:
        expected = (0.7 * maps['salient'].sigmoid() +
                    0.3 * maps['transferred'].sigmoid())
    torch.testing.assert_close(
        model.predict_maps(crops), expected, rtol=1e-4, atol=1e-5)


class FillLoss(CropLoss):
    """A new loss of the weak head: the mean probability of the crop."""

    def compute(self, pred, targets, **reduce_args):
        assert targets.crops.shape == (4, 3, SIZE, SIZE)
        return pred.sigmoid().mean()


def test_new_loss_needs_one_config_entry(build_labeller, labeller_cfg,
                                         mixed_batch, monkeypatch):
    # Registered for this test only: other tests list the registry.
    monkeypatch.setitem(MODELS.module_dict, 'FillLoss', FillLoss)
    labeller_cfg.weak_losses.append(
        dict(type='mmboxcaseg.FillLoss', loss_weight=0.5))
    model = build_labeller()
    losses = model.loss(*mixed_batch)
    assert list(losses) == [
        'loss_mil', 'loss_pairwise', 'loss_fill', 'loss_pixel'
    ]
    weak = model.logit_maps(mixed_batch[0])['weak']
    torch.testing.assert_close(losses['loss_fill'],
                               0.5 * weak.sigmoid().mean())


def test_parameters_keep_their_names(build_labeller):
    """Old checkpoints and the release converter depend on them."""
    assert {
        name.rsplit('.', 1)[0]
        for name in build_labeller().state_dict()
        if not name.startswith('backbone.')
    } == {
        'weak_head.conv1', 'weak_head.bn', 'weak_head.conv2',
        'salient_head.conv1', 'salient_head.bn', 'salient_head.conv2',
        'transferred_head.transfer1', 'transferred_head.transfer1.fc1',
        'transferred_head.transfer1.fc2', 'transferred_head.transfer2',
        'transferred_head.transfer2.fc1', 'transferred_head.transfer2.fc2',
        'transferred_head.bn'
    }


@pytest.mark.parametrize('heads, message', [
    ((), 'needs a head'),
    (('salient', 'transferred'), 'set weak_head'),
])
def test_invalid_heads(build_labeller, heads, message):
    with pytest.raises(InputError, match=message):
        build_labeller(heads)


@pytest.mark.parametrize('option, value, message', [
    ('pixel_heads_on', 'salient', "must be 'masked' or 'all'"),
    ('pixel_losses', [dict(type='mmboxcaseg.MILLoss')], 'different names'),
    ('weak_losses', [dict(type='mmdet.DiceLoss')], 'DiceLoss in weak_losses'),
])
def test_invalid_settings(build_labeller, labeller_cfg, option, value,
                          message):
    labeller_cfg[option] = value
    with pytest.raises(InputError, match=message):
        build_labeller()


def test_weak_head_alone_has_no_fused_map(build_labeller):
    with pytest.raises(InputError, match="output='fused' must be one of"):
        build_labeller(('weak', ), output='fused')


def test_invalid_test_cfg(build_labeller):
    with pytest.raises(InputError, match="output='best' must be one of"):
        build_labeller(output='best')
    with pytest.raises(InputError, match="no option 'treshold', only"):
        build_labeller(treshold=0.4)


@pytest.mark.parametrize('mode', ['tensor', 'loss'])
def test_channels_of_another_backbone(labeller_cfg, mixed_batch, mode):
    labeller_cfg.channels = 720
    model = MODELS.build(labeller_cfg)
    with pytest.raises(InputError, match='neck give 240 channels: set model'):
        model(*mixed_batch, mode=mode)


def test_invalid_mode(build_labeller):
    with pytest.raises(RuntimeError, match="mode='fit' must be tensor"):
        build_labeller()(torch.rand(1, 3, SIZE, SIZE), mode='fit')


BACKBONES = {
    'ResNet-50': (dict(type='mmdet.ResNet', depth=50), [
        dict(
            type='mmdet.ChannelMapper',
            in_channels=[256, 512, 1024, 2048],
            out_channels=32),
        dict(type='mmboxcaseg.ResizeConcat')
    ], 128),
    'ConvNeXt-tiny': (dict(
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        out_indices=(0, 1, 2, 3),
        gap_before_final_norm=False), None, 1440),
    'Swin-tiny': (dict(type='mmdet.SwinTransformer',
                       out_indices=(0, 1, 2, 3)), None, 1440),
}


@pytest.mark.parametrize('name', BACKBONES)
def test_any_backbone_by_config(labeller_cfg, mixed_batch, name):
    backbone, neck, channels = BACKBONES[name]
    labeller_cfg.backbone, labeller_cfg.channels = backbone, channels
    if neck is not None:
        labeller_cfg.neck = neck
    model = MODELS.build(labeller_cfg)
    losses = model.loss(*mixed_batch)
    sum(losses.values()).backward()
    assert all(param.grad is not None
               for name, param in model.named_parameters()
               if param.requires_grad)
    assert model(mixed_batch[0])['weak'].shape == (4, SIZE, SIZE)


def test_missing_backbone_weights(labeller_cfg):
    labeller_cfg.backbone.init_cfg = dict(
        type='Pretrained', checkpoint='lost/hrnet.pth')
    model = MODELS.build(labeller_cfg)
    with pytest.raises(InputError) as error:
        model.init_weights()
    assert 'lost/hrnet.pth' in str(error.value)
    assert 'model.backbone.init_cfg' in str(error.value)
