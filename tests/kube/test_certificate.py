from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509

from kfwd.kube.certificate import Validity, blocks, validity
from tests.kube.servers import Authority

START, END = datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize("end", [END, datetime(2050, 1, 1, tzinfo=UTC)])  # UTCTime, the other one
def test_dates_are_those_that_cryptography_reads(end: datetime) -> None:
    cert, _ = Authority().client(not_before=START, not_after=end)
    read = x509.load_pem_x509_certificate(cert)
    assert validity(cert) == Validity(read.not_valid_before_utc, read.not_valid_after_utc)
    assert validity(cert) == Validity(START, end)


def test_the_first_certificate_counts_and_text_around_it_does_not() -> None:
    authority = Authority()
    cert, key = authority.client(not_after=END)
    bundle = b"Subject: \xc3\xbc\n" + key + cert + b"more\n" + authority.pem
    assert validity(bundle).end == END
    assert blocks(bundle) == [cert.strip(), authority.pem.strip()]


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN RSA PRIVATE KEY-----"])
def test_no_certificate_says_so(pem: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate in it"):
        validity(pem)


def test_whatever_is_cut_off_is_an_error_and_nothing_else() -> None:
    der = base64.b64decode(b"".join(Authority().pem.strip().splitlines()[1:-1]))
    for size in range(90):
        body = base64.b64encode(der[:size])
        pem = b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----"
        with pytest.raises(ValueError, match=r"no certificate|damaged"):
            validity(pem)
