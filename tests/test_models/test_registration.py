import importlib
import sys

from mmboxcaseg import models
from mmboxcaseg.models import losses
from mmboxcaseg.registry import MODELS

NEW_LOSS = '''
from mmboxcaseg.models.losses import CropLoss
from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class LossOfATest(CropLoss):
    pass
'''


def test_new_file_is_found_without_an_entry(tmp_path, monkeypatch):
    (tmp_path / 'loss_of_a_test.py').write_text(NEW_LOSS)
    monkeypatch.setattr(losses, '__path__', [*losses.__path__, str(tmp_path)])
    importlib.reload(models)
    assert issubclass(MODELS.get('mmboxcaseg.LossOfATest'), losses.CropLoss)
    del MODELS.module_dict['LossOfATest']
    del sys.modules['mmboxcaseg.models.losses.loss_of_a_test']
