"""Who a proxy names in a header: believed from that proxy alone, and refused in words."""

import pytest
from builders import OWNER
from visits import CASE, everything_said, keys, messages, press, start

from second_opinion.access.access_rules import AccessRules
from second_opinion.access.signed_in import SignedIn
from second_opinion.access.trusted_header import TrustedHeader
from second_opinion.errors import UserError
from second_opinion.records.invitation import Invitation
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.ui import proxy_request

NAME = "X-Forwarded-Email"
ADA = (NAME, "ada@example.org")
PROXY = "10.0.0.5"


def header(name=NAME, proxies=PROXY):
    return TrustedHeader.of_settings(Settings(trusted_header=name, trusted_proxy=proxies))


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """The rules with a proxy set, and these lines in the secrets."""

    def read(text="", proxy=PROXY):
        monkeypatch.setenv("TRUSTED_HEADER", NAME)
        monkeypatch.setenv("TRUSTED_PROXY", proxy)
        path = tmp_path / "secrets.toml"
        path.write_text(text, "utf-8")
        return AccessRules.read(path)

    return read


@pytest.mark.parametrize(
    ("proxies", "peer"),
    [
        (PROXY, PROXY),
        (PROXY, "::ffff:10.0.0.5"),
        ("10.0.0.0/24", "10.0.0.77"),
        ("192.0.2.1, 10.0.0.5", PROXY),
        ("192.0.2.1 10.0.0.5", PROXY),
        ("fd00::/8", "fd12::1"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_header_counts_from_the_proxy_itself(proxies, peer):
    claims = header(proxies=proxies).claims(peer, [("Host", "x"), ADA])
    assert (claims["iss"], claims["sub"]) == ("x-forwarded-email", "ada@example.org")
    assert header(proxies=proxies).claims(peer, [("x-forwarded-EMAIL", " ada@example.org ")])


@pytest.mark.parametrize(
    "peer", ["10.0.0.6", "192.0.2.7", "127.0.0.1", "::1", "fe80::1", "::ffff:10.0.0.6"]
)
def test_a_strangers_header_is_not_believed(peer):
    with pytest.raises(UserError, match="did not come from the proxy of this app"):
        header().claims(peer, [ADA])


@pytest.mark.parametrize("peer", [None, "", "?", "testclient", "10.0.0.5:80", "10.0.0.5 "])
def test_a_peer_that_cannot_be_told_is_not_trusted(peer):
    if peer and peer.strip() == PROXY:
        assert header().claims(peer, [ADA])
        return
    with pytest.raises(UserError, match="is not known"):
        header().claims(peer, [ADA])


@pytest.mark.parametrize(
    "forwarded",
    ["10.0.0.5", "10.0.0.5:443", "192.0.2.7, 10.0.0.5", "::ffff:10.0.0.5", "[::ffff:10.0.0.5]:9"],
)
def test_an_address_that_anybody_could_have_written_is_no_peer(forwarded):
    """The server replaces the peer's address by what X-Forwarded-For says."""
    with pytest.raises(UserError, match="FORWARDED_ALLOW_IPS=none"):
        header().claims(PROXY, [ADA, ("X-Forwarded-For", forwarded)])
    two = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", forwarded)]
    with pytest.raises(UserError, match="FORWARDED_ALLOW_IPS=none"):
        header().claims(PROXY, [ADA, *two])


@pytest.mark.parametrize("forwarded", ["192.0.2.7", "110.0.0.5", "unknown", "", "[fe80::1]:8"])
def test_what_a_proxy_says_of_others_takes_nothing_from_it(forwarded):
    assert header().claims(PROXY, [ADA, ("X-Forwarded-For", forwarded)])


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([], "X-Forwarded-Email is missing; expected who you are. Open this app by the address"),
        ([""], "is empty"),
        (["  "], "is empty"),
        (["a@b.org", "c@d.org"], "names more than one person"),
        (["a@b.org", "a@b.org"], "names more than one person"),
        (["a@b.org, c@d.org"], "names more than one person"),
        (["<b>@x.org"], "is not usable"),
        (["a" * 255], "is not usable"),
        (["a\u0000b"], "is not usable"),
    ],
)
def test_a_header_that_names_nobody_or_several_is_refused_in_words(sent, said):
    with pytest.raises(UserError, match=said):
        header().claims(PROXY, [(NAME, value) for value in sent])


@pytest.mark.parametrize(
    ("name", "proxies", "said"),
    [
        (NAME, "", "TRUSTED_PROXY is missing"),
        ("", PROXY, "TRUSTED_HEADER is missing"),
        ("Cookie", PROXY, "that the proxy alone sets"),
        ("Host", PROXY, "that the proxy alone sets"),
        ("X Email", PROXY, "that the proxy alone sets"),
        (NAME, "proxy.example.org", "has 'proxy.example.org'; expected the address"),
        (NAME, "10.0.0.5/24", "expected the address"),
        (NAME, "0.0.0.0/0", "expected the address"),
        (NAME, "10.0.0.5, ::/0", "expected the address"),
        (NAME, "*", "expected the address"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(name, proxies, said):
    with pytest.raises(UserError, match=said):
        header(name, proxies)
    assert header("", "") is None


@pytest.mark.parametrize(
    ("value", "label", "key"),
    [
        ("Ada@Example.org", "Ada <Ada@Example.org>", "ada@example.org"),
        ("Ada Lovelace", "Ada Lovelace", "ada lovelace"),
        (
            "accounts.google.com:ada@example.org",
            "ada <ada@example.org>",
            "accounts.google.com:ada@example.org",
        ),
    ],
)
def test_a_person_by_header_is_proven_by_header_and_value(rules, value, label, key):
    claims = header().claims(PROXY, [(NAME, value)])
    person = SignedIn.of(claims, rules()).expert(rules())
    assert person.is_proven
    assert (person.label, person.source) == (label, "oidc")
    assert person.expert_key == f"oidc:x-forwarded-email|{key}"


def test_roles_and_access_apply_to_who_the_header_names(rules):
    text = (
        '[roles]\nprovider = "X-Forwarded-Email"\n"ada@example.org" = "owner"\n'
        '[access]\ndose = ["ada@example.org"]'
    )
    some = rules(text)
    assert some.has_login
    ada, bob = (
        SignedIn.of(header().claims(PROXY, [(NAME, who)]), some).expert(some)
        for who in ("ADA@example.org", "bob@example.org")
    )
    assert (ada.role, ada.hidden_models) == ("owner", frozenset())
    assert (bob.role, bob.hidden_models) == ("expert", {"dose"})
    # A name is not an address.
    name = SignedIn.of(header().claims(PROXY, [(NAME, "ada")]), some).expert(some)
    assert name.role == "expert"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[roles]\nprovider = "corp"', "provider is 'corp'; expected one of X-Forwarded-Email"),
        ('[auth]\nclient_id = "a"', r"\[auth\] is there, and TRUSTED_HEADER is X-Forwarded-Email"),
    ],
)
def test_rules_of_another_way_in_are_refused(rules, text, said):
    with pytest.raises(UserError, match=said):
        rules(text)


def test_with_a_proxy_nobody_is_local_and_a_broken_file_opens_nothing(tmp_path, monkeypatch):
    assert Settings(trusted_header=NAME).is_shared
    broken = tmp_path / "secrets.toml"
    monkeypatch.setattr("second_opinion.settings.SECRETS", broken)
    broken.write_text("[", "utf-8")
    monkeypatch.setenv("TRUSTED_HEADER", NAME)
    assert Settings.without_secrets().expert_code
    monkeypatch.delenv("TRUSTED_HEADER")
    broken.write_text('[second_opinion]\ntrusted_header = "X-Forwarded-Email', "utf-8")
    assert Settings.without_secrets().expert_code


@pytest.fixture
def proxied(place, monkeypatch):
    """The headers that the proxy sends, of whoever is there."""
    monkeypatch.setenv("TRUSTED_HEADER", NAME)
    monkeypatch.setenv("TRUSTED_PROXY", PROXY)
    sent = {NAME: "ada@example.org"}
    monkeypatch.setattr(proxy_request, "headers", lambda: iter(sent.items()))
    monkeypatch.setattr(proxy_request, "_peer", lambda: PROXY)
    return sent


@pytest.mark.parametrize("between", [[], [""]], ids=["at once", "after nobody"])
def test_another_person_at_the_proxy_finds_nothing_of_the_one_before(proxied, between):
    at = press(start(CASE, name=""), "predict_submit")
    assert "verdict_agree" in keys(at)
    of_ada = {"predict_carried": "a case", "who_expert": "a name", "who_link": "a link"}
    for key, value in of_ada.items():
        at.session_state[key] = value
    for name in between:
        proxied[NAME] = name
        at.run()
        assert keys(at) == set()
    proxied[NAME] = "bo@example.org"
    at.run()
    assert "you are bo <bo@example.org>" in everything_said(at)
    assert "verdict_agree" not in keys(at)
    assert "prediction" not in at.query_params
    left = {key: at.session_state[key] for key in of_ada if key in at.session_state}
    assert not any(left.values())


def test_a_click_of_another_person_at_the_proxy_saves_nothing(proxied, place):
    at = press(start(CASE, name=""), "predict_submit")
    proxied[NAME] = "bo@example.org"
    press(at, "verdict_agree")
    assert ["begin again" in message for message in messages(at)] == [True]
    assert len(Store.open(place / "feedback.db").reviewed()) == 0


def test_a_personal_link_at_the_proxy_is_put_away_and_opens_nothing(proxied, place):
    secret = Store.open(place / "feedback.db").invitations.invite(Invitation("Cy"), by=OWNER)
    at = start(name="", invite=secret)
    assert ["A personal link opens nothing here" in said for said in messages(at)] == [True]
    assert "invite" not in at.query_params
    assert "you are ada <ada@example.org>" in everything_said(at)
