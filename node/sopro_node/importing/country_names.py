"""Names of countries that Unicode's locale data lacks: the official ones, and parts for the whole.

Whoever keeps a register writes what stands on the country's own papers, or the sign of its cars.
"""

from collections.abc import Iterator
from typing import Final

_OFFICIAL: Final = """
AT Republik Österreich | Republic of Austria | Osztrák Köztársaság | Oesterreich | Österr.
BE Königreich Belgien | Kingdom of Belgium | Koninkrijk België | Royaume de Belgique
BG Republik Bulgarien | Republic of Bulgaria | Република България | Republika Bulgaria
CH Schweizerische Eidgenossenschaft | Swiss Confederation | Confédération suisse
CH Confederazione Svizzera
CY Republik Zypern | Republic of Cyprus | Κυπριακή Δημοκρατία
CZ Tschechische Republik | Czech Republic | Česká republika | Cseh Köztársaság | Czech Rep.
DE Bundesrepublik Deutschland | Federal Republic of Germany | Német Szövetségi Köztársaság | BRD
DE République fédérale d'Allemagne | Bundesrep. Deutschland
DK Königreich Dänemark | Kingdom of Denmark | Kongeriget Danmark
EE Republik Estland | Republic of Estonia | Eesti Vabariik
ES Königreich Spanien | Kingdom of Spain | Reino de España
FI Republik Finnland | Republic of Finland | Suomen tasavalta | Republiken Finland
FR Französische Republik | French Republic | République française | Francia Köztársaság
GB Great Britain | England | Scotland | Wales | Northern Ireland | U.K. | UK
GB United Kingdom of Great Britain and Northern Ireland
GR Hellenische Republik | Griechische Republik | Hellenic Republic | Ελληνική Δημοκρατία | EL
HR Republik Kroatien | Republic of Croatia | Republika Hrvatska | Horvát Köztársaság
HU Republik Ungarn | Ungarische Republik | Republic of Hungary | Magyar Köztársaság
IE Republik Irland | Republic of Ireland | Poblacht na hÉireann | Rep. of Ireland
IS Republik Island | Republic of Iceland | Lýðveldið Ísland
IT Italienische Republik | Italian Republic | Repubblica Italiana | Olasz Köztársaság
LI Fürstentum Liechtenstein | Principality of Liechtenstein
LT Republik Litauen | Republic of Lithuania | Lietuvos Respublika
LU Großherzogtum Luxemburg | Grand Duchy of Luxembourg | Grand-Duché de Luxembourg
LU Groussherzogtum Lëtzebuerg
LV Republik Lettland | Republic of Latvia | Latvijas Republika
MK Macedonia
MT Republik Malta | Republic of Malta | Repubblika ta' Malta
NL Königreich der Niederlande | Kingdom of the Netherlands | Koninkrijk der Nederlanden
NL The Netherlands | Holland
NO Königreich Norwegen | Kingdom of Norway | Kongeriket Norge | Kongeriket Noreg
PL Republik Polen | Republic of Poland | Rzeczpospolita Polska | Lengyel Köztársaság
PT Portugiesische Republik | Portuguese Republic | República Portuguesa
RO Republica România | Republik Rumänien
RS Republik Serbien | Republic of Serbia | Republika Srbija | Република Србија
SE Königreich Schweden | Kingdom of Sweden | Konungariket Sverige
SI Republik Slowenien | Republic of Slovenia | Republika Slovenija | Szlovén Köztársaság
SK Slowakische Republik | Slovak Republic | Slovenská republika | Szlovák Köztársaság
TR Republik Türkei | Republic of Türkiye | Republic of Turkey | Türkiye Cumhuriyeti | Turkey
UA Republik Ukraine
"""

_SIGNS: Final = """
A=AT B=BE D=DE E=ES F=FR H=HU I=IT L=LU N=NO P=PT S=SE V=VA BIH=BA CRO=HR FL=LI NMK=MK RSM=SM SLO=SI
"""
SIGNS: Final = dict(one.split("=") for one in _SIGNS.split())
"""Signs of cars that are no codes of their countries; a mapping says where they are meant."""


def more_names() -> Iterator[tuple[str, str]]:
    """Go through names and the codes of their countries."""
    for line in _OFFICIAL.split("\n"):
        code, _, names = line.partition(" ")
        for name in names.split("|"):
            if name.strip():
                yield name.strip(), code
