"""ONNX import: a file becomes a `Graph` of catalogue ops with static shapes."""

from lgsim.frontends.onnx.importer import import_onnx

__all__ = ["import_onnx"]
