"""The page as a reader and a browser see it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from benchfleet.controller.policies.document import policy_of
from benchfleet.controller.reports import report_html
from benchfleet.core.results import Failure, Reason
from tests.support.campaigns import campaign, fleet, result, run

POLICY = policy_of({"apiVersion": "benchfleet/v1", "kind": "Policy", "extends": "realtime-video"})
VOID = {"meta", "br", "link", "img", "input", "hr", "use", "path"}


class Page(HTMLParser):
    """Collects elements, attributes and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("cells", [0, 1, 2, 12, 40])
def test_page_refers_to_nothing_outside_itself(cells):
    html = report_html(fleet(cells), POLICY if cells > 1 else None)
    page = Page(html)
    for tag, attrs in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form", "img"), tag
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
                assert (value or "").startswith("#"), (tag, name, value)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_content_security_policy_allows_nothing_but_styles_and_inline_images():
    policies = [a["content"] for t, a in Page(report_html(fleet(2))).tags if a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_page_is_the_same_for_the_same_records():
    assert report_html(fleet(12), POLICY) == report_html(fleet(12), POLICY)


@pytest.mark.parametrize("cells", [2, 12, 40])
def test_ids_are_unique_so_that_pictures_do_not_borrow_from_each_other(cells):
    ids = [a["id"] for _, a in Page(report_html(fleet(cells), POLICY)).tags if "id" in a]
    clips = [
        i for i in ids if i and not re.match(r"(figure|axes|patch|line2d|matplotlib|xtick|ytick|text|m[0-9a-f]+)", i)
    ]
    assert len(clips) == len(set(clips))


def test_malicious_names_are_text_everywhere():
    nasty = '"><script>alert(1)</script><b onclick=x>$\\frac{1}\x1b[31m\x00\udc80\u202e'
    crash = Failure(reason="exit", phase="warming", detail=nasty, stderr_tail=nasty)
    record = campaign(
        run("base", model=nasty, device=nasty, measured=result(provenance={nasty: nasty})),
        run("new", model="n" + nasty, device=nasty, batch=8, measured=result(p50=5.0)),
        run("flawed", model="f" + nasty, device=nasty, measured=result(
            reasons=(Reason(flag=nasty, severity="degraded", detail=nasty),))),
        run("dead", model="d" + nasty, device=nasty, state="failed", measured=result(outcome="failed", failure=crash)),
        baseline=nasty,
        name=nasty,
    )  # fmt: skip
    html = report_html(record, POLICY)
    assert {t for t, _ in Page(html).tags}.isdisjoint({"script", "b onclick"})
    assert not [a for _, a in Page(html).tags if any(name.startswith("on") for name in a)]
    for character in ("\x1b", "\x00", "\udc80", "\u202e"):
        assert character not in html
    html.encode("utf-8")
    assert "alert(1)" in Page(html).text


def test_every_run_and_every_reason_is_on_the_page():
    record = fleet(12)
    text = Page(report_html(record)).text
    assert "SIGSEGV" in text
    assert "Segmentation fault" in text
    assert "run-queue share 31 %" in text
    assert text.count("digits:") >= 12


def test_gate_outcome_is_on_the_first_screen_when_a_policy_is_given():
    with_policy, without = report_html(fleet(12), POLICY), report_html(fleet(12))
    assert "Gate failed" in Page(with_policy).text
    assert 'id="gate"' not in without


def test_missing_pictures_say_what_to_do():
    record = campaign(run("r", measured=result(accuracy=None, provenance={"latency_ms_quantiles": None})))
    text = Page(report_html(record)).text
    assert "name a dataset" in text
    assert "batch: [1, 8]" in text
    assert "No run left a latency distribution" in text


@pytest.mark.parametrize("curve", [[], [1.0] * 100, ["x"] * 101, [float("nan")] * 101, [-1.0] * 101, {"a": 1}, "abc"])
def test_distribution_that_is_not_one_is_named_and_not_drawn(curve):
    record = campaign(run("r", measured=result(provenance={"latency_ms_quantiles": curve})))
    assert "carries no distribution" in Page(report_html(record)).text


def test_pictures_have_a_text_for_those_who_do_not_see_them():
    labelled = [a for t, a in Page(report_html(fleet(12))).tags if t == "svg"]
    assert labelled
    assert all(a.get("role") == "img" and a.get("aria-label") for a in labelled)


def test_simulated_results_are_called_so_before_any_number():
    record = campaign(run("r", measured=result(provenance={"simulated": True})))
    assert "1 of 1 results are of boards that are not there" in Page(report_html(record)).text
    assert "SIMULATED" not in Page(report_html(fleet(3))).text


def test_a_simulated_board_is_called_so_in_every_title_label_and_picture():
    about = {"simulated": True, "simulated_board": "raspberry-pi-5", "device": {"board": "raspberry-pi-5"}}
    made = [
        run(
            f"{device}{i}", model=model, device=device, batch=batch, measured=result(p50=2.0 + i, provenance=provenance)
        )
        for device, provenance in (("lab", {"simulated": False}), ("demo", about))
        for i, (model, batch) in enumerate((m, b) for m in ("digits:fp32", "digits:int8") for b in (1, 8))
    ]
    record = campaign(*made, baseline="digits:fp32")
    html = report_html(record)
    page = Page(html)
    assert page.text.count("demo (SIMULATED raspberry-pi-5)") >= 4
    assert "lab (SIMULATED" not in page.text
    pictures = [attrs["aria-label"] or "" for tag, attrs in page.tags if tag == "svg"]
    assert any("on demo (SIMULATED raspberry-pi-5)" in text for text in pictures)
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        assert ("SIMULATED" in svg.partition(">")[2]) == ("(SIMULATED" in svg.partition(">")[0])
    for line in re.findall(r"[^<>]*@demo[^<>]*", html):
        assert "@demo (simulated)" in line
