"""One-time codes and invitations: sent once, unreadable afterwards."""

import pytest

from portal import settings as typed
from portal.kernel.access import acting
from portal.kernel.actor import Role, system
from portal.kernel.ports import PortFailure, PortUnknown, override_port
from portal.notifications import jobs
from portal.notifications.ports import FakeSms
from portal.people.contacts import parse_address
from portal.people.models import OneTimeCode, Organization, StaffInvite
from portal.people.services.codes import request_code
from portal.people.services.staff import add_staff, live_invite

ANNA, MAIL = "+79990000001", "anna@example.ru"


@pytest.fixture
def asked(as_actor):
    """A code asked for by a visitor: its id and its digits."""

    def run(contact=ANNA, language="ru"):
        with as_actor("visitor") as trail:
            row = request_code(
                actor=trail.actor, address=parse_address(contact), purpose="sign-in", ip="10.0.0.1", language=language
            )
            return row.pk, row.sealed_code

    return run


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("contact", [ANNA, MAIL])
def test_a_code_goes_where_it_was_asked_for(gateways, asked, contact, language):
    code_id, code = asked(contact, language)
    jobs.send_code(code_id=code_id)
    (message,) = [*gateways.sms.sent, *gateways.email.sent]
    assert message.to == contact and code in message.text
    assert ("Код" in message.text) == (language == "ru")


def test_once_sent_it_is_readable_nowhere(gateways, asked, sql):
    code_id, code = asked()
    jobs.send_code(code_id=code_id)
    assert sql("SELECT sealed_code, sent_at IS NOT NULL FROM people_onetimecode") == [(None, True)]
    assert not sql("SELECT 1 FROM procrastinate_jobs WHERE args::text LIKE %s", f"%{code}%")


def test_it_is_sent_once(gateways, asked):
    code_id, _ = asked()
    jobs.send_code(code_id=code_id)
    jobs.send_code(code_id=code_id)
    assert len(gateways.sms.sent) == 1


@pytest.mark.parametrize("when", ["used_at = now()", "expires_at = now()"])
def test_used_and_expired_codes_are_not_sent_and_not_kept(gateways, asked, sql, when):
    code_id, _ = asked()
    sql(f"UPDATE people_onetimecode SET {when}")
    jobs.send_code(code_id=code_id)
    assert gateways.sent() == 0
    assert sql("SELECT sealed_code, sent_at FROM people_onetimecode") == [(None, None)]


def test_a_refused_number_ends_the_job(gateways, asked, sql):
    code_id, _ = asked()
    gateways.sms.fail_with.append(PortFailure(permanent=True, code="bad-phone"))
    jobs.send_code(code_id=code_id)
    assert sql("SELECT sealed_code FROM people_onetimecode") == [(None,)]


@pytest.mark.parametrize("problem", [PortFailure(permanent=False, code="unreachable"), PortUnknown(code="timeout")])
def test_an_outage_is_tried_again_under_the_same_number(gateways, asked, problem):
    code_id, _ = asked()
    gateways.sms.fail_with.append(problem)
    with pytest.raises(type(problem)):
        jobs.send_code(code_id=code_id)
    jobs.send_code(code_id=code_id)
    assert len(gateways.sms.sent) == 1
    assert gateways.sms.sent[0].sequence == jobs._own_number(code_id)


def test_an_unknown_code_is_no_error(gateways):
    jobs.send_code(code_id=jobs.UUID(int=5))
    assert gateways.sent() == 0


# --- invitations -----------------------------------------------------------------------------------------------------


@pytest.fixture
def invited(db):
    with acting(system("test")) as trail:
        clinic = Organization.objects.get(slug="shore")
        address = parse_address("nina@bereg.example")
        add_staff(actor=trail.actor, email=address, name="Нина", organization=clinic, role=Role.REGISTRAR)
        invite = StaffInvite.objects.get()
        return invite.pk, invite.sealed_token


def test_an_invitation_carries_its_link(gateways, invited):
    invite_id, token = invited
    jobs.send_invite(invite_id=invite_id)
    (letter,) = gateways.email.sent
    assert letter.to == "nina@bereg.example" and f"http://testserver/staff/invite/{token}/" in letter.text


def test_it_is_sent_once_and_then_readable_nowhere(gateways, invited, sql):
    invite_id, token = invited
    jobs.send_invite(invite_id=invite_id)
    jobs.send_invite(invite_id=invite_id)
    assert len(gateways.email.sent) == 1
    assert sql("SELECT sealed_token FROM people_staffinvite") == [(None,)]
    assert live_invite(token).pk == invite_id


@pytest.mark.parametrize("when", ["used_at = now()", "expires_at = now()"])
def test_used_and_expired_invitations_are_not_sent(gateways, invited, sql, when):
    sql(f"UPDATE people_staffinvite SET {when}")
    jobs.send_invite(invite_id=invited[0])
    assert gateways.sent() == 0


def test_an_outage_keeps_the_invitation(gateways, invited):
    gateways.email.fail_with.append(PortFailure(permanent=False, code="unreachable"))
    with pytest.raises(PortFailure):
        jobs.send_invite(invite_id=invited[0])
    jobs.send_invite(invite_id=invited[0])
    assert len(gateways.email.sent) == 1


def test_codes_waiting_to_be_sent_are_sealed(asked, sql):
    _, code = asked()
    ((stored,),) = sql("SELECT sealed_code FROM people_onetimecode")
    assert code.encode() not in stored
    assert OneTimeCode.objects.get().sealed_code == code


@pytest.fixture
def second(gateways, monkeypatch):
    monkeypatch.setattr(typed, "portal", typed.portal.model_copy(update={"sms_second_vendor": "smsru"}))
    other = FakeSms()
    other.knows_our_number = False
    with override_port("sms_second", other):
        yield other


def test_a_code_goes_by_the_second_provider_when_the_first_is_down(gateways, second, asked):
    gateways.sms.fail_with.append(PortFailure(permanent=False, code="unreachable"))
    code_id, code = asked()
    jobs.send_code(code_id=code_id)
    assert gateways.sms.sent == [] and code in second.sent[0].text


def test_a_code_of_unknown_outcome_is_not_given_to_the_second(gateways, second, asked):
    gateways.sms.fail_with.append(PortUnknown(code="timeout"))
    code_id, _ = asked()
    with pytest.raises(PortUnknown):
        jobs.send_code(code_id=code_id)
    assert second.sent == []


def test_where_nobody_can_be_asked_a_code_of_unknown_outcome_is_sent_once(gateways, second, asked, sql):
    gateways.sms.fail_with.append(PortFailure(permanent=False, code="unreachable"))
    second.fail_with.append(PortUnknown(code="timeout"))
    code_id, _ = asked()
    jobs.send_code(code_id=code_id)
    jobs.send_code(code_id=code_id)
    assert gateways.sms.sent == second.sent == []
    assert sql("SELECT sent_at IS NOT NULL FROM people_onetimecode") == [(True,)]
