"""The Host header is the one thing that decides whose workspace a request reaches."""

import pytest

from aespo import hosts
from aespo.hosts import Address, InvalidHost, UnknownHost

LOCAL = "aespo.eu-central-1.elasticbeanstalk.localhost"


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        " ",
        ".",
        "acme localhost",
        " acme.localhost",
        "acme.localhost ",
        "acme.localhost,globex.localhost",
        "acme.localhost, globex.localhost",
        "acme_inc.localhost",
        "-acme.localhost",
        "acme-.localhost",
        "acme..localhost",
        ".acme.localhost",
        "acme.localhost..",
        "acme.localhost:",
        "acme.localhost:http",
        "acme.localhost:65536",
        "acme.localhost:80:80",
        "acme@globex.localhost",
        "acme/globex.localhost",
        "acme\x00.localhost",
        "acme.localhost\r\n",
        "acme.localhost\n",
        "%61cme.localhost",
        "http://acme.localhost",
        "äcme.localhost",
        "\u212aelvin.localhost",  # the Kelvin sign: .lower() makes it a k
        "acme.localho\u017ft",  # the long s: .upper() makes it an S
        "acme\uff0elocalhost",  # a full-width dot
        "acme.localhost:\u0661",  # an Arabic digit
        "\xe2\x84\xaaelvin.localhost",  # the Kelvin sign as WSGI passes it on
        "[::1]",
        f"{'a' * 64}.localhost",
        ".".join(["a" * 60] * 5),
        "a" * 100_000,
    ],
)
def test_what_is_no_host_name_is_invalid(host: str | None) -> None:
    with pytest.raises(InvalidHost):
        hosts.parse(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.7:8000",
        "example.com",
        "acme",
        "localhost.example.com",
        "acme.notlocalhost",
        "x.acme.localhost",
        f"x.acme.{LOCAL}",
        "elasticbeanstalk.com",
        "eu-central-1.elasticbeanstalk.com",
        "aespo.eu-central-1.elasticbeanstalk.com.example.com",
        "aespo.eu-central-1.notelasticbeanstalk.com",
        "xn--acme.x.localhost",
    ],
)
def test_a_name_that_is_not_ours_is_unknown(host: str) -> None:
    with pytest.raises(UnknownHost):
        hosts.parse(host)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", Address("localhost")),
        ("acme.localhost:8000", Address("localhost", "acme", "8000")),
        (LOCAL, Address(LOCAL)),
        (f"acme.{LOCAL}:8156", Address(LOCAL, "acme", "8156")),
        (f"ACME.{LOCAL.title()}.:8156", Address(LOCAL, "acme", "8156")),
        ("acme.localhost.", Address("localhost", "acme")),
        ("aespo-r2.us-gov-west-1.elasticbeanstalk.com", Address("aespo-r2.us-gov-west-1.elasticbeanstalk.com")),
        (
            "acme.aespo-local-r2.eba-jivvkq01.eu-central-1.elasticbeanstalk.localhost",
            Address("aespo-local-r2.eba-jivvkq01.eu-central-1.elasticbeanstalk.localhost", "acme"),
        ),
        ("aespo.elasticbeanstalk.com", Address("aespo.elasticbeanstalk.com")),
        ("acme.aespo.elasticbeanstalk.com", Address("aespo.elasticbeanstalk.com", "acme")),
        ("xn--cme-8la.localhost", Address("localhost", "xn--cme-8la")),
    ],
)
def test_a_host_names_the_site_or_one_workspace(host: str, address: Address) -> None:
    assert hosts.parse(host) == address


def test_only_configured_base_hosts_count_where_there_are_any() -> None:
    bases = hosts.bases("aespo.example, Trial.Aespo.Example")
    assert hosts.parse("acme.aespo.example", bases) == Address("aespo.example", "acme")
    assert hosts.parse("trial.aespo.example", bases) == Address("trial.aespo.example")
    assert hosts.parse("acme.trial.aespo.example", bases) == Address("trial.aespo.example", "acme")
    for other in ("localhost", LOCAL, "evil-aespo.example", "x.acme.aespo.example"):
        with pytest.raises(UnknownHost):
            hosts.parse(other, bases)


@pytest.mark.parametrize(
    "text", ["aespo.example:443", "aespo.example.", "a b", "*.aespo.example", "\u212aelvin.example"]
)
def test_a_base_host_that_is_no_host_name_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="AESPO_BASE_HOST"):
        hosts.bases(text)


def test_a_link_keeps_the_port_and_leaves_the_scheme_to_the_browser() -> None:
    here = Address("localhost", "acme", "8156")
    assert here.url == "//acme.localhost:8156/"
    assert here.to("globex").url == "//globex.localhost:8156/"
    assert Address("aespo.example", "acme").to("").url == "//aespo.example/"
