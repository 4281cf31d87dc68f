"""What run_pipeline.py says of broken configs."""
import pytest
from small_data import end_of

PIPELINE = '''
labeller, detector = 'labeller.py', 'proxy.py'
train = dict(boxes='boxes.json', images='images')
'''


@pytest.mark.parametrize('content, words', [
    (None, 'config not found'),
    ('= =', 'cannot be read as a config: SyntaxError'),
    ('', 'does not set labeller, detector, train.boxes'),
    (PIPELINE, 'files that do not exist: proxy.py'),
    (PIPELINE + "detector = 'detector.py'", 'set mask_score_thr'),
    (PIPELINE + "twin = 'detector.py'", 'set `val`, too'),
    (PIPELINE + "train = dict(images='a')", 'does not set train.boxes'),
])
def test_run_pipeline(monkeypatch, capsys, data, content, words):
    monkeypatch.chdir(data.folder)
    if content is not None:
        (data.folder / 'pipeline.py').write_text(content)
    output = end_of(monkeypatch, capsys, 'run_pipeline', 'pipeline.py',
                    '--work-dir', 'work')
    assert words in output
    assert not (data.folder / 'work').exists()
