"""Tax and business registration numbers, by country."""

from __future__ import annotations

from typing import Final

from extauth.content.privacy.recognisers.checksums import european_vat, hungarian_tax
from extauth.content.privacy.recognisers.number import number, recognisers_of

_TAX = (
    "tax id|tax identification|tax payer id|taxpayer|tin|tax number|tax no|tax ref|tax reference"
    "|fiscal number|fiscal code|fiscal id|nif"
)
_VAT = (
    "vat|vat id|vat reg|ust id|ustid|ust-idnr|uid|umsatzsteuer|tva|iva|partita iva|p.iva|btw|nip"
    "|moms|dph|dič|dic|ddv|pdv|áfa|afm|alv|kmkr|pvm|pvn|fpa|vies|nif|cif|contribuinte|tax id|tax no"
)

# Indian, Singaporean and old Irish numbers have fewer than six digits in a row.
_LETTERED: Final = (
    rb"(?i)\bIE[ \-]?\d[A-Z]\d{5}[A-Z]\b|"
    rb"(?i)\b(?:\d\d)?[A-Z]{5}\d{4}[A-Z]|\b[A-Z]\d\d[A-Z]{2}\d{4}[A-Z]\b"
)

_EU_VAT: Final = "|".join(
    form
    for body in (
        *("A99999999", "9" * 8, "9" * 9, "9" * 10, "9" * 11, "9" * 12, "99999999A", "X9999999X"),
        *("9X99999A", "9999999AA", "XX999999999", "999999999A99", "0999.999.999", "999.999.999"),
        *("99 999999999", "999 999 999", "999 9999 99", "9999 999 999", "9999999999"),
    )
    for form in (
        f"AA{body.replace('0', '9')}",
        f"AA {body.replace('0', '9')}",
        f"AA-{body.replace('0', '9')}",
    )
)

NUMBERS = (
    # Europe
    number("eu.vat", _VAT, alone="AAA99999999|AA999999999A99|AA99 999999999", cued=_EU_VAT),
    number(european_vat, _VAT, cued=f"{_EU_VAT}|AAA99999999|AA99999999999999", checksum=False),
    number("gb.vat", _VAT, alone="AA 999 9999 99|AA999 9999 99|AA999999999",
           cued="999~9999~99|999999999|AA 999999999"),
    number("gb.utr", f"utr|unique taxpayer|{_TAX}", cued="9999999999|99999~99999|999~999~9999"),
    number("de.idnr", f"steuer id|steueridentifikation|steuer identifikation|idnr|id-nr|steuerliche"
           f"|identifikationsnummer|{_TAX}", alone="99 999 999 999", cued="99999999999"),
    number("de.stnr", f"steuernummer|steuer nr|st.-nr|stnr|{_TAX}",
           cued="99/999/99999|999/999/99999|999/9999/9999|9999999999999|99999999999|9999999999",
           checksum=False),
    number("fr.siret", "siret", cued="99999999999999|999 999 999 99999"),
    number("fr.siren", "siren|rcs", cued="999~999~999"),
    number("fr.nif", f"numéro fiscal|spi|référence fiscale|{_TAX}", cued="9999999999999"
           "|99 99 999 999 999"),
    number("it.iva", f"{_VAT}|partita", cued="99999999999"),
    number("es.cif", "cif|nif|identificación fiscal",
           cued="A99999999|A9999999A|A-99999999|A-9999999-A"),
    number("pl.nip", "nip", alone="999-999-99-99|999-99-99-999", cued="9999999999|999 999 99 99"),
    number("pl.regon", "regon", cued="999999999|99999999999999"),
    number("pt.nif", f"contribuinte|nif|nipc|número fiscal|{_TAX}", cued="999~999~999"),
    number("be.vat", f"{_VAT}|ondernemingsnummer|entreprise|kbo|bce", alone="9999.999.999",
           cued="9999999999|999999999"),
    number("nl.bsn", "rsin|omzetbelasting|fiscaal nummer", cued="999999999"),
    number("at.tin", f"steuernummer|abgabenkonto|{_TAX}", cued="99-999/9999|999999999"),
    number("at.uid", f"{_VAT}", cued="A99999999"),
    number("ch.uid", "uid|mwst|tva|iva|che", alone="AAA-999.999.999|AAA999999999",
           cued="AAA 999 999 999"),
    number("se.orgnr", f"organisationsnummer|org.nr|orgnr|{_TAX}", cued="999999-9999|9999999999"),
    number("no.orgnr", f"organisasjonsnummer|org.nr|orgnr|foretaksnummer|{_TAX}",
           cued="999 999 999|999999999"),
    number("dk.cvr", "cvr|se-nr|momsnr", cued="99999999|99~99~99~99"),
    number("fi.ytunnus", f"y-tunnus|ytunnus|fo-nummer|business id|{_TAX}",
           cued="9999999-9|99999999"),
    number(hungarian_tax, f"adószám|adoszam|{_TAX}", alone="99999999-9-99", cued="99999999999"),
    number("hu.anum", f"adószám|adoszam|{_TAX}", cued="99999999"),
    number("cz.dic", "dič|dic|ičo|ico", cued="99999999"),
    number("ro.cui", f"cui|cif|cod fiscal|{_TAX}", cued="99999999|9999999|AA99999999"),
    number("gr.vat", f"afm|{_TAX}", cued="999999999"),
    number("hr.oib", f"oib|porezni broj|{_TAX}", cued="99999999999"),
    number("ru.inn", "inn", cued="9999999999|999999999999"),
    number("rs.pib", "pib", cued="999999999"),
    number("tr.vkn", "vkn|vergi|vergi kimlik|vergi no", cued="9999999999"),
    number("ua.edrpou", "edrpou", cued="99999999"),
    # America
    number("us.itin", f"itin|{_TAX}", alone="999-99-9999", cued="999999999|999 99 9999",
           checksum=False),
    number("us.ein", f"ein|fein|employer identification|employer id|federal tax|{_TAX}",
           cued="99-9999999|999999999", checksum=False),
    number("ca.bn", f"business number|bn|gst|hst|{_TAX}", alone="999999999AA9999",
           cued="999999999|99999 9999|999999999 AA9999|999999999 AA 9999"),
    number("br.cnpj", "cnpj", alone="99.999.999/9999-99", cued="99999999999999"),
    number("ar.cuit", "cuit|cuil", alone="99-99999999-9", cued="99999999999"),
    number("co.nit", f"nit|{_TAX}", cued="999.999.999-9|999999999-9|9999999999"),
    number("mx.rfc", f"rfc|registro federal|{_TAX}", alone="AAAA999999XXX|AAAA-999999-XXX",
           cued="AAA999999XXX|AAA-999999-XXX", checksum=False),
    number("pe.ruc", "ruc", cued="99999999999"),
    number("ec.ruc", "ruc", cued="9999999999999"),
    number("uy.rut", "rut", cued="999999999999|99-999999-999-9"),
    number("ve.rif", "rif", alone="A-99999999-9", cued="A999999999"),
    number("do.rnc", "rnc", cued="999999999|9-99-99999-9"),
    number("cr.cpj", "cédula jurídica|cedula juridica", cued="9-999-999999|9999999999",
           checksum=False),
    # Asia, Africa, Oceania
    number("in_.pan", f"pan|permanent account|{_TAX}", alone="AAAAA9999A", checksum=False),
    number("in_.gstin", f"gstin|gst|{_TAX}", alone="99AAAAA9999AXAX"),
    number("jp.cn", f"corporate number|houjin bango|{_TAX}", cued="9999999999999|9-9999-9999-9999"),
    number("kr.brn", f"business registration|brn|{_TAX}", alone="999-99-99999", cued="9999999999"),
    number("tw.ubn", f"ubn|unified business|{_TAX}", cued="99999999"),
    number("th.tin", f"{_TAX}", cued="9-9999-99999-99-9|9999999999999"),
    number("id.npwp", f"npwp|{_TAX}", alone="99.999.999.9-999.999", cued="999999999999999"),
    number("vn.mst", f"mst|mã số thuế|{_TAX}", cued="9999999999|9999999999-999"),
    number("sg.uen", f"uen|{_TAX}", cued="99999999A|999999999A|A99AA9999A"),
    number("il.hp", f"company number|{_TAX}", cued="999999999|99-999999-9"),
    number("eg.tn", f"{_TAX}", cued="999-999-999|999999999", checksum=False),
    number("za.tin", f"income tax|{_TAX}", cued="9999999999"),
    number("ke.pin", f"kra|kra pin|{_TAX}", alone="A999999999A", checksum=False),
    number("ma.ice", "ice|identifiant commun", cued="999999999999999"),
    number("au.abn", "abn|australian business", alone="99 999 999 999", cued="99999999999"),
    number("au.acn", "acn|australian company", cued="999~999~999"),
    number("au.tfn", f"tfn|tax file|{_TAX}", cued="999~999~999|99999999|99~999~999"),
    number("nz.ird", f"ird|inland revenue|{_TAX}", cued="99~999~999|999~999~999"),
)  # fmt: skip
"""The numbers of all countries, each with its check or format rule first."""

TAX_IDS = recognisers_of("tax_id", "tax-id", NUMBERS, prefilter=_LETTERED)
