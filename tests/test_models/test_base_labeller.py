import pytest

from mmboxcaseg import InputError
from mmboxcaseg.models.base_labeller import BaseLabeller


class Echo(BaseLabeller):
    """Returns what it was given."""

    TEST_CFG = dict(chunk=4, flip=False)

    def predict(self, inputs, data_samples):
        return [inputs, data_samples]


def test_options():
    assert Echo(dict(flip=True)).test_cfg == dict(chunk=4, flip=True)
    # The defaults of the class stay as they are.
    assert Echo().test_cfg == Echo.TEST_CFG == dict(chunk=4, flip=False)


def test_unknown_option():
    with pytest.raises(InputError, match="no option 'chunks', only .*chunk"):
        Echo(dict(chunks=3))


def test_modes():
    assert Echo()(1, [2], mode='predict') == [1, [2]]
    with pytest.raises(InputError, match="Echo has no mode 'loss'"):
        Echo()(1, [2], mode='loss')


def test_mmengine_loads_the_weights():
    assert Echo().weights is Echo().weights_name is None
