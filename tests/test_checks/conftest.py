import pytest
from small_data import SmallData


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    return SmallData(tmp_path, tiny_coco, tiny_salient)
