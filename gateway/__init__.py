"""gateway: the file-drop gateway for Dutch municipalities."""

__version__ = "0.1.0"
