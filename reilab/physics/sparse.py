"""SparseMap: a fixed sparse matrix with its transpose, differentiable, on CPU and CUDA."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from scipy import sparse
from torch import Tensor


class _Multiply(torch.autograd.Function):
    """M times each row of x; the gradient is Mᵀ, through this same function."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, transpose: Tensor) -> Tensor:
        ctx.pair = transpose, matrix
        return (matrix @ x.T).T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        result: Tensor = _Multiply.apply(gradients[0], *ctx.pair)
        return result, None, None


@dataclass(frozen=True, eq=False)
class SparseMap:
    """M with shape (rows, columns), both M and Mᵀ in compressed rows.

    The transpose is stored, so that both directions are the same kind of product.
    """

    matrix: Tensor
    transpose: Tensor

    @classmethod
    def of(
        cls, matrix: sparse.coo_array, device: torch.device | str, dtype: torch.dtype
    ) -> SparseMap:
        """From a scipy matrix; entries at the same place are added."""
        return cls(
            _to_torch(sparse.csr_array(matrix), device, dtype),
            _to_torch(sparse.csr_array(matrix.T), device, dtype),
        )

    def __call__(self, x: Tensor) -> Tensor:
        """M applied to each row of x: (B, columns) to (B, rows)."""
        result: Tensor = _Multiply.apply(x, self.matrix, self.transpose)
        return result

    def double(self, parts: int = 1) -> SparseMap:
        """In float64, and with its rows in ``parts`` equal blocks that are added up."""
        n_rows, n_columns = self.matrix.shape
        counts = self.matrix.crow_indices().diff()
        rows = torch.arange(n_rows, device=counts.device).repeat_interleave(counts) % (
            n_rows // parts
        )
        columns, values = self.matrix.col_indices(), self.matrix.values().double()
        entries = (values.cpu().numpy(), (rows.cpu().numpy(), columns.cpu().numpy()))
        added = sparse.coo_array(entries, shape=(n_rows // parts, n_columns))
        return SparseMap.of(added, self.matrix.device, torch.float64)

    @property
    def T(self) -> SparseMap:
        """The transposed map; shares the memory."""
        return SparseMap(self.transpose, self.matrix)


def _to_torch(matrix: sparse.csr_array, device: torch.device | str, dtype: torch.dtype) -> Tensor:
    matrix.sum_duplicates()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype("int32")),
            torch.from_numpy(matrix.indices.astype("int32")),
            torch.from_numpy(matrix.data).to(dtype),
            matrix.shape,
            device=device,
            check_invariants=False,
        )
