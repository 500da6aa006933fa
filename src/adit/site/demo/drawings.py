"""Images with text in their pixels: ultrasound and dose sheets."""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from adit.site.demo.description import DemoSeries, DemoStudy

# The built-in font has the letters of ASCII only.
_PLAIN = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ø": "oe", "å": "aa", "Å": "Aa",
    "ı": "i", "Ł": "L", "ł": "l",
})  # fmt: skip


def ultrasound(study: DemoStudy, series: DemoSeries, number: int) -> bytes:
    """A sector with speckle and dark cysts, RGB, with the patient's name above it as machines draw it."""
    height, width = series.edge, series.edge * 4 // 3
    grain = np.random.default_rng([20261124, number]).random((height, width), dtype=np.float32)
    inside, radius = _sector(height, width)
    tissue = 0.45 + 0.25 * np.sin(radius / 19 + number)
    y, x = np.ogrid[:height, :width]
    for cyst in range(3):
        centre_x = width // 2 + (cyst - 1) * 90 + number * 7
        centre_y = height // 2 + cyst * 40 - number * 5
        tissue = np.where((x - centre_x) ** 2 + ((y - centre_y) * 1.3) ** 2 < (20 + 6 * cyst) ** 2, 0.04, tissue)
    grey = np.where(inside, tissue * (0.35 + grain) * 255, 0).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(np.repeat(grey[:, :, None], 3, axis=2))
    draw = ImageDraw.Draw(picture)
    born = study.patient.birth_date
    draw.text((8, 4), f"{shown_name(study)}  *{born[6:]}.{born[4:6]}.{born[:4]}", fill=(255, 255, 255), font=_font(16))
    draw.text((8, 24), f"{study.patient.id}   {_date(study.date)}", fill=(255, 255, 255), font=_font(14))
    draw.text((8, height - 22), f"C5-1  15 cm  MI 1.1   {number}/{series.count}", fill=(255, 220, 90), font=_font(13))
    return picture.tobytes()


def dose_sheet(study: DemoStudy, series: DemoSeries) -> bytes:
    """A table of doses, white on black, 8 bit, headed by name, birth date and accession number."""
    picture = Image.new("L", (series.edge, series.edge))
    draw = ImageDraw.Draw(picture)
    lines = [
        f"{_date(study.date)}  {study.time[:2]}:{study.time[2:4]}",
        f"Patient:  {shown_name(study)}   {study.patient.id}",
        f"Birth date:  {_date(study.patient.birth_date)}    Accession:  {study.accession_number}",
        "",
        "Scan             kV     mAs    CTDIvol    DLP",
        "Topogram       120      35       0.14       6.2",
        f"{series.body_part.title():<14} 120     112       7.48    271.6",
        "",
        "Total DLP:  277.8 mGy*cm",
    ]
    for row, line in enumerate(lines):
        draw.text((16, 24 + row * 28), line, fill=230, font=_font(17))
    return picture.tobytes()


def shown_name(study: DemoStudy) -> str:
    """The name as an old machine shows it: in plain Latin capitals, or the id where it has no such letters."""
    name = study.patient.name.split("=")[0].translate(_PLAIN)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if letter.isascii())
    family, _, given = plain.partition("^")
    return f"{family.upper()}, {given.replace('^', ' ').strip()}" if family.strip() else study.patient.id


def _date(date: str) -> str:
    return f"{date[6:]}.{date[4:6]}.{date[:4]}"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@cache
def _sector(height: int, width: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    y, x = np.ogrid[:height, :width]
    dx, dy = x - width / 2, y + 10.0
    radius = np.sqrt(dx**2 + dy**2).astype(np.float32)
    inside = (np.abs(dx) < dy * 0.75) & (radius > 60) & (radius < height - 20)
    return inside, radius
