"""Fusion CNN with transfer: a classifier trained on ImageNet describes the image in place of the global branch.

Suh, Nassiri Nazif and Kumar, "Old Image De-noising and Auto-Colorization" (CS229, 2017), section III.D: a frozen ResNet
that sees the grey image stacked to three channels and scaled to 224x224.

    L (32x32) -> encoder ---------------------------------> 8x8x128 -> fusion 8x8x256 -> decoder -> a*b*
         +-----> scaled -> backbone -> projection -> 128 ---------------^
                                                      +-> class logits
"""

from typing import ClassVar, Literal

from torch import Tensor, nn

from colorzoo.models._fusion import GLOBAL, FusionColorizer
from colorzoo.models._timm_encoder import Backbone


class FusionTransfer(FusionColorizer):
    """Fusion CNN whose global branch is a pretrained network of timm.

    Args:
        backbone: Name of a model of timm.
        features: ``"pooled"``, the document's one vector for all positions, or ``"maps"``: the backbone's last two
            feature maps, so that each position hears what is there.
        frozen: Keep the backbone as it is, as the document does; False trains it along.
        input_size: Edge in pixels to which the grey image is scaled for the backbone; the document's is 224.
        alpha: Weight of the class head's cross entropy beside the a*b* MSE; 0 trains on the MSE alone.
        num_classes: Number of classes of the head.
        backbone_weights: What the backbone starts from: ``"imagenet"`` (downloaded by timm, or from an installed
            package), a file of a classifier's weights, a published model or a run's file whose backbone is the same
            (its number of classes need not be), or None for random ones. Not asked for where ``weights`` bring those
            of the backbone too.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If timm has no such model or a number is out of its range.
        CheckpointError: If the weights do not fit.

    Example:
        >>> import torch
        >>> model = FusionTransfer(input_size=32).eval()
        >>> model(torch.rand(1, 1, 32, 32)).shape
        torch.Size([1, 3, 32, 32])
    """

    paper = "Suh, Nassiri Nazif, Kumar: Old Image De-noising and Auto-Colorization (CS229, 2017), section III.D"
    working_size = 32
    backbone_modules = ("encoder", "backbone")
    ignored_hparams: ClassVar[tuple[str, ...]] = ("backbone_weights", "weights")

    def __init__(
        self,
        backbone: str = "resnet18",
        features: Literal["pooled", "maps"] = "pooled",
        frozen: bool = True,
        input_size: int = 64,
        alpha: float = 1 / 300,
        num_classes: int = 10,
        backbone_weights: str | None = None,
        weights: str | None = None,
    ) -> None:
        if features not in ("pooled", "maps"):
            raise ValueError(f"features is {features!r}; give 'pooled' or 'maps'")
        super().__init__(alpha=alpha, num_classes=num_classes)
        self.backbone = Backbone(backbone, features == "maps", input_size)
        self.projection = nn.Sequential(nn.Conv2d(self.backbone.channels, GLOBAL, kernel_size=1), nn.ReLU())
        self.build_decoder()
        if backbone_weights is not None and weights is None:
            self.backbone.load_pretrained(backbone_weights)
        if frozen:
            self.freeze("backbone")

    def summary(self, lightness: Tensor, mid: Tensor) -> Tensor:
        projected: Tensor = self.projection(self.backbone(lightness, (mid.shape[-2], mid.shape[-1])))
        return projected
