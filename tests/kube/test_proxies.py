from __future__ import annotations

import pytest

from kfwd.errors import ConfigError
from kfwd.kube.proxies import Proxy, choose, parse

PROXY = Proxy(scheme="http", host="proxy", port=3128)


def chosen(no_proxy: str, host: str = "api.corp.test", port: int = 6443) -> bool:
    env = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy}
    return choose(None, "https", host, port, env) == PROXY


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy", Proxy(scheme="http", host="proxy", port=80)),
        ("socks5://[::1]", Proxy(scheme="socks5", host="::1", port=1080)),
        ("socks5h://proxy:9", Proxy(scheme="socks5h", host="proxy", port=9)),
        (
            "http://ann:p%40ss%3A@proxy:3128",
            Proxy(scheme="http", host="proxy", port=3128, login=("ann", "p@ss:")),
        ),
    ],
)
def test_a_proxy_url_is_read(url: str, proxy: Proxy) -> None:
    assert parse(url, "proxy-url") == proxy


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ftp://u:hunter2@proxy", 'proxy-url has the scheme "ftp"'),
        ("http://u:hunter2@", "proxy-url names no host"),
        ("http://u:hunter2@p:99999", "proxy-url is not a URL"),
    ],
)
def test_a_bad_proxy_url_is_refused_without_showing_it(url: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        parse(url, "proxy-url")
    assert "hunter2" not in f"{caught.value.text} {caught.value.hint} {caught.value!r}"


def test_a_proxy_shows_no_password() -> None:
    proxy = parse("http://ann:hunter2@proxy:3128", "proxy-url")
    assert str(proxy) == "http://proxy:3128"
    assert "hunter2" not in repr(proxy)


def test_a_clusters_own_proxy_counts_even_for_loopback_and_no_proxy() -> None:
    env = {"NO_PROXY": "*", "HTTPS_PROXY": "http://other:1"}
    assert choose("http://proxy:3128", "https", "127.0.0.1", 6443, env) == PROXY


@pytest.mark.parametrize(
    ("scheme", "env", "used"),
    [
        ("https", {"HTTPS_PROXY": "http://proxy:3128"}, True),
        ("https", {"https_proxy": "proxy:3128"}, True),
        ("https", {"HTTPS_PROXY": "http://proxy:3128", "https_proxy": "http://b:1"}, True),
        ("https", {"HTTP_PROXY": "http://proxy:3128"}, False),
        ("https", {"ALL_PROXY": "http://proxy:3128"}, False),
        ("http", {"HTTP_PROXY": "http://proxy:3128"}, True),
        ("http", {"HTTPS_PROXY": "http://proxy:3128"}, False),
    ],
)
def test_the_environment_counts_as_it_does_for_go(
    scheme: str, env: dict[str, str], used: bool
) -> None:
    assert (choose(None, scheme, "api.test", 443, env) == PROXY) is used


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_never_goes_through_the_environments_proxy(host: str) -> None:
    assert not chosen("", host)


@pytest.mark.parametrize(
    ("no_proxy", "host", "proxied"),
    [
        ("", "api.corp.test", True),
        ("*", "api.corp.test", False),
        (" a.test , * ", "api.corp.test", False),
        ("api.corp.test", "api.corp.test", False),
        ("API.corp.Test", "api.CORP.test", False),
        ("corp.test", "api.corp.test", False),
        ("corp.test", "notcorp.test", True),
        ("corp.test", "corp.test", False),
        (".corp.test", "api.corp.test", False),
        (".corp.test", "corp.test", True),
        ("*.corp.test", "api.corp.test", False),
        ("*.corp.test", "corp.test", True),
        ("corp.test:6443", "api.corp.test", False),
        ("corp.test:443", "api.corp.test", True),
        ("10.0.0.0/8", "10.1.2.3", False),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("10.0.0.0/8", "10.corp.test", True),
        ("10.1.2.3", "10.1.2.3", False),
        ("10.1.2.3:6443", "10.1.2.3", False),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("fd00::/8", "fd00::1", False),
        ("fd00::1", "fd00:0::1", False),
        ("[fd00::1]:6443", "fd00::1", False),
        ("[fd00::1]:443", "fd00::1", True),
        ("10.0.0.0/99, :6443, ,,", "10.1.2.3", True),
    ],
)
def test_no_proxy_is_read_as_go_reads_it(no_proxy: str, host: str, proxied: bool) -> None:
    assert chosen(no_proxy, host) is proxied
