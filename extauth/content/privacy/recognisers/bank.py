"""Bank accounts in the national formats that precede IBAN or exist instead of it."""

from __future__ import annotations

from extauth.content.privacy.recognisers.checksums import (
    belgian_account,
    clabe,
    hungarian_account,
    plain_digits,
    polish_account,
    swedish_giro,
)
from extauth.content.privacy.recognisers.number import number, recognisers_of

# `privacy.cue` translates words of other scripts into `acct`.
_ACCOUNT = (
    "bank account|account number|account no|account|acct|acct number|a/c|a!|checking"
    "|savings account"
    "|konto|kontonummer|kontonr|bankkonto|bankverbindung|compte|compte bancaire|rib|cuenta"
    "|cuenta bancaria|cuenta corriente|conto|conto corrente|conta|conta corrente|conta bancária"
    "|rekening|rekeningnummer|bankrekening|rachunek|rachunku|nr konta|bankkontonummer|hesap"
    "|hesap numaras|tili|tilinumero|účet|účtu|số tài khoản"
)

NUMBERS = (
    number("us.rtn", "routing|aba|rtn|routing transit|bank code", cued="999999999|9999-9999-9"),
    number("es.ccc", f"ccc|{_ACCOUNT}", alone="9999 9999 99 9999999999|9999-9999-99-9999999999",
           cued="99999999999999999999"),
    number("no.kontonr", _ACCOUNT, alone="9999.99.99999", cued="9999 99 99999|99999999999"),
    number(belgian_account, _ACCOUNT, alone="999-9999999-99", cued="999999999999"),
    number("cz.bankaccount", _ACCOUNT,
           cued="999999-9999999999/9999|9999999999/9999|999999999/9999|99-9999999999/9999"
           "|99-999999999/9999"),
    number(polish_account, f"nrb|{_ACCOUNT}", alone="99 9999 9999 9999 9999 9999 9999",
           cued="99999999999999999999999999"),
    number(hungarian_account, f"számlaszám|bankszámla|{_ACCOUNT}",
           alone="99999999-99999999-99999999|99999999-99999999"),
    number(swedish_giro, "bankgiro|bg|bankgironummer|bg-nr|plusgiro|postgiro|pg",
           cued="999-9999|9999-9999|9999999|99999999|99 99 99-9|9 99 99-9|999999-9|99999-9"),
    number("nz.bankaccount", _ACCOUNT, alone="99-9999-9999999-99|99-9999-9999999-999"),
    number("ar.cbu", f"cbu|cvu|{_ACCOUNT}", alone="9999999999999999999999",
           cued="99999999 99999999999999"),
    number(clabe, f"clabe|{_ACCOUNT}", cued="999999999999999999|999 999 99999999999 9"),
    # Without a checksum, behind a cue.
    number(plain_digits, "sort code|sc|sort", cued="99-99-99|99 99 99|999999", checksum=False),
    number(plain_digits, "bsb", cued="999-999|999 999|999999", checksum=False),
    number(plain_digits, "transit|branch transit", cued="99999-999", checksum=False),
    number(plain_digits, "blz|bankleitzahl", cued="999 999 99|99999999", checksum=False),
    number(plain_digits, _ACCOUNT, checksum=False,
           cued="|".join("9" * length for length in range(6, 19))
           + "|AAAA99999999999999|AAAA9999999999"
           "|99999-9|999999-9|9999999-9|99999999-9|9999 9999|9999 9999 9999"
           "|999 9999 9999|9999-9999-9999|9999 999 999|99999999999999999999|999-999999|999-999999-9"
           "|9999.99.999|99 99 99 999|9999-9999|9999-999999|999-9-9999999|999-999999-999"),
)  # fmt: skip
"""The formats of all countries, each with its check first."""

BANK_ACCOUNTS = recognisers_of("bank_account", "bank-account", NUMBERS)
