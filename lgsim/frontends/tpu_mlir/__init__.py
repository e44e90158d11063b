"""Front end for the graph that tpu-mlir has lowered and is about to group."""

from lgsim.frontends.tpu_mlir.importer import MlirNetwork, import_mlir, import_mlir_network

__all__ = ["MlirNetwork", "import_mlir", "import_mlir_network"]
