"""What columns of applications, evaluations and complaints are called, and what their words mean.

Written as `guess_words` has them. Days stand first: a column of days is never a key or a text.
"""

from collections.abc import Mapping
from typing import Final

_KEY = "id key nr no number nummer kennung azonosito sorszam szam lfd_nr"
_LABEL = (
    "label label_id label_no label_number label_key certificate certificate_id certificate_no "
    "certificate_number licence licence_no zeichen zeichennummer zertifikat zertifikatsnummer "
    "zertifikat_nr label_nr lizenz lizenznummer vedjegy vedjegyszam vedjegy_szama tanusitvany "
    "tanusitvanyszam tanusitvany_szama"
)
_VERSION = "criteria_version kriterienversion kriterienfassung fassung version verzio"
_ANY_DAY = "date day datum tag nap kelt"

APPLICATION_HEADERS: Final[Mapping[str, str]] = {
    "submitted_on": (
        "submitted_on submitted submission_date application_date received_on received filed_on "
        "eingereicht_am eingereicht eingelangt_am eingelangt eingang eingangsdatum antragsdatum "
        "beantragt_am beantragt benyujtva benyujtas_datuma benyujtas_napja beadva beadas_datuma "
        f"kerelem_datuma {_ANY_DAY}"
    ),
    "effective_date": (
        "effective_date status_since state_since since stand_seit stand_vom status_seit seit "
        "allapot_kelte allapot_datuma hatalyos"
    ),
    "key": (
        "application application_id application_no antrag antragsnummer antrag_nr aktenzahl "
        "geschaftszahl akt file file_no kerelem kerelemszam kerelem_szama ugyszam iktatoszam "
        f"{_KEY}"
    ),
    "organisation": (
        "organisation organization organisation_id applicant applicant_id antragsteller "
        "antragstellerin company company_id firma betrieb unternehmen kerelmezo palyazo szervezet "
        "ceg"
    ),
    "offering": (
        "offering offering_id product product_id product_no service service_id produkt produkt_nr "
        "produktnummer artikelnummer angebot dienstleistung ajanlat termek termekszam "
        "termek_azonosito cikkszam szolgaltatas"
    ),
    "criteria_version": _VERSION,
    "kind": "kind type application_type art antragsart fajta tipus kerelem_tipusa",
    "step": "step stage state status schritt stand bearbeitungsstand statusz allapot szakasz",
}
EVALUATION_HEADERS: Final[Mapping[str, str]] = {
    "performed_on": (
        "performed_on performed evaluated_on evaluation_date audited_on audit_date assessed_on "
        "assessment_date inspected_on inspection_date gepruft_am pruftag prufdatum prufungsdatum "
        "auditdatum auditiert_am begutachtet_am bewertet_am kontrolliert_am ellenorizve "
        "ellenorzes_datuma ellenorzes_napja ertekeles_datuma ertekelve vizsgalat_datuma "
        f"audit_datuma {_ANY_DAY}"
    ),
    "label": _LABEL,
    "key": (
        "evaluation evaluation_id evaluation_no audit audit_id audit_no assessment_id "
        "assessment_no report_no prufung pruf_nr prufnummer prufungsnummer auditnummer bericht "
        "berichtsnummer ellenorzes_szama ertekeles_szama jelentes_szama "
        f"{_KEY}"
    ),
    "assessor": (
        "assessor auditor evaluator inspector assessed_by audited_by evaluated_by gepruft_von "
        "prufer pruferin auditorin gutachter gutachterin begutachtet_von bewertet_von kontrolleur "
        "ertekelo auditalo ellenor ellenorizte vizsgalo"
    ),
    "criteria_version": _VERSION,
    "kind": (
        "kind type evaluation_type audit_type art prufungsart auditart anlass fajta tipus "
        "ellenorzes_tipusa"
    ),
    "level": "level ebene szint",
    "method": "method methode prufmethode verfahren modszer",
    "recommendation": (
        "recommendation result outcome empfehlung ergebnis votum ajanlas javaslat eredmeny"
    ),
}
COMPLAINT_HEADERS: Final[Mapping[str, str]] = {
    "received_on": (
        "received_on received complaint_date filed_on eingegangen_am eingegangen eingelangt_am "
        "eingelangt eingang eingangsdatum beerkezett beerkezes beerkezes_datuma beerkezes_napja "
        f"erkezett panasz_datuma {_ANY_DAY}"
    ),
    "withdrawn_on": (
        "withdrawn_on withdrawn zuruckgezogen_am zuruckgezogen visszavonva visszavonas_datuma"
    ),
    "certificate": _LABEL,
    "label": _LABEL,
    "key": (
        "complaint complaint_id complaint_no beschwerde beschwerdenummer beschwerde_nr panasz "
        f"panaszszam panasz_szama ugyszam iktatoszam aktenzahl {_KEY}"
    ),
    "kind": "kind type category about art kategorie betrifft fajta tipus kategoria targy",
    "text": (
        "text words description details complaint beschreibung inhalt wortlaut beschwerde leiras "
        "szoveg tartalom panasz"
    ),
}

STEPS: Final[Mapping[str, str]] = {
    "submitted": "new open offen neu eingereicht eingelangt benyujtva uj nyitott",
    "accepted": "angenommen in_bearbeitung elfogadva folyamatban in_progress",
    "returned": "zuruckgestellt nachzureichen hianypotlas visszakuldve",
    "refused_intake": "rejected zuruckgewiesen visszautasitva",
    "lapsed": "expired verfallen elevult",
    "withdrawn": "zuruckgezogen visszavonva",
}
APPLICATION_KINDS: Final[Mapping[str, str]] = {
    "initial": "new first erstantrag neuantrag erst neu uj elso",
    "transfer": "ubernahme ubertragung atvetel atruhazas",
}
EVALUATION_KINDS: Final[Mapping[str, str]] = {
    "surveillance": "monitoring uberwachung uberwachungsaudit felugyelet felugyeleti",
    "recertification": "renewal rezertifizierung verlangerung ujratanusitas megujitas",
    "special": "sonderprufung anlassbezogen rendkivuli",
}
LEVELS: Final[Mapping[str, str]] = {
    "self": "self_assessment selbst selbstbewertung onertekeles",
    "second_party": "zweite_partei masodik_fel",
    "third_party": "independent unabhangig dritte_partei harmadik_fel fuggetlen",
}
METHODS: Final[Mapping[str, str]] = {
    "document": "documents desk desk_review dokumente aktenprufung dokumentum iratok",
    "on_site": "site_visit visit vor_ort vorort besuch helyszini helyszinen",
    "test": "lab messung labor prufung meres teszt",
    "interview": "gesprach befragung interju",
}
RECOMMENDATIONS: Final[Mapping[str, str]] = {
    "positive": "positiv pass passed bestanden pozitiv megfelelt",
    "conditional": "bedingt mit_auflagen felteteles",
    "negative": "negativ fail failed nicht_bestanden nem_felelt_meg",
}
COMPLAINT_KINDS: Final[Mapping[str, str]] = {
    "non_conformity": "product quality mangel nichtkonformitat qualitat nem_megfeleloseg minoseg",
    "misuse": "abuse missbrauch visszaeles",
    "procedure": "process verfahren eljaras",
}
RESULTS: Final[Mapping[str, str]] = {
    "conform": "yes ja igen ok pass passed konform erfullt bestanden megfelel megfelelt teljesult",
    "minor_nc": "minor nebenabweichung geringfugig kisebb enyhe",
    "major_nc": "major hauptabweichung schwerwiegend sulyos",
    "not_applicable": "n_a n/a entfallt nicht_anwendbar nem_alkalmazhato nem_ertelmezheto",
    "not_assessed": "nicht_gepruft nem_vizsgalt",
}
