from threading import Thread
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.kernel.ports import PortFailure, PortUnknown, forget_adapters, override_port, port


class Adapter:
    def __init__(self, portal):
        self.portal = portal

    @classmethod
    def from_settings(cls, portal):
        return cls(portal)


@pytest.fixture
def vendor(settings, monkeypatch):
    """Call it with a vendor's name to choose it."""

    def choose(name):
        values = SimpleNamespace(sms_vendor=name)
        monkeypatch.setattr("portal.settings.portal", values)
        return values

    settings.PORT_ADAPTERS = {"sms": {"own": f"{__name__}.Adapter"}}
    forget_adapters()
    choose("own")
    yield choose
    forget_adapters()


def test_the_vendor_in_settings_chooses_the_adapter(vendor):
    values = vendor("own")
    assert isinstance(port("sms"), Adapter)
    assert port("sms").portal is values


def test_an_adapter_is_built_once(vendor):
    assert port("sms") is port("sms")


def test_other_settings_build_another_adapter(vendor):
    before = port("sms")
    vendor("own")
    assert port("sms") is not before


def test_an_unknown_port_is_a_configuration_error(vendor):
    with pytest.raises(ImproperlyConfigured, match="fax"):
        port("fax")


def test_an_unknown_vendor_names_the_setting(vendor):
    vendor("pigeon")
    with pytest.raises(ImproperlyConfigured, match=r"SMS_VENDOR: expected one of own"):
        port("sms")


def test_a_test_may_put_its_own_object_there_for_every_thread(vendor):
    seen = []
    with override_port("sms", "outer"):
        with override_port("sms", "inner"):
            thread = Thread(target=lambda: seen.append(port("sms")))
            thread.start()
            thread.join()
        seen.append(port("sms"))
    assert seen == ["inner", "outer"]
    assert isinstance(port("sms"), Adapter)


def test_an_override_ends_with_an_error_too(vendor):
    with pytest.raises(ZeroDivisionError), override_port("sms", "fake"):
        _ = 1 / 0
    assert isinstance(port("sms"), Adapter)


def test_failures_say_what_happened():
    failure = PortFailure(permanent=True, code="bad-phone", detail="too short")
    assert (failure.permanent, failure.stops_provider, str(failure)) == (True, False, "bad-phone: too short")
    assert str(PortUnknown(code="no-answer")) == "no-answer"


def test_every_adapter_in_settings_can_be_built(settings):
    forget_adapters()
    for name in settings.PORT_ADAPTERS:
        built = port(name)
        assert callable(built.waiting if name == "bounces" else built.send)
