"""Shows what formats and the pipeline have stored in English."""

from django import template

from imports.sentences import translated

register = template.Library()


@register.filter
def sentence(text: str) -> str:
    """Return the sentence in the reader's language; it is escaped as any other text."""
    return translated(text)
