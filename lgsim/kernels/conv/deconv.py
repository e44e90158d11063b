"""Transposed convolutions: the cube runs them as convolutions over the zero-stuffed input."""

from __future__ import annotations

from lgsim.graph.ops import Deconv
from lgsim.kernels.conv.conv import ConvKernel
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, Refusal, Rule

DECONV_RANK = Rule("deconv_rank", "A deconvolution has one or two spatial dimensions.")
DECONV_KERNEL = Rule("deconv_kernel", "The dilated kernel is at least as large as the stride.")


class DeconvKernel(ConvKernel, kinds=(Deconv,)):
    """One- and two-dimensional deconvolution.

    The instruction walks over the outputs with all kernel taps, zeros included: n · ⌈oc/64⌉ ·
    ⌈oh·ow/4⌉ · ⌈ic/p⌉ · kh · kw, the same law as a convolution (reference/commands: unet512).
    """

    rules = (DECONV_RANK, DECONV_KERNEL)
    splits = "every axis but c: a slice needs all input channels and makes all output channels"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """In 1-D and 2-D, if every result meets a tap of the kernel."""
        del features
        attrs = site.attrs
        assert isinstance(attrs, Deconv)
        if len(attrs.kernel) > 2:
            return DECONV_RANK.refuse(
                "a 3-D deconvolution has no local form", value=site.kind, limit="Deconv"
            )
        extents = [(k - 1) * d + 1 for k, d in zip(attrs.kernel, attrs.dilations, strict=True)]
        for extent, stride in zip(extents, attrs.strides, strict=True):
            if extent < stride:
                return DECONV_KERNEL.refuse(
                    "rows between the taps would stay empty",
                    value=f"kernel {extent} with its dilation, stride {stride}",
                    limit="kernel at least as large as the stride",
                    lift="a larger kernel or a smaller stride",
                )
        return None
