"""The words of imaging, English and German, as data: one file for each kind of word."""

from adit.deid.vocabulary.loading import entries, is_imaging, is_term

__all__ = ["entries", "is_imaging", "is_term"]
