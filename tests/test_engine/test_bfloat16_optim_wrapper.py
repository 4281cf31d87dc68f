import torch
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn


def test_forward_in_bfloat16_weights_in_float32():
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type='mmboxcaseg.BFloat16OptimWrapper',
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1)))
    inputs, before = torch.rand(8, 4), model.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(inputs)
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().mean())
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(
        model.weight, before - 0.1 * inputs.mean(0), atol=1e-3, rtol=0)
