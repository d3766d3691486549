"""National identity and social security numbers, by country."""

from __future__ import annotations

from extauth.content.privacy.recognisers.checksums import (
    australian_medicare,
    british_insurance,
    british_like,
    chinese,
    german_id_card,
    german_id_serial,
    german_pension,
    korean,
    russian_insurance,
    singaporean,
    social_security,
    taiwanese,
)
from extauth.content.privacy.recognisers.number import number, recognisers_of

# Cues used in any country; `privacy.cue` translates words of other scripts into `nid`.
_ID = (
    "national id|national identity|national identification|identity card|id card|identity number"
    "|identification number|id number|personal id|personal number|citizen id|nid|social security"
    "|insurance number"
)

# An Italian codice fiscale, whose digits may be letters; a German identity card.
_LETTERED = (
    rb"(?i)\b[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}"
    rb" ?[A-Z][0-9LMNP-V]{3}[A-Z]\b"
    rb"|\b[LMNPRTV-Z][CFGHJ-NPRTV-Z0-9]{8}"
)

NUMBERS = (
    # Europe
    number(british_insurance, f"nino|national insurance|ni number|ni no|{_ID}",
           alone="AA999999A|AA 99 99 99 A|AA-99-99-99-A|AA 999999 A", checksum=False),
    number(british_like, f"nino|national insurance|ni number|ni no|{_ID}", checksum=False,
           cued="AA999999A|AA 99 99 99 A|AA 999999 A"),
    number("gb.nhs", "nhs|national health", cued="999~999~9999"),
    number(german_id_card, f"personalausweis|ausweis|ausweisnr|perso|{_ID}",
           cued="A999999999|AXXXXXXXX9"),
    number(german_id_serial, "personalausweis|ausweis|ausweisnr|perso", cued="AXXXXXXXX",
           checksum=False),
    number(german_pension, f"rentenversicherung|sozialversicherung|rvnr|svnr|{_ID}",
           alone="99~999999~A~999|99 999999 A 999"),
    number("fr.nir", f"insee|sécurité sociale|nir|sécu|{_ID}",
           alone="9 99 99 99 999 999 99|9 99 99 9A 999 999 99|999999999999999|999999A99999999"
           "|9 99 99 99 999 999 / 99|9999999999999 99", cued="9-99-99-99-999-999-99"),
    number("es.dni", f"dni|nif|documento|{_ID}",
           alone="99999999A|99999999-A|99.999.999-A|99999999 A|99.999.999 A|99.999.999A"),
    number("es.nie", f"nie|extranjero|{_ID}",
           alone="A9999999A|A-9999999-A|A-9999999A|A9999999-A|A 9999999 A"),
    number("it.codicefiscale", f"codice fiscale|cod fisc|cf|{_ID}",
           alone="AAAAAAXXAXXAXXXA|AAA AAA 99A99 A999A|AAAAAA 99A99 A999A"),
    number("pl.pesel", f"pesel|{_ID}", cued="99999999999"),
    number("nl.bsn", f"bsn|burgerservice|sofi|burger service|{_ID}",
           cued="999999999|9999~99~999|999 999 999|999.999.999"),
    number("be.nn",
           f"rijksregister|registre national|rrn|national register|nationaal|insz|niss|{_ID}",
           alone="99.99.99-999.99", cued="99999999999|99.99.99.999.99|999999-999-99"),
    number("pt.cc", f"cartão de cidadão|cc|{_ID}", alone="99999999 9 AA9|999999999AA9"),
    number("se.personnummer", f"personnummer|personnr|pnr|samordningsnummer|{_ID}",
           alone="999999-9999|99999999-9999", cued="9999999999|999999999999"),
    number("no.fodselsnummer", f"fødselsnummer|fodselsnummer|personnummer|d-nummer|fnr|{_ID}",
           alone="999999 99999", cued="99999999999"),
    number("dk.cpr", f"cpr|personnummer|{_ID}", cued="999999-9999|9999999999|999999 9999",
           checksum=False),
    number("fi.hetu", f"henkilötunnus|hetu|sosiaaliturvatunnus|personbeteckning|{_ID}",
           alone="999999-999X|999999A999X"),
    number("is_.kennitala", f"kennitala|kt|{_ID}", cued="999999-9999|9999999999"),
    number("ee.ik", f"isikukood|{_ID}", cued="99999999999"),
    number("lt.asmens", f"asmens kodas|{_ID}", cued="99999999999"),
    number("lv.pvn", f"personas kods|{_ID}", cued="999999-99999|99999999999"),
    number("ro.cnp", f"cnp|cod numeric|{_ID}", cued="9999999999999"),
    number("bg.egn", f"egn|{_ID}", cued="9999999999"),
    number("cz.rc", f"rodné číslo|rodne cislo|rč|r.č.|rodným číslem|{_ID}",
           alone="999999/9999", cued="9999999999|999999/999|999999999"),
    number("hr.oib", f"oib|{_ID}", cued="99999999999"),
    number("si.emso", f"emšo|emso|jmbg|embg|matični broj|{_ID}", cued="9999999999999"),
    number("gr.amka", f"amka|{_ID}", cued="99999999999"),
    number("ch.ssn", f"ahv|avs|{_ID}", alone="999.9999.9999.99", cued="9999999999999"
           "|999 9999 9999 99"),
    number("at.vnr", f"sozialversicherung|svnr|sv-nr|sv-nummer|{_ID}",
           cued="9999~999999|9999~99~99~99"),
    number("ie.pps", f"pps|ppsn|{_ID}", cued="9999999A|9999999AA|9999999~A"),
    number("tr.tckimlik", f"tc kimlik|t.c. kimlik|kimlik|tckn|tc no|{_ID}", cued="99999999999"),
    number("ua.rntrc", f"ipn|{_ID}", cued="9999999999"),
    number(russian_insurance, f"snils|{_ID}", alone="999-999-999 99",
           cued="99999999999|999-999-999-99"),
    # America
    number(social_security, f"ssn|social security|social|soc sec|ss|{_ID}", alone="999-99-9999",
           cued="999999999|999 99 9999|999.99.9999", checksum=False),
    number("ca.sin", f"sin|social insurance|nas|assurance sociale|{_ID}", cued="999~999~999"),
    number("mx.curp", f"curp|{_ID}", alone="AAAA999999AAAAAAX9"),
    number("br.cpf", f"cpf|{_ID}", alone="999.999.999-99", cued="99999999999|999 999 999 99"),
    number("cl.rut", f"rut|run|{_ID}", alone="99.999.999-X|9.999.999-X",
           cued="99999999-X|9999999-X|99999999X"),
    number("do.cedula", f"cédula|cedula|{_ID}", alone="999-9999999-9", cued="99999999999"),
    number("ec.ci", f"cédula|cedula|ci|{_ID}", cued="9999999999|999999999-9"),
    number("pe.cui", f"dni|cui|{_ID}", cued="99999999-X"),
    number("ar.dni", f"dni|documento|{_ID}", cued="99.999.999|99999999", checksum=False),
    number("cu.ni", f"carné de identidad|carnet de identidad|{_ID}", cued="99999999999",
           checksum=False),
    # Asia, Africa, Oceania
    number("in_.aadhaar", f"aadhaar|aadhar|adhaar|uidai|uid|{_ID}", cued="9999~9999~9999"),
    number(chinese, f"shenfenzheng|resident identity|{_ID}", alone="99999999999999999X"),
    number(korean, f"resident registration|rrn|jumin|{_ID}", alone="999999-9999999",
           cued="9999999999999", checksum=False),
    number("jp.in_", f"my number|individual number|kojin bango|{_ID}", cued="9999~9999~9999"),
    number(taiwanese, f"taiwan id|{_ID}", cued="A999999999"),
    number(singaporean, f"nric|fin|{_ID}", alone="A9999999A"),
    number("my.nric", f"mykad|nric|ic number|ic no|kad pengenalan|{_ID}", alone="999999-99-9999",
           cued="999999999999", checksum=False),
    number("id.nik", f"nik|ktp|{_ID}", cued="9999999999999999", checksum=False),
    number("th.pin", f"thai id|{_ID}", alone="9-9999-99999-99-9",
           cued="9999999999999|9 9999 99999 99 9"),
    number("pk.cnic", f"cnic|nadra|{_ID}", alone="99999-9999999-9", cued="9999999999999",
           checksum=False),
    number("il.idnr", f"teudat zehut|israeli id|mispar zehut|{_ID}", cued="999999999|99999999-9"),
    number("za.idnr", f"sa id|rsa id|south african id|{_ID}", cued="9999999999999|999999 9999 999"
           "|999999 9999 99 9"),
    number(australian_medicare, "medicare", cued="9999 99999 9|9999999999|9999-99999-9"),
)  # fmt: skip
"""The numbers of all countries, each with its check or format rule first."""

NATIONAL_IDS = recognisers_of("national_id", "national-id", NUMBERS, prefilter=_LETTERED)
