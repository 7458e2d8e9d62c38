import pytest

from portal.web import brand


def test_contrast_is_that_of_wcag():
    assert round(brand.contrast("#000000", "#ffffff"), 1) == 21
    assert round(brand.contrast("#777777", "#ffffff"), 2) == 4.48
    assert brand.contrast("#0d5c4b", "#0d5c4b") == 1


@pytest.mark.parametrize(
    "accent", ["#0d5c4b", "#245a8d", "#8c1a2d", "#5b3a9e", "#7a4a00", "#000000", "#006d77", "#c2185b"]
)
def test_every_pair_of_a_palette_can_be_read(accent):
    tokens = brand.palette(accent)
    for mode, surface in ((0, brand.WHITE), (1, brand.DARK_SURFACE)):
        assert brand.contrast(tokens.on_brand[mode], tokens.brand[mode]) >= 4.5
        assert brand.contrast(tokens.on_brand[mode], tokens.brand_2[mode]) >= 4.5
        assert brand.contrast(tokens.brand_ink[mode], tokens.brand_soft[mode]) >= 4.5
        assert brand.contrast(tokens.brand[mode], surface) >= 4.5
    assert brand.contrast(tokens.brand[1], tokens.deep) >= 4.5
    assert brand.contrast(brand.WHITE, tokens.deep) >= 7


@pytest.mark.parametrize("accent", ["#77d0b4", "#ffffff", "#f3b45c", "#7f7f7f"])
def test_a_colour_that_nobody_could_read_is_refused(accent):
    assert not brand.is_allowed(accent)
    with pytest.raises(brand.ColourError, match=r"at least 4\.5"):
        brand.palette(accent)


@pytest.mark.parametrize("text", ["", "red", "#fff", "#0d5c4b;}", "#0D5C4G", "#0d5c4b\n", "javascript:1"])
def test_what_is_not_a_colour_is_refused(text):
    assert not brand.is_allowed(text)
    with pytest.raises(brand.ColourError):
        brand.stylesheet(text)


def test_the_clear_version_keeps_its_own_colours():
    css = brand.stylesheet("#245a8d")
    assert css.startswith("@layer brand")
    assert ":not([data-clear]" in css
    assert "--brand: light-dark(#245a8d," in css


def test_one_hue_goes_there_and_back():
    for colour in ("#0d5c4b", "#8c1a2d", "#123456", "#fedcba"):
        assert brand.from_oklch(*brand.to_oklch(colour)) == colour
