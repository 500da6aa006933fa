"""The DICOM standard as values and rules: no sockets, no files, no settings (floor 0)."""
