"""Pages as one file each: no script, no address outside the file, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined


def render_page(template: str, plots: Mapping[str, bytes], **values: object) -> str:
    """A page's HTML.

    Args:
        template: its file in ``templates/``, which gets ``plots`` and what follows.
        plots: PNG by file name; the page gets them in base64.
        values: what the template names.
    """
    environment = Environment(
        loader=PackageLoader("ecr_rl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["minus"] = _minus
    inline = {name: base64.b64encode(png).decode("ascii") for name, png in plots.items()}
    return environment.get_template(template).render(plots=inline, **values)


def _minus(text: str) -> str:
    """A number's hyphen as a minus sign of a digit's width."""
    return text.replace("-", "\u2212")
