"""What commands ask about lists of codes: publish one, which there are, what is in them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sopro_node.acting import act
from sopro_node.node import Node
from sopro_node.operators import BY
from sopro_protocol.errors import RefusedError
from sopro_registry.codelists import format_list
from sopro_registry.families import codelist

Answer = dict[str, Any]


async def publish_codelist(node: Node, values: Mapping[str, Any]) -> Answer:
    """Publish a version of a list of codes, at the coordinator.

    `list`, `version`, `valid_from`, `codes`: code to text by language; `title`?, `uri`?,
    `licence`?. Answers `list`, `version`, `size`, `digest`, and `index`: None where the same codes
    are published under that version already.

    Raises:
        RefusedError: this node is no coordinator, or that version has other codes.
    """
    if not node.identity.coordinator:
        raise RefusedError("only the coordinator publishes lists of codes", code="lbl.competence")
    name, codes = values["list"], values["codes"]
    content = format_list(codes)
    digest = hashlib.sha256(content).digest()
    answer = {"list": name, "version": values["version"], "size": len(codes), "digest": digest}
    before = node.holdings.directory.codelist(name, version=values["version"])
    if before is not None and before[1].digest == digest:
        return answer | {"index": None}
    fields = ("codes", "licence", "list", "title", "uri", "valid_from", "version")
    told = {field: values[field] for field in fields if values.get(field)}
    done = await act(node, {"act": "codelist.publish", "told": told, BY: values.get(BY)})
    return answer | {"index": done["index"]}


async def codelists(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List every version of every list of codes. Answers `codelists`, as `_describe`."""
    return {"codelists": [_describe(node, one) for one in node.holdings.directory.codelists()]}


async def codelist_at(node: Node, values: Mapping[str, Any]) -> Answer:
    """Return a list with its codes. `list`; `version`?: the latest if not given.

    Answers as `codelists`, and `codes`: code to text by language.

    Raises:
        NotFoundError: it is not published, or its document is not here.
    """
    body, codes = node.codelists.get(values["list"], values.get("version") or "")
    return _describe(node, body) | {"codes": {code: dict(text) for code, text in codes.items()}}


def _describe(node: Node, body: codelist.Body) -> Answer:
    held = node.codelists.find(body.list, body.version)
    return {
        "list": body.list,
        "version": body.version,
        "valid_from": body.valid_from,
        "size": body.size,
        "digest": body.digest,
        "title": dict(body.title or {}),
        "licence": body.licence or "",
        "uri": body.uri or "",
        "is_here": held is not None and held.codes is not None,
    }
