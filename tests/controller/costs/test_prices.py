"""The prices document: strict, one currency, and every mistake is one line that says where."""

from pathlib import Path

import pytest

from benchfleet.controller.costs.document import load_prices, parse_prices
from benchfleet.core.errors import DocumentError

ROOT = Path(__file__).parents[3]
HEAD = "apiVersion: benchfleet/v1\nkind: Prices\nname: lab\ncurrency: EUR\n"
HARDWARE = "hardware: {price: 95, lifetime: 3 years, utilisation: 50 %}"


def prices(body, head=HEAD):
    return parse_prices(head + body, "prices.yaml")


def entry(body):
    return f"devices:\n  - match: {{board: pi}}\n    {body}\n"


def test_the_shipped_example_is_sound_and_says_what_it_is():
    example = load_prices(ROOT / "examples" / "prices.yaml")
    assert example.currency == "EUR"
    assert all("example value" in part.source for d in example.devices for part in (d.hardware, d.cloud) if part)


@pytest.mark.parametrize(
    ("lifetime", "hours"), [("3 years", 26_298), ("20000 hours", 20_000), ("20000 h", 20_000), ("30 days", 720)]
)
def test_a_lifetime_has_a_unit(lifetime, hours):
    found = prices(entry(f"hardware: {{price: 95, lifetime: {lifetime}, utilisation: 0.5}}"))
    assert found.devices[0].hardware.lifetime == pytest.approx(hours)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "no price"),
        ("electricty: {price_per_kwh: 0.3}\n", "did you mean 'electricity'"),
        ("electricity: {price_per_kwh: -0.3}\n", "no price"),
        ("electricity: {price_per_kwh: .nan}\n", "no price"),
        ("electricity: {price_per_kwh: .inf}\n", "no price"),
        ("electricity: {price_per_kwh: 1e400}\n", "no price"),
        ("electricity: {price_per_kwh: true}\n", "no price"),
        ("electricity: {price_per_kwh: 0.3 USD}\n", "0.3 USD is not in EUR"),
        ("electricity: {}\n", "price_per_kwh"),
        (entry("hardware: {price: 95 USD, lifetime: 3 years, utilisation: 50 %}"), "95 USD is not in EUR"),
        (entry("hardware: {price: 95, lifetime: 3, utilisation: 50 %}"), "no lifetime"),
        (entry("hardware: {price: 95, lifetime: 0 years, utilisation: 50 %}"), "not between zero"),
        (entry("hardware: {price: 95, lifetime: 500 years, utilisation: 50 %}"), "not between zero"),
        (entry("hardware: {price: 95, lifetime: 3 kg, utilisation: 50 %}"), "no lifetime"),
        (entry("hardware: {price: 95, lifetime: 3 years, utilisation: 0}"), "not above 0 %"),
        (entry("hardware: {price: 95, lifetime: 3 years, utilisation: 50}"), "up to 100 %"),
        (entry("hardware: {price: 95, lifetime: 3 years}"), "utilisation"),
        (entry("cloud: {price_per_hour: free}"), "no price"),
        ("devices: [{match: {board: pi}}]\n", "the entry has no price"),
        (f"devices: [{{match: {{}}, {HARDWARE}}}]\n", "a match names"),
        (f"devices: [{{match: {{colour: red}}, {HARDWARE}}}]\n", "'colour' is not known"),
        (f"devices: [{{{HARDWARE}}}]\n", "match"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(body, says):
    with pytest.raises(DocumentError) as caught:
        prices(body)
    text = str(caught.value)
    assert says in text
    assert text.startswith("prices.yaml:")
    assert "\n" not in text


@pytest.mark.parametrize("currency", ["euro", "EURO", "€", "eur", "", "E R"])
def test_a_currency_is_three_capitals(currency):
    with pytest.raises(DocumentError, match="currency"):
        prices("electricity: {price_per_kwh: 0.3}\n", HEAD.replace("EUR", f"'{currency}'"))


def test_the_first_entry_whose_globs_all_match_holds():
    found = prices(
        "devices:\n"
        "  - match: {board: 'pi-*', device: 'lab-*'}\n    cloud: {price_per_hour: 1}\n"
        "  - match: {board: 'pi-*'}\n    cloud: {price_per_hour: 2}\n"
        "  - match: {device: '*'}\n    cloud: {price_per_hour: 3}\n"
    )
    of = {
        name: found.of({"board": board, "device": name}).cloud.price_per_hour
        for name, board in (("lab-1", "pi-5"), ("desk", "pi-5"), ("gpu", "orin"))
    }
    assert of == {"lab-1": "1", "desk": "2", "gpu": "3"}
