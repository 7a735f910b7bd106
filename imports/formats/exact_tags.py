"""Tags as Cairn's own exports add them, beside a list that cannot hold every tag without doubt."""

import msgspec

_decoder = msgspec.json.Decoder(list[str])


def exact_tags(text: str | None) -> list[str] | None:
    """Return the tags of a JSON array of strings; None when there is none or it is damaged."""
    if not text:
        return None
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return None
