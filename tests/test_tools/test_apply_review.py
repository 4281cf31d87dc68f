import json

import pytest
from proxy_files import write_proxy_files
from small_data import run_tool

from mmboxcaseg.proxy import ScoredMasks, load_proxy


@pytest.fixture
def files(tiny_coco, rng, tmp_path):
    files = write_proxy_files(tiny_coco(), rng)
    masks = ScoredMasks(files.proxy, files.img_prefix)
    files.review, files.out = tmp_path / 'review.json', tmp_path / 'out.json'
    files.review.write_text(
        json.dumps(
            dict(
                masks_sha256=masks.fingerprint,
                decisions={
                    '5': 'keep',
                    '8': 'drop',
                    '3': 'drop'
                })))
    return files


def test_file_and_counts(files, monkeypatch, capsys):
    run_tool(monkeypatch, 'apply_review', files.proxy, files.review, files.out)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == (f'{files.out}: 1 masks kept, 2 dropped, 1 without a '
                    'decision')
    weights = {
        ann['id']: (ann.get('mask_weight'), ann.get('mask_source'))
        for ann in load_proxy(str(files.out))['annotations']
    }
    assert weights == {
        11: (None, 'tiny@1234'),
        5: (1, 'human'),
        8: (0, 'tiny@1234'),
        9: (None, None),
        3: (0, 'tiny@1234')
    }


@pytest.mark.parametrize('name', ['proxy', 'review'])
def test_inputs_are_not_overwritten(files, refused, name):
    path = getattr(files, name)
    before = open(path).read()
    output = refused('apply_review', files.proxy, files.review, path)
    assert 'would be overwritten: choose another name' in output
    assert open(path).read() == before


def test_nothing_is_written_for_other_masks(files, refused):
    output = refused('apply_review', files.unmerged, files.review, files.out)
    assert f'{files.review} was not made from the masks of' in output
    assert not files.out.exists()


def test_missing_file(files, refused):
    output = refused('apply_review', files.proxy, 'no.json', files.out)
    assert 'decisions not found: no.json' in output
