"""ADIT, Automated DICOM Transfer."""

__version__ = "0.1.0"
