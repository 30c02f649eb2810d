"""What columns are called in the registers of several countries, and what their words mean.

Written without marks and in small letters, as `countries.fold` returns them, with _ for a space;
what stands first fits best. English, German and Hungarian, then some others.
"""

from collections.abc import Mapping
from typing import Final

from sopro_node.importing.fields import Kind
from sopro_node.importing.guess_assessed_words import (
    APPLICATION_HEADERS,
    APPLICATION_KINDS,
    COMPLAINT_HEADERS,
    COMPLAINT_KINDS,
    EVALUATION_HEADERS,
    EVALUATION_KINDS,
    LEVELS,
    METHODS,
    RECOMMENDATIONS,
    STEPS,
)

_KEY = "id key nr no number nummer kennung azonosito sorszam kod numero company_id reg_no lfd_nr"
_STREET = "street strasse address adresse anschrift utca cim street_address adresse_postale rue"
_POSTAL = "postcode postal_code plz zip zip_code postleitzahl iranyitoszam irsz code_postal cp"
_LOCALITY = "city ort locality town stadt gemeinde varos helyseg telepules ville commune localite"
_COUNTRY = "country land staat orszag pays country_as_entered nation country_code"
_NAME = (
    "legal_name name company company_name organisation organization firma firmenname unternehmen "
    "nev cegnev szervezet tsp_name denomination raison_sociale nom bezeichnung betrieb "
    "provider anbieter trager"
)
_ORGANISATION = (
    "organisation organization company company_id org holder inhaber firma betrieb unternehmen "
    "szervezet ceg jogosult organisation_id organization_id titulaire"
)
_TITLE = (
    "name title product product_name service service_name produkt bezeichnung angebot titel termek "
    "megnevezes szolgaltatas ajanlat nom produit"
)
_LABEL = (
    "label label_no certificate_id zeichen zertifikat vedjegy tanusitvany licence licence_no "
    "service_key product_id company_id offering id key nr no azonosito nummer"
)
_ORDER = (
    "order event_no step seq sequence cycle assessment_year year schritt reihenfolge zyklus jahr "
    "lepes sorrend ciklus ev n nr"
)
_STATUS = (
    "status current_status state decision result entscheidung ergebnis statusz allapot dontes "
    "eredmeny statut"
)
_SINCE = (
    "effective_date since date from seit datum wirksam_ab ab kelt hatalyos datum_ab status_since "
    "status_starting_time date_certified granted_on granted awarded_on awarded award_date "
    "issued_on issued issue_date date_of_issue certified_on certified_since vergeben_am vergeben "
    "vergabedatum erteilt_am erteilt erteilungsdatum verliehen_am verliehen ausgestellt_am "
    "ausgestellt ausstellungsdatum zertifiziert_am zertifiziert_seit odaiteles_napja "
    "odaiteles_datuma odaiteles odaitelve odaitelt megadas_datuma megadva kiadas_datuma kiadas "
    "kiadva kiallitva kezdete mikortol decided_on entschieden_am valid_from gultig_ab gultig_von "
    "gultig_seit ervenyes_ettol ervenyesseg_kezdete"
)
_UNTIL = (
    "valid_until expires expiry valid_to gultig_bis ablauf ervenyesseg_vege until valid_till till "
    "expires_on expiry_date expiration expiration_date end_date bis gultigkeit_bis "
    "gultigkeitsende befristet_bis befristet ablaufdatum lauft_ab lauft_ab_am ende enddatum "
    "lejarat lejarata lejar lejarati_datum ervenyes_eddig hatarido meddig ervenyes"
)
_VALID_FROM = "valid_from gultig_ab gultig_von gultig_seit ervenyes_ettol ervenyesseg_kezdete"
_DECIDED = "decided_on decision_date entschieden_am beschlossen_am dontes_napja dontes_datuma"
_DESCRIPTION = "description beschreibung leiras text about"
_WEBSITE = "website url web homepage webseite internet honlap weboldal www site_web"

HEADERS: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.ORGANISATIONS: {
        "key": _KEY,
        "legal_name": _NAME,
        "street": _STREET,
        "postal_code": _POSTAL,
        "locality": _LOCALITY,
        "country": _COUNTRY,
        "website": _WEBSITE,
        "description": _DESCRIPTION,
        "nuts": "nuts nuts3 nuts_code nuts_2",
        "activities": "nace onace activity activities nace_code teaor tatigkeit tevekenyseg",
    },
    Kind.OFFERINGS: {
        "key": "product_id service_key offering_id offering artikelnummer cikkszam " + _KEY,
        "organisation": _ORGANISATION,
        "name": _TITLE,
        "description": _DESCRIPTION,
        "kind": "kind type art fajta tipus offering_kind",
        "cpv": "cpv cpv_code",
        "gtin": "gtin ean barcode strichcode vonalkod upc gtin13",
    },
    Kind.DECISIONS: {
        "key": _LABEL,
        "order": _ORDER,
        "status": _STATUS,
        "effective_date": _SINCE,
        "valid_until": _UNTIL,
        "valid_from": _VALID_FROM,
        "decided_on": _DECIDED,
        "offering": "offering product service angebot ajanlat termek",
        "certificate": "certificate certificate_no zertifikatsnummer",
    },
    Kind.APPLICATIONS: APPLICATION_HEADERS,
    Kind.EVALUATIONS: EVALUATION_HEADERS,
    Kind.COMPLAINTS: COMPLAINT_HEADERS,
}

STATUS_SINCE: Final = (
    "status_since status_date status_from status_starting_time status_seit status_datum status_ab "
    "statusz_datuma statusz_kelte withdrawn_on withdrawn_at date_withdrawn withdrawal_date "
    "revoked_on revocation_date date_revoked suspended_on suspended_since suspension_date "
    "terminated_on ended_on decertified_on de_certified_on entzogen_am entzug_am entzugsdatum "
    "ausgesetzt_am ausgesetzt_seit ruht_seit beendet_am zuruckgelegt_am erloschen_am "
    "visszavonas_datuma visszavonas_napja visszavonva felfuggesztve felfuggesztes_datuma "
    "megszunes_datuma date_retrait retire_le suspendu_le"
)
"""Since when a label has had its status, in a list of how labels stand now."""
LABEL_NUMBERS: Final = (
    "licence_number license_number licence_no license_no label_number label_no certificate_no "
    "certificate_number zertifikatsnummer zeichennummer lizenznummer engedelyszam"
)
"""What the number of a label is called."""
_STATUS_SINCE = frozenset(STATUS_SINCE.split())
STANDING_HEADERS: Final[Mapping[str, str]] = {
    "key": f"{LABEL_NUMBERS} {_LABEL}",
    "status": _STATUS,
    "effective_date": STATUS_SINCE,
    "granted_on": " ".join(word for word in _SINCE.split() if word not in _STATUS_SINCE),
    "valid_until": _UNTIL,
    "valid_from": _VALID_FROM,
    "decided_on": _DECIDED,
}
"""Columns of labels of which each row says how one stands now."""

IDENTIFIERS: Final[Mapping[str, str]] = {
    "VAT": "vat vat_id vat_number vat_no ust_id uid_nummer tva eu_adoszam",
    "UID": "uid atu",
    "ADOSZAM": "adoszam ado_szam tax_number_hu",
    "CEGJEGYZEKSZAM": "cegjegyzekszam cg_szam",
    "FN": "fn firmenbuchnummer firmenbuch fb_nummer",
    "SIRET": "siret numero_siret",
    "SIREN": "siren numero_siren",
    "LEI": "lei lei_code",
    "EUID": "euid",
    "ZVR": "zvr zvr_zahl vereinsregister",
}

STATUSES: Final[Mapping[str, str]] = {
    "hold": (
        "active valid granted certified accredited current erteilt gultig aktiv verliehen "
        "zertifiziert odaitelve ervenyes megadva yes ja igen passed pass bestanden megfelelt"
    ),
    "end": (
        "withdrawn revoked expired ended terminated decertified de_certified inactive entzogen "
        "abgelaufen erloschen ungultig inaktiv visszavonva lejart megszunt torolve no nein nem "
        "failed fail"
    ),
    "reinstate": "reinstated wieder_eingesetzt visszaallitva",
    "extend_scope": "scope_extended umfang_erweitert bovitve",
    "suspend": "suspended ausgesetzt ruhend felfuggesztve",
    "renew": "renewed verlangert erneuert megujitva",
    "refuse": "refused rejected abgelehnt elutasitva",
    "terminate_on_request": "resigned zuruckgelegt lemondott lemondott_rola",
}

NO_DAY: Final = (
    "unbefristet unbegrenzt unlimited indefinite no_end open_ended permanent none null na n_a nil "
    "keine kein_ablauf ohne offen unbekannt unknown hatarozatlan hatarozatlan_ideju nincs "
    "nincs_adat illimite sans_limite inconnu bezterminowo bezterminowe neomezeno doba_neurcita "
    "neurcito nedoloceno na_neodredeno neograniceno illimitato indefinido onbepaald tillsvidare "
    "ubegraenset"
)
"""What stands where there is no day."""

OFFERING_KINDS: Final[Mapping[str, str]] = {
    "product": "product produkt ware termek produit",
    "service": "service dienstleistung szolgaltatas",
    "material_recovery": "recovery wiedergewinnung anyagvisszanyeres recycling",
}

VALUES: Final[Mapping[Kind, Mapping[str, Mapping[str, str]]]] = {
    Kind.OFFERINGS: {"kind": OFFERING_KINDS},
    Kind.APPLICATIONS: {"kind": APPLICATION_KINDS, "step": STEPS},
    Kind.EVALUATIONS: {
        "kind": EVALUATION_KINDS,
        "level": LEVELS,
        "method": METHODS,
        "recommendation": RECOMMENDATIONS,
    },
    Kind.COMPLAINTS: {"kind": COMPLAINT_KINDS},
}
