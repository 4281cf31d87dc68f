"""A COCO file of one image to spoil and to correct."""
from mmboxcaseg.checks.images import ImageFacts
from mmboxcaseg.datasets.coco import ImageHeader

GOOD = [[10, 10, 20, 30], [50, 40, 50, 40], [0, 0, 100, 80]]


def make_data(boxes, size=(100, 80)) -> dict:
    """A COCO file of one image, width and height as given."""
    anns = [
        dict(
            id=i,
            image_id=1,
            category_id=1,
            bbox=list(box),
            iscrowd=0,
            area=box[2] * box[3]) for i, box in enumerate(boxes, 1)
    ]
    return dict(
        images=[dict(id=1, file_name='a.png', width=size[0], height=size[1])],
        annotations=anns,
        categories=[dict(id=1, name='cat')])


def facts_of(size=(100, 80), orientation=1, problem=None) -> ImageFacts:
    """Of a file whose stored width and height are given."""
    header = ImageHeader('RGB', False, False, *size, orientation)
    return ImageFacts(problem, header, header.loaded_size())
