"""Passports and driving licences, by the number formats of their countries."""

from __future__ import annotations

from extauth.content.privacy.recognisers.checksums import (
    brazilian_licence,
    british_licence,
    document_number,
)
from extauth.content.privacy.recognisers.number import number, recognisers_of

# Letters and digits in one word, fewer than six digits in a row.
_MIXED = rb"\b[A-Za-z]{1,5}\d[A-Za-z0-9]{3,}|\b[A-Za-z]{6,8}\d[A-Za-z0-9]{2,}|\b\d[A-Za-z0-9]{5,}"

# `privacy.cue` translates words of other scripts into `ppt` and `p!`.
_PASSPORT = (
    "passport|reisepass|passeport|pasaporte|passaporto|passaporte|paspoort|paszport|passnummer"
    "|pass nr|pass no|passnr|pass number|pasaport|passi|passin|pasport|pas|pasnummer|pasnr|útlevél"
    "|cestovní pas|pașaport|putovnica|pasoš|hộ chiếu|paspor|ppt|p!|travel document|passnumer"
)
_LICENCE = (
    "driving licence|driving license|driver licence|driver license|drivers licence|drivers license"
    "|driver's licence|driver's license|dl|dl number|licence number"
    "|license number|führerschein|fuehrerschein|permis de conduire|permis|patente|patente di guida"
    "|permiso de conducir|carnet de conducir|licencia de conducir|carta de condução|cnh|habilitação"
    "|rijbewijs|prawo jazdy|prawa jazdy|körkort|førerkort|kørekort|ajokortti|sürücü belgesi|ehliyet"
    "|řidičský průkaz|jogosítvány|permis auto|vozačka dozvola|driver lic|dlic|d!"
)

PASSPORTS = recognisers_of(
    "passport",
    "passport",
    (
        number(
            document_number,
            _PASSPORT,
            cued="999999999|99999999|A99999999|A9999999|AA9999999|AA999999|AAA999999|99AA99999"
            "|AAXXXXXX9|AXXXXXXX9|AA 9999999|AA 999999|A 99999999|A 9999999|AAA 999999"
            "|99 99 999999|99 9999999|9999 999999|A999A9999|A999999|9999999999"
            "|A-9999999|AA-9999999|A-99999999|AXXXXXXX99|XXXXXXXX9|AXXXXXXXX",
            checksum=False,
        ),
    ),
    prefilter=_MIXED,
)

LICENCES = (
    # DVLA: surname, date of birth, initials, a check and a counter.
    number(british_licence, _LICENCE, checksum=False,
           alone="AAAAA999999AAXAA|AAAA9999999AAXAA|AAA99999999AAXAA|AA999999999AAXAA"
           "|AAAAA999999A9XAA|AAAA9999999A9XAA|AAA99999999A9XAA|AAAAA 999999 AAXAA"),
    number(document_number, "sürücü belgesi|ehliyet", cued="999999", checksum=False),
    number(brazilian_licence, "cnh|habilitação|carteira de motorista|registro", cued="99999999999"),
    number(
        document_number, _LICENCE, checksum=False,
        # North America
        cued="A9999999|A99999999|A999999|AA999999|AA9999999|9999999|99999999|999999999|999 999 999"
        "|A999-999-99-999-9|A999 999 99 999 9|A999999999999|A999-9999-9999|A99999999999"
        "|A999-9999-9999-99|A9999999999999|A 999 999 999 999|A9999 99999 99999|A99999999999999"
        "|A9999-99999-99999|A-999-999-999-999|A999-999-999-999|999-99-9999|99-999-9999|99AAA9999|999999999A|9999999A"
        # Europe
        "|A99XXXXXXX9|XXXXXXXXX99|AA9999999A|A9XXXXXXXA|A99999999A|99AA99999|999999999999"
        "|9999999999"
        "|99999/99/9999|9999/99/9999|AA-999999|A-999999 9|AA 999999|99999999A|A9999999A"
        # Asia and Oceania
        "|AA99 99999999999|AA99-99999999999|AA9999999999999|AA-9999999999999|AA99 9999 9999999"
        "|99-99-999999-99|AA999999A|99999999999",
    ),
)  # fmt: skip
"""The formats of all countries, the fixed forms first."""

DRIVING_LICENCES = recognisers_of("driving_licence", "driving-licence", LICENCES, prefilter=_MIXED)
