"""The package's description: README.md with absolute links, since on a package index relative ones lead nowhere."""

import pathlib
import re

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = r"\((?!https?:|#)([^)]+)\)"


class Readme(MetadataHookInterface):
    """Sets `readme`: files are linked, and pictures shown, as they are in the repository at this version's tag."""

    def update(self, metadata):
        """Adds the description to the metadata."""
        repository, tag = metadata["urls"]["Repository"], f"v{metadata['version']}"
        text = pathlib.Path(self.root, "README.md").read_text(encoding="utf-8")
        text = re.sub(rf"(!\[[^\]]*\]){_RELATIVE}", rf"\1({repository}/raw/{tag}/\2)", text)
        text = re.sub(rf"\]{_RELATIVE}", rf"]({repository}/blob/{tag}/\1)", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
