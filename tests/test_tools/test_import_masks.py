"""import_masks.py without broken images; more in test_export_masks.py."""
from odd_masks import add_masks

from mmboxcaseg.proxy import load_proxy


def test_skip_broken(tool, tiny_coco, tmp_path):
    proxy, out = tiny_coco(add_masks)['ann_file'], tmp_path / 'out.json'
    masks = tmp_path / 'masks.xml'
    masks.write_text('<annotations><image name="a.png"><mask/></image>'
                     '<image name="c.png"/></annotations>')
    printed = tool('import_masks', '--format', 'cvat', '--skip-broken', proxy,
                   masks, out)
    assert '1 of 2 files left out' in printed
    assert '1 masks corrected, of which 1 were emptied' in printed
    scores = {
        ann['id']: ann.get('mask_score')
        for ann in load_proxy(str(out))['annotations']
    }
    assert scores == {11: 1, 5: 0.9, 8: 0, 9: None, 3: 0}
