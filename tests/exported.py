"""What exports have in common for tests."""

import re


def without_moment[Text: (str, bytes)](export: Text) -> Text:
    """Return an export, of any format, without the moment at which it was made."""
    if isinstance(export, bytes):
        return re.sub(rb'"published":"[^"]*",', b"", export, count=1)
    return re.sub(r'"published":"[^"]*",', "", export, count=1)
