"""Puts the sections together. No script, no network: the policy in the page forbids both."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.table import versus
from benchfleet.controller.reports import GROUP, PACKAGE, Subject
from benchfleet.core import plugins


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates with autoescape; every text is cleaned of what no page can hold."""
    env = Environment(
        loader=PackageLoader(PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    env.globals.update(numbers=numbers, versus=versus)
    return env


def render(template: str, **values: Any) -> Markup:
    """One template as markup."""
    return Markup(environment().get_template(template).render(**values))


def page(subject: Subject) -> str:
    """The whole document."""
    modules = plugins.load_all(PACKAGE, GROUP)
    sections = []
    for name, module in sorted(modules.items(), key=lambda item: (item[1].ORDER, item[0])):
        body = module.render(subject)
        if body is not None:
            sections.append({"name": name, "title": module.TITLE, "body": body})
    return str(render("page.html", subject=subject, campaign=subject.comparison.campaign, sections=sections))


def _clean(value: Any) -> Any:
    """Control characters and lone surrogates out of text; markup was cleaned when it was made."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean(value)
    return value


def clean(text: str) -> str:
    """`text` with U+FFFD for what is not allowed in HTML."""
    return "".join(c if c in "\n\t" or (c.isprintable() or c == "\u00a0") else "\ufffd" for c in text)
