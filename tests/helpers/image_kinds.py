"""Image files of every kind that people have, all of one picture."""
from pathlib import Path
from typing import Dict

import cv2
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 64
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)  # RGB
PICTURE[:24, :32] = 200, 40, 40
PICTURE[:24, 32:] = 40, 200, 40
PICTURE[24:, :32] = 40, 40, 200
PICTURE[24:, 32:] = 220, 220, 60
GREY = np.array(Image.fromarray(PICTURE).convert('L'))

# Kinds that load, with their suffix; the others are refused.
LOADED: Dict[str, str] = dict(
    plain='.jpg',
    grey='.jpg',
    grey_png='.png',
    bit='.png',
    palette='.png',
    palette_transparent='.png',
    alpha='.png',
    grey_alpha='.png',
    cmyk='.jpg',
    webp='.webp',
    gif='.gif',
    bmp='.bmp',
    png_in_jpg='.jpg',
    **{f'exif{i}': '.jpg'
       for i in range(1, 10)},
    exif_broken='.jpg',
    exif6_png='.png',
    exif6_webp='.webp',
    exif6_avif='.avif',
    exif6_tif='.tif')
DEEP = dict(
    grey16='.png',
    colour16='.png',
    alpha16='.png',
    tif16='.tif',
    float32='.tif')
NO_IMAGE = dict(empty='.jpg', text='.jpg', html='.png', head='.jpg')
CUT_JPEG = dict(cut='.jpg', cut_end='.jpg')
CUT_PNG = dict(cut_png='.png')
ALL = {**LOADED, **DEEP, **NO_IMAGE, **CUT_JPEG, **CUT_PNG}


def write_kind(kind: str, folder: Path) -> Path:
    """Write the picture as one kind of file; return its path."""
    path = folder / (kind + ALL[kind])
    image, wide = Image.fromarray(
        PICTURE), PICTURE[:, :, ::-1] * np.uint16(257)
    if kind.startswith('exif'):
        exif = Image.Exif()
        exif[0x0112] = int(kind[4]) if kind[4].isdigit() else 1
        data = exif.tobytes() if kind != 'exif_broken' else b'Exif\0\0nothing'
        image.save(path, exif=data, quality=95)
    elif kind in ('plain', 'webp', 'gif', 'bmp'):
        image.save(path, quality=95)
    elif kind == 'png_in_jpg':
        image.save(path, 'PNG')
    elif kind in MODES:
        image.convert(MODES[kind]).save(path, quality=95)
    elif kind == 'palette_transparent':
        image.convert('P').save(path, transparency=0)
    elif kind in ('alpha', 'grey_alpha'):
        image = image.convert('LA' if kind == 'grey_alpha' else 'RGBA')
        opacity = np.full((HEIGHT, WIDTH), 255, np.uint8)
        opacity[:8] = 0
        image.putalpha(Image.fromarray(opacity))
        image.save(path)
    elif kind in DEEP:
        pixels = dict(
            grey16=GREY * np.uint16(16),
            colour16=wide,
            alpha16=np.dstack([wide, wide[..., :1]]),
            tif16=GREY * np.uint16(257),
            float32=np.float32(GREY))[kind]
        cv2.imwrite(str(path), pixels)
    elif kind in (*CUT_JPEG, *CUT_PNG, 'head'):
        image.save(path, quality=95)
        content = path.read_bytes()
        keep = dict(head=20, cut_end=-2).get(kind, len(content) * 9 // 10)
        path.write_bytes(content[:keep])
    else:
        path.write_text(dict(empty='', text='text', html='<html>')[kind])
    return path


MODES = dict(grey='L', grey_png='L', bit='1', palette='P', cmyk='CMYK')


def expected(kind: str, upright: bool = True) -> np.ndarray:
    """The picture as it must be loaded, RGB."""
    image = Image.fromarray(PICTURE)
    if kind == 'bit' or 'palette' in kind:
        return np.array(
            image.convert(kind[0].upper() if kind != 'bit' else '1').convert(
                'RGB'))
    if 'grey' in kind:
        return np.dstack([GREY] * 3)
    if kind == 'exif6_tif' or (upright and kind in TURNS):
        return np.array(image.transpose(TURNS.get(kind[:5])))
    return PICTURE


TURNS = {
    'exif2': Image.Transpose.FLIP_LEFT_RIGHT,
    'exif3': Image.Transpose.ROTATE_180,
    'exif4': Image.Transpose.FLIP_TOP_BOTTOM,
    'exif5': Image.Transpose.TRANSPOSE,
    'exif6': Image.Transpose.ROTATE_270,
    'exif7': Image.Transpose.TRANSVERSE,
    'exif8': Image.Transpose.ROTATE_90,
}
TURNS['exif6_png'] = TURNS['exif6']
