import numpy as np
import pytest
from check_loaders import LOAD, check


@pytest.mark.parametrize('value, single_object, finding', [
    (255, False, 'mask-full'),
    (0, True, None),
    (200, False, 'mask-grey'),
])
def test_salient_masks(data, value, single_object, finding):
    mask = np.full((24, 20), value, np.uint8)
    mask[3, 3] = 0 if finding == 'mask-grey' else value
    data.write_mask(mask)
    salient = dict(
        type='mmboxcaseg.SalientDataset',
        data_root=str(data.folder),
        data_prefix=dict(img='salient_img', mask='salient_mask'),
        single_object=single_object,
        pipeline=LOAD)
    found, _ = check(train=salient)
    assert set(found) == ({finding} if finding else set())
