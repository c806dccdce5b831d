"""What was done to a picture, written into its XMP: the history that picture programs and archives read.

XMP, because JPEG, PNG, TIFF and WebP all hold it, and because its history (ISO 16684-1, ``xmpMM:History``) grows by an
entry where a field of EXIF, such as Software, would lose what the camera or the scanner wrote. No entry has the time of
day in it: the same command makes the same file.
"""

from dataclasses import replace
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from colorzoo._version import __version__
from colorzoo.io.raster import RasterImage

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_EMPTY = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def add_history_entry(scan: RasterImage, entry: str) -> RasterImage:
    """Return a picture whose metadata tell what was done to it; the pixels bear no mark.

    Args:
        scan: The result.
        entry: What was done, by what, and how.

    Returns:
        The same picture with an entry more in its history. An XMP packet that is damaged is replaced, with a remark.
    """
    remarks = scan.remarks
    try:
        xmp = with_entry(scan.metadata.xmp or _EMPTY, entry)
    except ValueError as error:
        xmp, remarks = with_entry(_EMPTY, entry), (*remarks, f"its XMP was replaced: {error}")
    return replace(scan, metadata=replace(scan.metadata, xmp=xmp), remarks=remarks)


def with_entry(xmp: bytes, parameters: str) -> bytes:
    """Return an XMP packet with an entry more in its history.

    Args:
        xmp: The packet.
        parameters: What the entry tells beside the software.

    Raises:
        ValueError: If the packet is damaged.
    """
    if b"<!" in xmp.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        raise ValueError("it declares entities, which XMP has not")
    try:
        packet = minidom.parseString(xmp.strip(b"\0 \t\r\n"))
    except (ExpatError, ValueError, LookupError) as error:
        raise ValueError(f"it is damaged ({error})") from error
    events = _events(packet)
    entry = packet.createElementNS(_RDF, "rdf:li")
    entry.setAttributeNS(_RDF, "rdf:parseType", "Resource")
    fields = {"action": "edited", "softwareAgent": f"colorzoo {__version__}", "parameters": parameters}
    entry.setAttribute("xmlns:rdf", _RDF)
    entry.setAttribute("xmlns:stEvt", _EVENT)
    for name, text in fields.items():
        field = packet.createElementNS(_EVENT, f"stEvt:{name}")
        field.appendChild(packet.createTextNode(text))
        entry.appendChild(field)
    events.appendChild(entry)
    return b"".join(node.toxml(encoding="utf-8") for node in packet.childNodes)


def _events(packet: minidom.Document) -> minidom.Element:
    """Return the list of events of a packet's history, made if there is none."""
    for history in packet.getElementsByTagNameNS(_MM, "History"):
        for events in history.getElementsByTagNameNS(_RDF, "Seq"):
            return events
    roots = packet.getElementsByTagNameNS(_RDF, "RDF")
    if not roots:
        raise ValueError("it has no rdf:RDF")
    description = packet.createElementNS(_RDF, "rdf:Description")
    description.setAttribute("xmlns:rdf", _RDF)
    description.setAttributeNS(_RDF, "rdf:about", "")
    history = packet.createElementNS(_MM, "xmpMM:History")
    history.setAttribute("xmlns:xmpMM", _MM)
    events = packet.createElementNS(_RDF, "rdf:Seq")
    history.appendChild(events)
    description.appendChild(history)
    roots[0].appendChild(description)
    return events
