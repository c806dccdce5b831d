"""What XMP says of the pixels themselves, and what it is to say once they have changed."""

from colorzoo.io.xmp import Name

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
_CAMERA = "http://ns.google.com/photos/1.0/camera/"

_GONE: dict[Name, None] = dict.fromkeys(
    [
        *((_TIFF, name) for name in ("BitsPerSample", "Compression", "PhotometricInterpretation", "SamplesPerPixel")),
        *((_TIFF, name) for name in ("PlanarConfiguration", "YCbCrSubSampling", "YCbCrPositioning")),
        *((_CAMERA, name) for name in ("MicroVideo", "MicroVideoVersion", "MicroVideoOffset", "MotionPhoto")),
        *((_CAMERA, name) for name in ("MotionPhotoVersion", "MotionPhotoPresentationTimestampUs")),
        (_CAMERA, "MicroVideoPresentationTimestampUs"),
        ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
        ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
        ("http://ns.adobe.com/hdr-gain-map/1.0/", "*"),
        ("http://ns.apple.com/HDRGainMap/1.0/", "*"),
        ("http://ns.apple.com/pixeldatainfo/1.0/", "*"),
        ("http://ns.google.com/photos/1.0/container/", "*"),
        ("http://ns.google.com/photos/1.0/image/", "*"),
        ("http://ns.google.com/photos/1.0/depthmap/", "*"),
    ]
)
"""How the old file stored its pixels; previews; gain maps, depths and films that lay beside them."""
_CROP = ("HasCrop", "CropTop", "CropLeft", "CropBottom", "CropRight", "CropAngle")
PLACES: dict[str, dict[Name, None]] = {
    "its crop": {(_RAW, name): None for name in _CROP},
    "the place of its subject": {(_EXIF, name): None for name in ("SubjectArea", "SubjectLocation")},
    "the places of faces and other regions": {
        ("http://www.metadataworkinggroup.com/schemas/regions/", "Regions"): None,
        ("http://ns.microsoft.com/photo/1.2/", "RegionInfo"): None,
        ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "ImageRegion"): None,
        ("http://ns.acdsee.com/regions/", "Regions"): None,
    },
}
"""What tells of places in the image, which are others once it has been turned, in words and by names."""


def upright_changes(width: int, height: int) -> dict[Name, str | None]:
    """Return what XMP is to say of an image that has been read and turned upright.

    Args:
        width: Of the upright image, in pixels.
        height: Likewise.
    """
    sizes: dict[Name, str | None] = {
        (_TIFF, "ImageWidth"): str(width),
        (_TIFF, "ImageLength"): str(height),
        (_EXIF, "PixelXDimension"): str(width),
        (_EXIF, "PixelYDimension"): str(height),
        (_TIFF, "Orientation"): "1",
    }
    return sizes | _GONE


def srgb_changes() -> dict[Name, str | None]:
    """Return what XMP is to say of an image whose levels have become sRGB."""
    return {
        (_EXIF, "ColorSpace"): "1",
        (_PHOTOSHOP, "ColorMode"): "3",
        (_PHOTOSHOP, "ICCProfile"): "sRGB IEC61966-2.1",
        # A program that develops images as this says would show them in grey.
        (_RAW, "ConvertToGrayscale"): "False",
        (_RAW, "Treatment"): "Color",
    }
