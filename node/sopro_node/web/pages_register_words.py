"""Words of organisations, offerings, relations and what was found about criteria."""

from collections.abc import Mapping
from typing import Final

from sopro_node.web.i18n import mark

HOLDERS: Final[Mapping[str, str]] = {
    "social_enterprise": mark("social enterprise"),
    "enterprise": mark("enterprise"),
    "public_institution": mark("public institution"),
    "consulting_institution": mark("consulting institution"),
    "support_organisation": mark("support organisation"),
    "funder": mark("funder"),
    "knowledge_institution": mark("knowledge institution"),
    "network": mark("network"),
    "service_site": mark("service site"),
}
SCALES: Final[Mapping[str, str]] = {
    "local": mark("local"),
    "regional": mark("regional"),
    "national": mark("national"),
    "european": mark("European"),
    "global": mark("global"),
}
ORGANISATIONS: Final[Mapping[str, str]] = {
    "active": mark("exists"),
    "inactive": mark("not active at present"),
    "dissolved": mark("dissolved"),
    "moved_to_site": mark("moved to another site"),
}
OFFERED: Final[Mapping[str, str]] = {
    "draft": mark("not offered yet"),
    "published": mark("offered"),
    "paused": mark("not offered at present"),
    "withdrawn": mark("no longer offered"),
}
# What the other organisation is to this one: where this one states it, and where the other does.
RELATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "successor_of": (mark("was followed by this one"), mark("follows this one")),
    "merged_into": (mark("took this one in"), mark("was merged into this one")),
    "part_of": (mark("this one is part of it"), mark("is part of this one")),
    "same_as": (mark("is the same organisation"), mark("is the same organisation")),
}
RESULTS: Final[Mapping[str, str]] = {
    "conform": mark("met"),
    "minor_nc": mark("minor deviation"),
    "major_nc": mark("major deviation"),
    "not_applicable": mark("does not apply"),
    "not_assessed": mark("not assessed"),
}
# Shown as a label of this status is.
RESULT_STYLES: Final[Mapping[str, str]] = {
    "conform": "active",
    "minor_nc": "suspended",
    "major_nc": "revoked",
    "not_applicable": "active",
    "not_assessed": "none",
}
LEVELS: Final[Mapping[str, str]] = {
    "self": mark("who offers it"),
    "second_party": mark("somebody with an interest in it"),
    "third_party": mark("an independent third party"),
}
EVALUATIONS: Final[Mapping[str, str]] = {
    "initial": mark("first evaluation"),
    "surveillance": mark("surveillance"),
    "recertification": mark("evaluation anew"),
    "special": mark("special evaluation"),
}
# How it is found out whether a criterion is met.
WAYS: Final[Mapping[str, str]] = {
    "document": mark("documents that are handed in"),
    "on_site": mark("a visit on site"),
    "test": mark("a test"),
    "third_party_label": mark("a label or standard of somebody else"),
}
