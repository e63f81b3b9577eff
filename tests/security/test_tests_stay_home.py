"""The tests themselves reach nothing but loopback."""

import socket

import pytest


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")])
def test_no_address_beyond_loopback_is_reached(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as outward:
        with pytest.raises(RuntimeError, match="beyond loopback"):
            outward.connect((host, 9))
        with pytest.raises(RuntimeError, match="beyond loopback"):
            outward.sendto(b"x", (host, 9))


def test_no_name_is_looked_up() -> None:
    with pytest.raises(RuntimeError, match="looks up a name"):
        socket.getaddrinfo("example.invalid", 443)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_reached(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection((host, listening.getsockname()[1])):
        accepted, peer = listening.accept()
        accepted.close()
    assert peer[0] == "127.0.0.1"
