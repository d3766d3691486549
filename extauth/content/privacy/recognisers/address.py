"""Postal addresses as written in North America, Europe, Brazil and Australia."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_REACH = 64
# Any word may become that of a street, or that of a post office box.
_WORD_BROKEN_OFF = rb"[A-Za-z][A-Za-z\xe9.\-]{0,64}"
_CUE = compile_pattern(
    rb"(?i)address|\blives? (?:at|in|on)\b|living at|reside|ship(?:ped|ping)? to|deliver|located"
    rb"|mail(?:ed|ing)? (?:it )?to|\bat my (?:house|home|place)|adresse|anschrift|wohn(?:e|t|haft"
    rb"|ort)"
    rb"|liefer|habite|domicili|demeur|livr(?:er|aison)|direcci\xe9n|vivo en|vive en|resid|indirizzo"
    rb"|abit[oa]|endere\xe9o|mor[oa]|morada|\badres|woon|zamieszka|mieszka|adress|\bbor p\xe9"
    rb"|\bbo[sr]? i\b"
)
_STRAY = compile_pattern(rb"(?:[\w\xe9$#%]|\d[.,:/\-]|[\$\xe9]\d)\z")

# Names of streets and towns: words that begin with a capital, and the small ones between them.
_NAME = rb"[A-Z\xe9][\w\xe9'.\-]{0,24}"
# An apostrophe as people type it, or the space in its place.
_MARK = rb"['` \x1f]"
_SMALL_WORDS = (
    rb"de|du|des|del|della|delle|dei|degli|di|da|das|do|dos|d"
    + _MARK
    + rb"|l"
    + _MARK
    + rb"|la|le|les|los|las|el|y|e|et"
    rb"|of|the|on|upon|under|am|an|der|dem|den|im|in|auf|van|von|zu|zum|zur|sur|sous|en|aan|op"
)
_SMALL = rb"(?:" + _SMALL_WORDS + rb")"
_NAMES = (
    rb"(?:(?:" + _SMALL + rb"[ ]?){0,3}" + _NAME + rb"[ ]){0,4}" + rb"(?:" + _SMALL + rb"[ ]?){0,3}"
)
_TOWN = (
    rb"(?:(?:Bad|St\.?|Sankt|Saint|San|Santa|Santo|S\xe9o|S\xe9nt|Den|New|Neu|Le|La|Les|Los|Las"
    rb"|El)[ ])?"
    + _NAME
    + rb"(?:[ ](?:(?:am|an der|ob der|im|in der|sur|sous|de|de la|d"
    + _MARK
    + rb"|di|del|da|do|y|upon|on"
    rb"|der)[ ])" + _NAME + rb"){0,2}"
)
_GAP = rb"[ ]{0,2}(?:,|\r?\n|,\r?\n| -|;)?[ ]{0,2}"
_TOWN_AFTER = compile_pattern(rb"\A(,[ ]" + _TOWN + rb")(?:[.,;:!?)\"'\]\r\n]|\z)")
# Distances and durations: a 5 Minute Drive, the 12 Step Way.
_NO_STREET = compile_pattern(
    rb"(?i)\A\d+[ \-](?:minutes?|mins?|hours?|days?|weeks?|months?|years?|miles?|blocks?|steps?"
    rb"|stars?"
    rb"|km|metres?|meters?|point|way|lane|the|of|a)\b"
)


class AddressRecogniser:
    """Street and house number as one country writes them, and the post code and town that follow.

    A street alone counts if it is `certain`, or behind a word such as `address` or `lives at`.
    """

    kind = "address"
    confidence = 0.7

    __slots__ = ("_certain", "_pattern", "name", "opens", "prefilter")

    def __init__(
        self,
        code: str,
        prefilter: bytes,
        street: bytes,
        rest: bytes,
        *,
        certain: bytes,
        opens: bytes,
    ) -> None:
        self.name = f"address-{code}"
        self.prefilter = prefilter
        self.opens = opens + rb"|" + _WORD_BROKEN_OFF
        self._pattern = compile_pattern(rb"(" + street + rb")(" + _GAP + rest + rb")?")
        self._certain = compile_pattern(certain)

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield whole addresses."""
        at = 0
        while (match := self._pattern.search(data, at)) is not None:
            start, end = match.start(), match.end()
            if _STRAY.search(data[max(0, start - 2) : start]):
                # The match begins inside a word; a street may begin behind it.
                at = start + 1
                continue
            at = end
            if _NO_STREET.search(data[start:end]):
                continue
            if match.group(2) is None:
                street = data[start:end]
                before = data[max(0, start - _REACH) : start]
                if not self._certain.search(street) and not _CUE.search(before):
                    continue
                town = _TOWN_AFTER.search(data[end : end + _REACH])
                end += town.end(1) if town else 0
            yield Span(start, start + len(data[start:end].rstrip(b" .,")))


# Beginnings of an address that breaks off, from its first byte: a number or a name, then names,
# numbers and the small words between them.
_WORD = rb"[\w\xe9'`.\-/#\x1f]"
_LOWER = rb"(?:" + _SMALL_WORDS + rb"|het|ob|i|saint|sainte|sankt|aux?)"
_PART = (
    rb"(?:(?:" + _LOWER + rb"){0,3}[A-Z\xe9\d#(]" + _WORD + rb"{0,64}\)?|" + _LOWER + rb"{1,3}"
    rb"|(?i:[a-z]?|n[\w\xe9.\x1f]{1,3}|lok|tr|int|m)\.?(?:\d" + _WORD + rb"{0,8})?"
    rb"|(?i:s/n|piso|bis|ter|quater|hs|huis|lgh|sal|th|tv|mf|box|postale|de correos))"
)
_BETWEEN = rb"[ ,.\r\n;:\-/]{1,64}"
_RUN = rb"(?:" + _BETWEEN + _PART + rb"){0,64}(?:" + _BETWEEN + rb")?(?:" + _WORD + rb"{1,64})?"
_FROM_NUMBER = rb"\d{1,6}(?:-\d{1,4})?[A-Za-z]{0,4},?" + _RUN
_FROM_NAME = rb"[A-Z\xe9][\w\xe9'.\-]{0,64}" + _RUN

_EN_STRONG = (
    rb"(?:Street|Str|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Terrace|Ter|Terr|Crescent|Cres"
    rb"|Parkway|Pkwy|Highway|Hwy|Drive|Dr|Court|Ct|Broadway|Gardens|Gdns|Mews|Esplanade|Alley"
    rb"|Turnpike)"
)
_EN_WEAK = (
    rb"(?:Way|Alley|Annex|Arcade|Avenue|Bayou|Beach|Bluffs?|Bottom|Branch|Bridge|Brooks?|Burgs?"
    rb"|Bypass|Byway|Camp|Canyon|Cape|Causeway|Centers?|Circles?|Cliffs?|Club|Common|Corners?|Course"
    rb"|Coves?|Creek|Crest|Dale|Dam|Divide|Drives|Estates?|Expressway|Extensions?|Falls?|Ferry"
    rb"|Fields?|Flats?|Fords?|Forest|Forges?|Forks?|Fort|Freeway|Gardens?|Gateway|Glens?|Greens"
    rb"|Groves|Harbors?|Haven|Heights|Hills|Hollow|Inlet|Islands?|Isle|Junctions?|Keys?|Knolls?"
    rb"|Lakes?|Land|Landing|Lights?|Loaf|Locks?|Lodge|Mall|Manors?|Meadows?|Mews|Mills?|Mission"
    rb"|Motorway|Mountains?|Neck|Orchard|Oval|Overpass|Parks|Parkways|Passage|Pines?|Plains?|Points|Ports?"
    rb"|Prairie|Radial|Ramp|Ranch|Rapids?|Rest|Ridges|River|Roads|Route|Shoals?|Shores?|Skyway"
    rb"|Springs?|Spurs?|Squares|Station|Stravenue|Stream|Streets|Summit|Throughway|Trace|Track"
    rb"|Trafficway|Tunnel|Underpass|Unions?|Valleys?|Viaduct|Views|Villages?|Ville|Vista|Walks|Wall"
    rb"|Ways|Wells?|Place|Pl|Square|Sq|Circle|Cir|Close|Cl|Row|Walk|Park|Grove|Gr|Parade|Pde|Quay|Hill"
    rb"|Green|Rise|View|Loop|Trail|Trl|Path|Pike|Run|Pass|Plaza|Crossing|Point|Ridge|Bend|Cove"
    rb"|Wharf)"
)
_EN_UNIT = (
    rb"(?:,?[ ](?:(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Bldg|Building|Room|Rm|Lot"
    rb"|PO Box)\.?[ ]?#?"
    rb"[ ]?[\w\-]{1,6}|#[ ]?[\w\-]{1,6}))"
)
_STATE = (
    rb"(?:A[AEPS]|GU|MP|PR|VI|FM|MH|PW|A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI"
    rb"|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|Alabama|Alaska|Arizona|Arkansas|California|Colorado"
    rb"|Connecticut"
    rb"|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine"
    rb"|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada"
    rb"|New (?:Hampshire|Jersey|Mexico|York)|(?:North|South) (?:Carolina|Dakota)|Ohio|Oklahoma"
    rb"|Oregon"
    rb"|Pennsylvania|Rhode Island|Tennessee|Texas|Utah|Vermont|(?:West )?Virginia|Washington"
    rb"|Wisconsin|Wyoming)"
)
_EN_TOWN = _NAME + rb"(?:[ ]" + _NAME + rb"){0,3}"
_EN_CODE = (
    rb"(?:" + _STATE + rb"(?:[, ]{1,2}\d{5}(?:-\d{4})?)?"  # US
    rb"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"  # United Kingdom
    rb"|(?:[A-Z]{2}[, ]{1,2})?[A-Z]\d[A-Z][ \-]?\d[A-Z]\d"  # Canada
    rb"|(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT)[, ]{1,2}\d{4}"  # Australia
    rb"|\d{5}(?:-\d{4})?)"
)
_COUNTRY = (
    rb"(?:,[ ](?:USA?|U\.S\.A\.|United States(?: of America)?|UK|United Kingdom|England|Scotland"
    rb"|Wales"
    rb"|Canada|Australia|Ireland|New Zealand|Deutschland|Germany|\xe9sterreich|Austria|Schweiz"
    rb"|Switzerland|France|Espa\xe9a|Spain|Italia|Italy|Nederland|Netherlands|The Netherlands"
    rb"|Portugal|Bra[sz]il|Polska|Poland|Sverige|Sweden))?"
)
_FR_CH_STREET = rb"rue|avenue|boulevard|chemin|route|place|quai|ruelle"
_ES_STREET = (
    rb"calle|pasaje|ca\xe9ada|cuesta|rambla|callej\xe9n|urbanizaci\xe9n|vial|retorno|cerrada"
    rb"|perif\xe9rico|calzada|prolongaci\xe9n|avda\.?|avenida|plaza|pza\.?|paseo|camino|carretera"
    rb"|ctra\.|ronda|traves\xe9a|glorieta|c\."
)
_IT_STREET = (
    rb"via|borgo|canale|stretto|rotonda|viale|v\.le|piazza|p\.zza|p\.za|piazzale|corso|c\.so"
    rb"|vicolo|largo|strada|lungomare|contrada|localit\xe9"
)
_PT_STREET = rb"rua|r\.|avenida|av\.|travessa|pra\xe9a|alameda|estrada|rodovia|largo|beco"
_PL_STREET = rb"ul\.|al\.|pl\.|os\.|ulica|ulicy|aleja|alei|plac"
_NL_STREET = (
    rb"straat|laan|weg|plein|gracht|kade|dijk|singel|steeg|hof|dreef|plantsoen|markt|park|pad"
    rb"|boulevard|baan|lei"
)
_NORDIC_STREET = (
    rb"gatan|v\xe9gen|vagen|gr\xe9nd|torget|all\xe9n|stigen|backen|plan|gata|gade|vej|veien|gate"
    rb"|[Aa]ll\xe9|stien|katu|tie|kuja|polku|bulevardi|kaari|raitti|str\xe9de|bakken|svingen"
    rb"|br\xe9ten|\xe9sen|tunet|lunden|jordet|vollen|haugen|ringen"
)

ADDRESSES = (
    AddressRecogniser(
        "box",
        rb"(?:P\.? ?O\.? ?|Post Office )[Bb]ox \d|Postfach \d|Apartado(?: de [Cc]orreos)? \d"
        rb"|Postbus \d|Casella [Pp]ostale \d|(?:PSC|CMR|Unit) \d{1,5},? Box \d",
        rb"(?:(?:P\.? ?O\.? ?|Post Office )[Bb]ox|Postfach|Apartado(?: de [Cc]orreos)?|Postbus"
        rb"|Casella [Pp]ostale|(?:PSC|CMR|Unit) \d{1,5},? Box) \d{1,6}\b",
        rb"(?:[AFD]PO A[AEP] \d{5}\b|(?:"
        + _EN_TOWN
        + _GAP
        + rb"){0,2}"
        + _EN_CODE
        + rb"\b|\d{4,5}(?: [A-Z]{2})? "
        + _TOWN
        + rb")"
        + _COUNTRY,
        certain=rb"\A.",
        opens=rb"(?:P\.?(?: ?O(?:\.? ?(?:[Bb]o?x?)?)?)?|[PACU][A-Za-z.]{0,8})" + _RUN,
    ),
    AddressRecogniser(
        "en",
        rb"[ ](?:" + _EN_STRONG + rb"|" + _EN_WEAK + rb")\b",
        rb"(?:(?:Flat|Apartment|Apt|Unit|Suite)\.?[ ]\w{1,5},[ ])?\d{1,5}(?:-\d{1,4}"
        rb"|[A-Za-z])?,?[ ]"
        rb"(?:(?:N|S|E|W|NE|NW|SE|SW)\.?[ ])?(?:(?:\d{1,3}(?:st|nd|rd|th)|" + _NAME + rb"|the"
        rb"|of)[ ]){1,4}?"
        rb"(?:" + _EN_STRONG + rb"|" + _EN_WEAK + rb")\b\.?(?:[ ](?:N|S|E|W|NE|NW|SE|SW|North"
        rb"|South|East|West)\b\.?)?" + _EN_UNIT + rb"?",
        rb"(?:"
        + _EN_TOWN
        + _GAP
        + rb"){0,2}"
        + _EN_CODE
        + rb"\b"
        + _COUNTRY
        + rb"|"
        + _TOWN
        + rb"\b"
        + _COUNTRY[:-1],
        certain=rb"\A(?:\d{1,3}[A-Za-z]?|\d{5}|[03-9]\d{3}|1[0-8]\d\d|2[1-9]\d\d)[, ].* "
        + _EN_STRONG
        + rb"\b|(?:Apt|Suite|Ste|Unit|Flat|#)",
        opens=rb"(?:Flat|Apartment|Apt|Unit|Suite)\.?(?:[ ](?:\w{1,5},?[ ]?)?)?|" + _FROM_NUMBER,
    ),
    AddressRecogniser(
        "de",
        rb"(?:tra\xe9e|trasse|tr\.|gasse|allee|platz|weg|ring|hof|ufer|damm|graben|[Mm]arkt"
        rb"|chaussee|steig|pfad|promenade|berg|Allee|Platz|Weg|Ring|Gasse|Linden)[ ]\d",
        rb"(?:(?:Am|An der|An den|Auf der|Auf dem|Im|In der|Unter den|Zum|Zur|Alte|Alter|Neue"
        rb"|Neuer|Gro\xe9e|Kleine|Obere|Untere|Hohe|Lange)[ ])?"
        rb"(?:[A-Z\xe9][\w\xe9.\-]{0,24}[ \-]){0,3}"
        rb"(?:[A-Z\xe9][\w\xe9\-]{0,24}(?:stra\xe9e|strasse|str\.|gasse|allee|platz|weg|ring|hof"
        rb"|ufer|damm|graben|markt|chaussee|steig|pfad|promenade|berg)"
        rb"|Stra\xe9e|Strasse|Str\.|Gasse|Allee|Platz|Weg|Ring|Linden|Markt|Ufer|Graben)"
        rb"[ ]\d{1,4}[ ]?(?:[a-z]\b)?(?:[ ]?[\-/][ ]?\d{1,4}){0,3}",
        rb"(?:(?:D|A|CH|DE|AT)[ \-]{1,3})?\d{4,5}[ ]" + _TOWN + _COUNTRY,
        certain=rb"(?:stra\xe9e|strasse|str\.|gasse|allee|chaussee|promenade|Stra\xe9e|Strasse"
        rb"|Allee)[ ]\d",
        opens=_FROM_NAME,
    ),
    AddressRecogniser(
        "fr",
        rb"(?i)\d(?: ?(?:bis|ter|quater|[a-d]))?,? (?:rue|avenue|av\.|boulevard|bd|bld|place|pl\."
        rb"|chemin|all\xe9e|impasse|quai|cours|route|square|passage|faubourg|r\xe9sidence|sentier"
        rb"|rond-point|esplanade|lotissement|mont\xe9e) ",
        rb"\d{1,4}(?: ?(?:bis|ter|quater|[A-D]\b))?,? (?i:rue|avenue|av\.|boulevard|bd\.?|bld"
        rb"|place|pl\.|chemin|all\xe9e|impasse|quai|cours|route|square|passage|faubourg"
        rb"|r\xe9sidence|sentier|rond-point|esplanade|lotissement|mont\xe9e) "
        rb"(?:(?:de la|de l"
        + _MARK
        + rb"|du|des|de|d"
        + _MARK
        + rb"|la|le|les|l"
        + _MARK
        + rb"|saint|sainte|et|sous|sur|en|aux?"
        rb"|\xe9)[ ]?){0,3}(?:[A-Z\xe9\d][\w\xe9'\-]{0,24})"
        rb"(?:[ ](?:(?:de la|de l" + _MARK + rb"|du|des|de|d" + _MARK + rb"|et|la|le"
        rb"|les)[ ]?){0,2}[A-Z\xe9][\w\xe9'\-]{1,24}){0,4}",
        rb"(?:F-|FR-)?\d{5}[ ]" + _TOWN + rb"(?:[ ](?:Cedex|CEDEX)(?: \d{1,2})?)?" + _COUNTRY,
        certain=rb"(?i)\d(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|chemin|all\xe9e|impasse"
        rb"|quai) ",
        opens=rb"\d{1,4}(?i: ?(?:bis|ter|quater|[a-d]))?,?(?:[ ][A-Za-z\xe9.\-]{2,13})?" + _RUN,
    ),
    AddressRecogniser(
        "fr-ch",
        rb"(?i)\b(?:" + _FR_CH_STREET + rb") [^\n\d]{2,40} \d",
        rb"\b(?i:" + _FR_CH_STREET + rb") " + _NAMES + _NAME + rb",?[ ]\d{1,4}[a-z]?\b",
        rb"(?:CH-)?\d{4}[ ]" + _TOWN + _COUNTRY,
        certain=rb"\A\z",
        opens=rb"(?i:" + _FR_CH_STREET + rb")" + _RUN,
    ),
    AddressRecogniser(
        "es",
        rb"(?i)\b(?:" + _ES_STREET + rb"|c/) ?[A-Z\xe9]",
        rb"(?:\b(?i:"
        + _ES_STREET
        + rb") |\b[Cc]/ ?)"
        + rb"(?:"
        + _SMALL
        + rb"[ ]){0,3}"
        + _NAME
        + rb"(?:[ ](?:"
        + _SMALL
        + rb"[ ]){0,3}"
        + _NAME
        + rb"){0,4}"
        rb",?[ ](?:n[\xe9o.\x1f]{1,2}\.?[ ]?|n\xe9m\.[ ]?|s/n)?\d{1,4}(?:[ ]?[A-D]\b)?"
        rb"(?:[ ](?:Piso|Puerta|Apt\.|Edif\.|Depto\.|Local)[ ]\d{1,4}[ ,]{0,3}){0,2}"
        rb"(?:,?[ ](?:piso[ ])?\d{1,2}[.\xe9ao\x1f]{1,2}[ ]?(?:[A-Za-z]{1,4}\b\.?)?)?",
        rb"(?:"
        + _TOWN
        + rb",[ ](?:[A-Z]{2,4}[ ])?\d{5}(?:-\d{4})?\b|\d{5}[ ]"
        + _TOWN
        + rb"(?:[ ]?\([A-Z\xe9][\w\xe9]{2,20}\))?)"
        + _COUNTRY,
        certain=rb"(?i)\A(?:calle|avda|avenida|paseo|c/|plaza|pza|callej\xe9n|calzada)",
        opens=rb"(?:[Cc]/ ?|(?i:" + _ES_STREET + rb")[ ])" + _WORD + rb"{0,64}" + _RUN,
    ),
    AddressRecogniser(
        "it",
        rb"(?i)\b(?:" + _IT_STREET + rb") (?:\w{2,5}[ '`\x1f])?[A-Z\xe9]",
        rb"\b(?i:" + _IT_STREET + rb") "
        rb"(?:"
        + _SMALL
        + rb"[ ]?){0,2}"
        + _NAME
        + rb"(?:[ ](?:"
        + _SMALL
        + rb"[ ]?){0,2}"
        + _NAME
        + rb"){0,3}"
        rb",?[ ](?:n\.?[\xe9\x1f]?[ ]?)?\d{1,4}(?:[ ]?/?[ ]?[A-Za-z]\b)?"
        rb"(?:,?[ ](?:Piano|Appartamento|Interno|int\.|Scala)[ ]\w{1,4})?",
        rb"\d{5},?[ ]" + _TOWN + rb"(?:[ ]\(?[A-Z]{2}\)?)?" + _COUNTRY,
        certain=rb"\A(?:Via|Viale|Piazza|Piazzale|Corso|Vicolo) [^,]+(?:,| n)|(?i)\A(?:viale"
        rb"|piazza|corso|vicolo|piazzale)",
        opens=rb"(?i:" + _IT_STREET + rb")" + _RUN,
    ),
    AddressRecogniser(
        "pt",
        rb"(?i)\b(?:" + _PT_STREET + rb") (?:\w{1,3} )?[A-Z\xe9]",
        rb"\b(?i:" + _PT_STREET + rb") "
        rb"(?:"
        + _SMALL
        + rb"[ ]){0,2}"
        + _NAME
        + rb"(?:[ ](?:"
        + _SMALL
        + rb"[ ]){0,2}"
        + _NAME
        + rb"){0,4}"
        rb",?[ ](?:n[\xe9o.\x1f]{1,2}\.?[ ]?)?\d{1,5}\b(?:[ ]?[A-D]\b)?",
        rb"(?:[^,\n\x1f]{1,32}(?:, | - |\n)){0,3}?(?:CEP:? )?(?:\d{4}-\d{3}(?:[ ]" + _TOWN + rb")?"
        rb"|\d{5}-?\d{3}(?:[ ]" + _TOWN + rb"(?:[ ][/\-][ ][A-Z]{2}\b)?)?)" + _COUNTRY,
        certain=rb"(?i)\A(?:rua|avenida|travessa|pra\xe9a|alameda) ",
        opens=rb"(?i:"
        + _PT_STREET
        + rb")"
        + _RUN
        # Behind the number up to three parts of anything, and a break on either side.
        + rb"(?:\d(?:[^,\n\x1f]{0,64}(?:,|\n)){0,5}[^,\n\x1f]{0,64})?",
    ),
    AddressRecogniser(
        "nl",
        rb"(?:" + _NL_STREET + rb")[ ]\d|\bLaan van ",
        rb"(?:Laan van (?:(?:de|der|den|het) )?[A-Z\xe9][\w\xe9\-]{2,28}"
        rb"|(?:[A-Z\xe9][\w\xe9.\-]{0,24}[ ](?:(?:van|de|der"
        rb"|den)[ ]){0,2}){0,3}[A-Z\xe9]?[\w\xe9\-]{2,28}(?:" + _NL_STREET + rb"))"
        rb"[ ]\d{1,4}(?:[ \-]?[a-zA-Z]{1,3}\b|-\d{1,3}|[ ](?:bis|hs|huis))?",
        rb"(?:(?:NL-)?\d{4}[ ]?[A-Z]{2}(?:[ \n]{1,2}" + _TOWN + rb")?|\d{4}[ \n]" + _TOWN + rb")"
        rb"" + _COUNTRY,
        certain=rb"[A-Z][\w\xe9\-]*(?:straat|laan|gracht|plein|singel|kade|steeg)[ ]\d|\ALaan van ",
        opens=_FROM_NAME + rb"|[\w\xe9\-]{0,64}(?:" + _NL_STREET + rb")" + _RUN,
    ),
    AddressRecogniser(
        "pl",
        rb"(?i)\b(?:" + _PL_STREET + rb") ?[A-Z\xe9\d]",
        rb"\b(?i:" + _PL_STREET + rb") ?"
        rb"(?:\d{1,2}[ ])?[A-Z\xe9\d][\w\xe9.\-]{1,24}(?:[ ][A-Z\xe9i][\w\xe9.\-]{0,24}){0,3}"
        rb"[ ]\d{1,4}[a-zA-Z]?(?:[ ]?(?:/|m\.?|lok\.)[ ]?\d{1,4}[a-z]?)?",
        rb"\d{2}-\d{3}[ ]" + _TOWN + _COUNTRY,
        certain=rb"(?i)\A(?:ul\.|al\.|ulica|ulicy|aleja|alei|os\.)",
        opens=rb"(?i:" + _PL_STREET + rb")" + _WORD + rb"{0,64}" + _RUN,
    ),
    AddressRecogniser(
        "nordic",
        rb"(?:" + _NORDIC_STREET + rb")[ ]\d",
        rb"(?:[A-Z\xe9][\w\xe9.\-]{0,24}[ ]){0,2}(?:[A-Z\xe9]?[\w\xe9\-]{2,28})?"
        rb"(?:" + _NORDIC_STREET + rb")"
        rb"[ ]\d{1,4}(?:[ ]?[A-Za-z]\b)?(?:,?[ ](?:lgh[ ]\d{4}|\d{1,2}\.?[ ]?(?:tr\.?|sal|th|tv"
        rb"|mf)))?",
        rb"(?:SE?-|N-|DK-|FI-|S-)?(?:\d{3}[ ]?\d{2}|\d{4})[ ]" + _TOWN + _COUNTRY,
        certain=rb"[A-Z\xe9][\w\xe9\-]*(?:gatan|v\xe9gen|gr\xe9nd|gade|veien|stigen|katu|gata)"
        rb"[ ]\d|[A-Z\xe9]\w* gate \d",
        opens=_FROM_NAME + rb"|[\w\xe9\-]{0,64}(?:" + _NORDIC_STREET + rb")" + _RUN,
    ),
)
"""A recogniser for each country or group of countries."""
