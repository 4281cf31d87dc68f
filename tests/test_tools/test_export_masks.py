"""export_masks.py and import_masks.py: the round trip in this project."""
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from odd_masks import add_masks

from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.structures import decode_window

# Brush masks of Label Studio need its package: see test_other_tools.py.
KINDS = [('cvat', ()), ('cvat', ('--polygons', )),
         ('label-studio', ('--polygons', '0.4'))]


@pytest.fixture
def proxy(tiny_coco) -> Path:
    """11: two parts; 5: a hole, dropped; 8: empty; 9: a crowd; 3: human."""

    def edit(data: dict) -> None:
        add_masks(data)
        for ann in data['annotations']:
            if ann['id'] == 5:
                ann['mask_weight'] = 0
            if ann['id'] == 3:
                ann.update(mask_weight=1, mask_source='human')

    return Path(tiny_coco(edit)['ann_file'])


def by_id(path: Path) -> dict:
    return {ann['id']: ann for ann in load_proxy(str(path))['annotations']}


def pixels(ann: dict) -> np.ndarray:
    height, width = ann['segmentation']['size']
    return decode_window(ann['segmentation'], (0, 0, width, height))


@pytest.mark.parametrize('kind, options', KINDS)
def test_untouched_masks_are_kept(tool, proxy, tmp_path, kind, options):
    masks, out = tmp_path / 'masks', tmp_path / 'out.json'
    tool('export_masks', '--format', kind, proxy, masks, *options)
    printed = tool('import_masks', '--format', kind, proxy, masks, out,
                   *options)
    assert '0 masks corrected, of which 0 were emptied' in printed
    assert by_id(out) == by_id(proxy)


def test_cvat(tool, proxy, tmp_path):
    out = tmp_path / 'masks.xml'
    assert '2 box, 2 mask' in tool('export_masks', '--format', 'cvat', proxy,
                                   out)
    images = ElementTree.parse(out).getroot().findall('image')
    assert [img.get('name') for img in images] == ['a.png', 'b.png', 'c.png']
    low, = images[2]
    # Rows of 10 to 15, columns of 10 to 14: one run.
    assert (low.get('left'), low.get('top'), low.get('width'),
            low.get('height'), low.get('rle')) == ('10', '10', '5', '6',
                                                   '0, 30')
    assert low.get('source') == 'manual' and low.get('label') == 'dog'
    assert {
        a.get('name'): a.text
        for a in low
    } == dict(
        annotation_id='3',
        mask_score='0.25',
        mask_weight='1',
        mask_source='human')
    two = images[0].find('mask')
    assert two.get('source') == 'auto'
    # The rows of the two parts, then those of the first one alone.
    assert two.get('rle').startswith('0, 7, 8, 12, 8, 12, 8, 12, 8, 12, 13')
    dropped, = images[0].findall('box')
    assert dropped.get('xbr') == '32.50'
    assert dropped[0].text == '5' and dropped[2].text == '0'


def edit_cvat(path: Path) -> None:
    """Empties 11, draws a row for the dropped 5, and adds shapes."""
    tree = ElementTree.parse(path)
    image = tree.getroot().find('image')
    image.remove(image.find('mask'))
    drawn = ElementTree.SubElement(
        image,
        'mask',
        label='dog',
        rle='1, 3, 2',
        left='4',
        top='7',
        width='3',
        height='2')
    ElementTree.SubElement(drawn, 'attribute', name='annotation_id').text = '5'
    ElementTree.SubElement(image, 'polygon', label='dog', points='1,1;9,1;9,9')
    ElementTree.SubElement(image, 'points', label='dog', points='1,1')
    image.set('name', 'a.png')
    tree.getroot().findall('image')[1].set('name', 'other.png')
    tree.write(path)


def edit_label_studio(path: Path) -> None:
    """As edit_cvat()."""
    tasks = json.loads(path.read_text())
    results = tasks[0]['annotations'][0]['result']
    results[:] = [r for r in results if r['id'] != 'annotation_11_0']
    results[:] = [r for r in results if r['id'] != 'annotation_11_1']
    rows = [(5, 7, 7, 8), (4, 8, 5, 9)]
    for i, (x0, y0, x1, y1) in enumerate(rows):
        corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        points = (corners * 100 / [50, 40]).tolist()
        results.append(
            dict(
                id=f'annotation_5_{i}',
                type='polygonlabels',
                value=dict(points=points, polygonlabels=['dog'])))
    results.append(dict(results[-1], id='x7'))
    results.append(dict(id='k', type='keypointlabels', value={}))
    tasks[1]['data']['image_id'] = 99
    path.write_text(json.dumps(tasks))


@pytest.mark.parametrize('kind, options, edit, foreign', [
    ('cvat', (), edit_cvat, 'other.png'),
    ('label-studio', ('--polygons', ), edit_label_studio, '99'),
])
def test_corrected_masks_come_back(tool, proxy, tmp_path, kind, options, edit,
                                   foreign):
    masks, out = tmp_path / 'masks', tmp_path / 'out.json'
    tool('export_masks', '--format', kind, proxy, masks, *options)
    edit(masks)
    printed = tool('import_masks', '--format', kind, proxy, masks, out,
                   *options)
    for text in ('2 masks corrected, of which 1 were emptied',
                 '1 shapes left out: their annotation_id is not',
                 '1 shapes left out: neither mask nor polygon nor box',
                 '1 images are not in the file and stay as they are: b.png',
                 f'because they are not in the proxy file: {foreign}'):
        assert text in printed
    old, new = by_id(proxy), by_id(out)
    expected = np.zeros((40, 50), bool)
    expected[7, 5:7] = expected[8, 4] = True
    np.testing.assert_array_equal(pixels(new[5]), expected)
    assert new[5]['mask_score'] == new[5]['expected_iou'] == 1
    assert new[11]['mask_score'] == 0 and not pixels(new[11]).any()
    assert new[5]['mask_source'] == new[11]['mask_source'] == 'human'
    # The decision was about another mask.
    assert 'mask_weight' not in new[5]
    assert all(new[key] == old[key] for key in (8, 9, 3))


@pytest.mark.parametrize('kind, text, message', [
    ('cvat', '<annotations><image name="a.png" width="9" height="40"/>'
     '</annotations>', 'a.png: the labels state 9x40 pixels'),
    ('cvat', '<annotations><image name="d.png"/></annotations>',
     'no image of .*boxes.json'),
    ('cvat', '<annotations><image name="a.png"><mask rle="1"/></image>'
     '</annotations>', r'a.png mask \[0\] needs `rle`, `left`'),
    ('cvat', '<annotations><image name="a.png"><mask rle="0, 4" left="49" '
     'top="0" width="2" height="2"/></image></annotations>',
     r'a.png mask \[0\]: it leaves its image'),
    ('cvat', '<annotations><image name="a.png"><mask rle="0, 5" left="0" '
     'top="0" width="2" height="2"/></image></annotations>',
     r'a.png mask \[0\]: its `counts` do not sum up'),
    ('cvat', '<annotations><image name="a.png"><polygon points="1,2;3,4"/>'
     '</image></annotations>', r'a.png polygon \[0\] needs `points`'),
    ('label-studio', '{"a": 1}', 'not a list of tasks'),
    ('label-studio', '[{"data": {"image_id": 7}, "annotations": [{}]}]',
     'not a list of tasks .* each with a `result`'),
    ('label-studio',
     '[{"data": {"image_id": 7}, "annotations": [{"result": [5]}]}]',
     'not a list of tasks'),
    ('label-studio', '[{"data": {"image_id": 7}, "annotations": '
     '[{"result": []}, {"result": []}]}]', 'several annotations: image 7'),
    ('label-studio', '[{"data": {"image_id": 7}, "annotations": [{"result": '
     '[{"type": "polygonlabels", "value": {"points": [[1, 2]]}}]}]}]',
     r'a.png \[0\] is not a labelled mask'),
])
def test_broken_files(tool, proxy, tmp_path, kind, text, message):
    masks, out = tmp_path / 'masks', tmp_path / 'out.json'
    masks.write_text(text)
    with pytest.raises(SystemExit, match=message):
        tool('import_masks', '--format', kind, proxy, masks, out)
    assert not out.exists()


def test_skipped_tasks_stay(tool, proxy, tmp_path):
    masks, out = tmp_path / 'masks', tmp_path / 'out.json'
    kind = '--format', 'label-studio'
    tool('export_masks', *kind, proxy, masks, '--polygons')
    tasks = json.loads(masks.read_text())
    skipped = dict(result=[], was_cancelled=True)
    # One person skipped the first task, and one of two persons the last one.
    tasks[0]['annotations'] = [skipped]
    tasks[2]['annotations'].append(skipped)
    masks.write_text(json.dumps(tasks))
    printed = tool('import_masks', *kind, proxy, masks, out, '--polygons')
    assert 'are not in the file and stay as they are: a.png' in printed
    assert '0 masks corrected' in printed
    assert by_id(out) == by_id(proxy)


@pytest.mark.parametrize('root, name', [
    ('/data/local-files/?d=', 'sub/50%25%20%23%26%2B%C3%BC.png'),
    ('https://host/', 'sub/50%25%20%23%26%2B%C3%BC.png'),
    ('s3://bucket/', 'sub/50% #&+ü.png'),
])
def test_names_in_addresses(tool, tiny_coco, tmp_path, root, name):

    def rename(data: dict) -> None:
        add_masks(data)
        data['images'][0]['file_name'] = 'sub/50% #&+ü.png'

    out = tmp_path / 'tasks.json'
    tool('export_masks', '--format', 'label-studio',
         tiny_coco(rename)['ann_file'], out, '--polygons', '--image-root',
         root)
    assert json.loads(out.read_text())[0]['data']['image'] == root + name


@pytest.mark.parametrize('kind, options', KINDS[1:])
@pytest.mark.parametrize('key, name, words', [
    ('images', dict(file_name='a\x01.png'), 'image 7'),
    ('images', dict(file_name='f\udcfcr.png'), 'image 7'),
    ('categories', dict(name='\x00'), 'category 1'),
])
def test_names_that_xml_cannot_hold(tool, tiny_coco, tmp_path, kind, options,
                                    key, name, words):

    def rename(data: dict) -> None:
        add_masks(data)
        entry = min(data[key], key=lambda entry: entry['id'] not in (1, 7))
        entry.update(name)

    out = tmp_path / 'masks'
    with pytest.raises(SystemExit, match=f'cannot read: {words}'):
        tool('export_masks', '--format', kind,
             tiny_coco(rename)['ann_file'], out, *options)
    assert not out.exists()


def test_interface_of_label_studio(tool, proxy, tmp_path):
    out = tmp_path / 'tasks.json'
    printed = tool('export_masks', '--format', 'label-studio', proxy, out,
                   '--polygons', '--image-root', 's3://bucket/')
    assert '3 polygonlabels, 2 rectanglelabels' in printed
    task = json.loads(out.read_text())[0]
    assert task['data'] == dict(image='s3://bucket/a.png', image_id=7)
    region = task['annotations'][0]['result'][0]
    assert region['id'] == 'annotation_5_0'
    assert 'mask_weight 0' in region['meta']['text']
    view = ElementTree.parse(f'{out}.label_config.xml').getroot()
    labels = [label.get('value') for label in view.iter('Label')]
    assert labels == ['cat', 'dog'] * 3
    for region in task['annotations'][0]['result']:
        control = view.find(f'*[@name="{region["from_name"]}"]')
        assert control.tag.lower() == region['type']


def test_brush_needs_a_package(tool, proxy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'label_studio_sdk', None)
    with pytest.raises(SystemExit, match='pip install label-studio-sdk'):
        tool('export_masks', '--format', 'label-studio', proxy,
             tmp_path / 'tasks.json')
