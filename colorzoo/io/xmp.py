"""Changes an XMP packet where it lies, so that what is not changed stays as it was written.

ISO 16684-1. A parser finds the places and the text is spliced there: nothing recurses, however deep a packet is nested.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MM = "http://ns.adobe.com/xap/1.0/mm/"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"

_START_TAG = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_EMPTY = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()

Name = tuple[str, str]
"""A namespace, and a name in it."""
_Splice = tuple[int, int, str]
"""From where to where something else is to stand."""


class XmpError(ValueError):
    """The packet is damaged."""


@dataclass
class _Element:
    """An element: its name, where it and its content begin and end, and the names of its attributes."""

    name: Name
    parent: "_Element | None"
    start: int
    content: int
    attributes: dict[str, Name]
    content_end: int = 0
    end: int = 0
    children: list["_Element"] = field(default_factory=list)


def edit_xmp(packet: bytes, changes: Mapping[Name, str | None]) -> bytes:
    """Return an XMP packet, in UTF-8, whose properties say something else.

    Args:
        packet: In UTF-8, UTF-16 or UTF-32.
        changes: What a property is to say, if it is there; None drops it. The name ``*`` stands for all of a namespace.

    Raises:
        XmpError: If the packet is damaged, or declares entities.

    Example:
        >>> xmp = add_event(b"", {"action": "edited"})
        >>> b"History" in edit_xmp(xmp, {(MM, "History"): None})
        False
    """
    packet, elements = _parse(packet)
    splices: list[_Splice] = []
    for description in elements:
        if description.name == (RDF, "Description") and description.parent and description.parent.name == (RDF, "RDF"):
            splices += _attribute_splices(packet, description, changes)
            splices += _child_splices(description, changes)
    return _splice(packet, splices)


def add_event(packet: bytes, fields: Mapping[str, str]) -> bytes:
    """Return an XMP packet, in UTF-8, with an entry more at the end of its history.

    Args:
        packet: As for `edit_xmp`; empty for a new one.
        fields: What the entry says, by the names that ISO 16684-1 gives to the fields of a ResourceEvent.

    Raises:
        XmpError: As `edit_xmp`.
    """
    packet, elements = _parse(packet or _EMPTY)
    texts = "".join(f"<stEvt:{name}>{_escape(text)}</stEvt:{name}>" for name, text in fields.items())
    entry = f'<rdf:li xmlns:rdf="{RDF}" xmlns:stEvt="{EVENT}" rdf:parseType="Resource">{texts}</rdf:li>'
    for element in elements:
        if element.name == (RDF, "Seq") and element.parent and element.parent.name == (MM, "History"):
            return _splice(packet, [_insertion(packet, element, entry)])
    for element in elements:
        if element.name == (RDF, "RDF"):
            history = (
                f'<rdf:Description xmlns:rdf="{RDF}" rdf:about="" xmlns:xmpMM="{MM}">'
                f"<xmpMM:History><rdf:Seq>{entry}</rdf:Seq></xmpMM:History></rdf:Description>"
            )
            return _splice(packet, [_insertion(packet, element, history)])
    raise XmpError("it has no rdf:RDF")


def _parse(packet: bytes) -> tuple[bytes, list[_Element]]:
    """Return a packet in UTF-8 without padding, and its elements, each after those around it."""
    try:
        text = packet.decode(json.detect_encoding(packet)).strip("\ufeff\0 \t\r\n")
        text = re.sub(r"^<\?xml\s.*?\?>\s*", "", text, flags=re.DOTALL)
        body, trailer, rest = text.rpartition("<?xpacket end")
        data = (body.rstrip() + trailer + rest).encode()
        return data, _Parser(data).elements
    except (expat.ExpatError, UnicodeError, LookupError) as error:
        raise XmpError(f"it is damaged ({error})") from error


class _Parser:
    """Finds the elements of a packet in UTF-8."""

    def __init__(self, data: bytes) -> None:
        self.elements: list[_Element] = []
        self._data = data
        self._opened: list[_Element] = []
        self._namespaces: dict[str, list[str]] = defaultdict(lambda: [""])
        self._expat = expat.ParserCreate("utf-8")
        self._expat.StartElementHandler, self._expat.EndElementHandler = self._begin, self._end
        self._expat.StartDoctypeDeclHandler = self._refuse
        self._expat.Parse(data, True)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        for prefix in _declared(attributes):
            self._namespaces[prefix].append(attributes[f"xmlns:{prefix}"])
        start = self._expat.CurrentByteIndex
        tag = _START_TAG.match(self._data, start)
        assert tag is not None  # the parser has accepted it
        parent = self._opened[-1] if self._opened else None
        names = {key: self._resolve(key) for key in attributes}
        element = _Element(self._resolve(name), parent, start, tag.end(), names)
        self.elements.append(element)
        self._opened.append(element)
        if parent:
            parent.children.append(element)

    def _end(self, name: str) -> None:
        element = self._opened.pop()
        for prefix in _declared(element.attributes):
            self._namespaces[prefix].pop()
        element.content_end = element.end = element.content
        if not _is_empty(self._data, element):
            element.content_end = self._expat.CurrentByteIndex
            element.end = self._data.index(b">", element.content_end) + 1

    def _resolve(self, name: str) -> Name:
        """Return a name with its namespace in place of its prefix."""
        prefix, _, local = name.rpartition(":")
        return self._namespaces[prefix][-1] if prefix else "", local

    def _refuse(self, *_: object) -> None:
        raise XmpError("it declares entities, which XMP has not")


def _declared(attributes: Mapping[str, object]) -> Iterator[str]:
    """Return the prefixes that attributes declare."""
    return (name.removeprefix("xmlns:") for name in attributes if name.startswith("xmlns:"))


def _is_empty(packet: bytes, element: _Element) -> bool:
    return packet[element.content - 2 : element.content] == b"/>"


def _attribute_splices(packet: bytes, element: _Element, changes: Mapping[Name, str | None]) -> Iterator[_Splice]:
    for found in _ATTRIBUTE.finditer(packet, element.start, element.content):
        key = found[1].decode()
        name = element.attributes[key]
        if name in changes or (name[0], "*") in changes:
            value = changes.get(name)
            yield (*found.span(), "" if value is None else f' {key}="{_escape(value)}"')


def _child_splices(element: _Element, changes: Mapping[Name, str | None]) -> Iterator[_Splice]:
    for child in element.children:
        if child.name in changes or (child.name[0], "*") in changes:
            value = changes.get(child.name)
            if value is None or child.children or child.content == child.end:
                yield child.start, child.end, ""
            else:
                yield child.content, child.content_end, _escape(value)


def _insertion(packet: bytes, element: _Element, content: str) -> _Splice:
    """Return what adds to the end of an element's content."""
    if not _is_empty(packet, element):
        return element.content_end, element.content_end, content
    name = packet[element.start + 1 : element.content - 2].split(maxsplit=1)[0].decode()
    return element.content - 2, element.content, f">{content}</{name}>"


def _splice(packet: bytes, splices: list[_Splice]) -> bytes:
    parts, position = [], 0
    for start, end, content in sorted(splices):
        parts += [packet[position:start], content.encode("utf-8", "replace")]
        position = end
    return b"".join(parts) + packet[position:]


def _escape(text: str) -> str:
    text = re.sub(r"[\0-\x08\x0b\x0c\x0e-\x1f]", "?", text)  # XML has no way to say them
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
