r"""Formulas as MathML, made while the site is built, so that no script has to be fetched to read them.

Pages write `$...$` and `$$...$$`, as code hosts show them too. pymdownx.arithmatex finds them and leaves `\(...\)` and
`\[...\]`; browsers draw what stands there afterwards by themselves.
"""

import html
import re

from latex2mathml.converter import convert

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def on_page_content(html: str, **_: object) -> str:
    """Turn each formula of a page into MathML."""
    with_blocks = BLOCK.sub(lambda found: f'<div class="formula">{mathml(found[1], "block")}</div>', html)
    return INLINE.sub(lambda found: mathml(found[1], "inline"), with_blocks)


def mathml(latex: str, display: str) -> str:
    """One formula; `latex` as it stands in a page of HTML."""
    return convert(html.unescape(latex).strip(), display=display)
